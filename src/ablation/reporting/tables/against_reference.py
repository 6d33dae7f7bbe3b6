"""Mine against the baseline: every level of the factors that it names, at each depth."""

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.naming import raw
from ablation.reporting.statistics.censoring import MOST, MUCH
from ablation.reporting.tables.table import Table, mixed
from ablation.reporting.wording.baseline import averaged_text, baseline_text
from ablation.reporting.wording.captions import confidence_text, seeds_text, tuning_text

LEVELS = ("level", "reference", "at_depth")
CENSORED = ("censored", "reference_censored")


def against_reference(analysis: Analysis) -> Table:
    """Every comparison with the baseline, on each response."""
    design, percent = analysis.design, confidence_text(analysis.options)
    frame = analysis.against_reference.rename(columns={"depth": "at_depth"})  # which may be all of them
    for column in LEVELS:
        frame[column] = frame[column].map(raw).astype(object)
    frame["note"] = [note(*row) for row in zip(frame["response"], *(frame[x] for x in CENSORED), strict=True)]
    tests = int(frame["p"].notna().sum())
    if frame.empty:
        frame = pd.DataFrame([{"factor": "none", "note": "no level to compare"}])
    score = design.score
    caption = (
        f"Against the baseline {baseline_text(design)}, one choice changed at a time: the others that the baseline "
        f"names stand at its levels{averaged_text(design)}. rmst: the restricted mean time to {design.goal}, of "
        f"min(T, {design.horizon:g}) in {design.unit}; {design.unit}: T by the log-normal accelerated failure time "
        f"model, as a ratio; best_val_accuracy, val_accuracy, test_accuracy: the best {score.name} in validation, the "
        f"last, and that on the test part at the end, of which a diverged cell guesses.{score.noted} difference: the "
        f"level's value less the reference's, paired over {seeds_text(design)}, with Student's t {percent} interval, "
        "none where all seeds agree. p: of the paired t test, or of the sign test where all seeds agree; p_holm: "
        f"Holm's over all {plural(tests, 'test')} of this table. evidence: clear (p_holm below "
        f"{1 - analysis.options.confidence:.2g}), unclear, weak (all seeds agree, and are too few for so many tests), "
        "copies (the same runs to the bit) or none (one seed). censored: the share of the level's cells that never "
        f"arrive. {tuning_text(analysis)[0].upper()}{tuning_text(analysis)[1:]}."
    )
    return Table("against_reference", "Every level against the baseline", caption, frame, mixed(design, *LEVELS))


def note(response: str, *censored: float) -> str:
    """What the horizon hides of a comparison of times."""
    if response in ("epochs", "steps") and max(censored) > MOST:
        return f"the model's guess: fewer than {1 - MOST:.0%} of a side's cells arrive"
    if response == "rmst" and max(censored) > MUCH:
        return f"cut at the horizon, where more than {MUCH:.0%} of a side's cells stand"
    return ""
