"""How the baseline is said, and what is averaged beside it."""

from ablation.reporting.design import Design
from ablation.reporting.wording.phrases import words


def baseline_text(design: Design, but: str = "") -> str:
    """The baseline's levels in words: "relu + he_normal"; those of one factor may be left out."""
    levels = [(factor, level) for factor, level in design.baseline.items() if factor != but]
    return " + ".join(words(design, factor, level) for factor, level in levels)


def averaged_text(design: Design) -> str:
    """Which factors are averaged over, as a caption goes on with it."""
    others = [
        factor for factor in design.compared if factor not in (*design.baseline, "depth") and design.varies(factor)
    ]
    return f", and every level of {', '.join(others)} has equal weight" if others else ""
