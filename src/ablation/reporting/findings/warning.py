"""The warning that matters most for what a study says, with the command that mends it."""

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.findings.command import again
from ablation.reporting.findings.edges import at_edge, extended
from ablation.reporting.findings.unreached import none_arrives, nothing_of_times

FEW_SEEDS, ENOUGH_SEEDS = 3, 5
"""Fewer than the first leave intervals that tell next to nothing; the second is what presets have."""

OFTEN = 0.1
"""Share of combinations whose best value may lie at an edge before it is said first."""

LATE = 0.5
"""Share of cells that may be censored before it is said first."""


def warning(analysis: Analysis) -> tuple[str, str]:
    """What to beware of most, and what to run against it; two empty texts where nothing is that grave."""
    design = analysis.design
    if none_arrives(analysis):
        return nothing_of_times(analysis)
    if design.seeds < FEW_SEEDS and not design.untrained and len(analysis.cells) > design.seeds:
        seeds = ",".join(str(seed) for seed in range(ENOUGH_SEEDS))
        few = "one seed tells nothing of another" if design.seeds == 1 else "two seeds leave intervals very wide"
        return f"Few seeds: {few}.", again(analysis, f"seed=[{seeds}]")
    numbers, count = at_edge(analysis)
    if numbers and count > OFTEN * len(analysis.sensitivity):
        return (
            f"The best {' or '.join(numbers)} lies at the edge of the values tried in {count:,} of "
            f"{plural(len(analysis.sensitivity), 'combination')}, where a better one may lie outside.",
            extended(analysis, numbers),
        )
    if not design.untrained and analysis.censoring.whole > LATE:
        training = analysis.manifest["config"]["training"]
        key = "epochs" if design.unit == "epochs" else "steps"
        return (
            f"{analysis.censoring.whole:.0%} of the tuned runs do not reach the target within {design.length}, so that "
            "how much slower they are is not seen.",
            again(analysis, f"training.{key}={2 * training[key]}"),
        )
    return "", ""
