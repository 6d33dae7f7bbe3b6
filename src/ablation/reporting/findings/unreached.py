"""Where no cell reaches the target nothing can be said of times: that, and a target that would tell, by its command."""

import math
import shlex
from dataclasses import replace

from ablation.reporting.analysis import Analysis


def none_arrives(analysis: Analysis) -> bool:
    """Whether cells were trained and none of the tuned ones reached the target."""
    return not analysis.design.untrained and analysis.censoring.whole == 1


def telling_target(analysis: Analysis) -> float | None:
    """A score that at least half of the tuned cells reach, or else one does; None where none is better than guessing.

    It is of two digits, or of three where that takes it above guessing.
    """
    best, guessing = analysis.tuned["accuracy"].astype(float), max(float(analysis.tuned["chance"].max()), 0.0)
    for score in (float(best.median()), float(best.max())):
        for scale in (100, 1000):
            target = math.floor(scale * score + 1e-9) / scale
            if guessing < target < 1:
                return target
    return None


def nothing_of_times(analysis: Analysis) -> tuple[str, str]:
    """The sentence, and the command of a report that can compare times, if there is one."""
    design = analysis.design
    text = f"No tuned run reaches {design.goal} within {design.length}, so that nothing can be said of times"
    target = telling_target(analysis)
    if target is None:
        return f"{text}; none is better than guessing.", ""
    share = float((analysis.tuned["accuracy"] >= target).mean())
    overrides = replace(analysis.options, target=target).overrides()
    command = shlex.join(["python", "pipelines/report.py", f"name={analysis.manifest['name']}", *overrides])
    return f"{text}; {design.score.goal(target)} is reached by {share:.0%} of them.", command
