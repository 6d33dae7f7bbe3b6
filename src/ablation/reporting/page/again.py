"""What was run, and what makes it again: the end of the page."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from ablation.records.unfinished import unfinished_text
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.naming import numbered
from ablation.reporting.options import Options
from ablation.reporting.wording.captions import seeds_text


def size(manifest: Mapping[str, Any], design: Design) -> str:
    """The study's size in one sentence."""
    counts, varying = manifest["cells"], [factor for factor, levels in design.levels.items() if len(levels) > 1]
    crossed = f"; {', '.join(varying)} vary" if len(varying) > 1 else f"; {varying[0]} varies" if varying else ""
    data = " and ".join(design.short("data", level, 60) for level in design.levels["data"])
    begins = f"{told} " if (told := unfinished_text(manifest)) else ""
    return (
        f"{begins}A study of {plural(counts['expected'], 'cell')}, {counts['finished']:,} finished and "
        f"{counts['diverged']:,} diverged; {design.length} on {data}, "
        f"{seeds_text(design)}{crossed}."
    )


def commands(manifest: Mapping[str, Any], options: Options) -> list[tuple[str, str]]:
    """What makes the results, and what makes the report out of them, with this report's own options."""
    study = shlex.join(["python", "pipelines/study.py", *manifest["overrides"]])
    report = shlex.join(["python", "pipelines/report.py", f"name={manifest['name']}", *options.overrides()])
    return [
        ("Train every cell that the result store does not hold yet", study),
        ("Write this page, its tables and figures again", report),
    ]


def facts(manifest: Mapping[str, Any], analysis: Analysis) -> list[tuple[str, str]]:
    """The study in a few lines: its size and every factor with its levels."""
    design, counts = analysis.design, manifest["cells"]
    rows = [
        ("cells", f"{counts['expected']:,} planned, {counts['finished']:,} finished, {counts['diverged']:,} diverged"),
        ("horizon", design.length),
        (
            "targets",
            "; ".join(
                f"{k}: {', '.join(numbered(v).values())} (middle one primary)" for k, v in design.targets.items()
            ),
        ),
    ]
    rows += [
        (factor, ", ".join(design.short(factor, x, 60) for x in levels)) for factor, levels in design.levels.items()
    ]
    if design.own_rates:
        rows += [
            (f"lr of {design.short('optimizer', optimizer, 60)}", ", ".join(design.short("lr", x, 60) for x in rates))
            for optimizer, rates in design.rates.items()
        ]
    rows += [(f"data {name}", json.dumps(card, sort_keys=True)) for name, card in sorted(manifest["data"].items())]
    for factor, kinds in sorted(manifest.get("choices", {}).items()):
        rows += [(f"{factor} {kind}, of a file", json.dumps(origin, sort_keys=True)) for kind, origin in kinds.items()]
    return [*rows, *((key, str(value)) for key, value in sorted(manifest["environment"].items()))]
