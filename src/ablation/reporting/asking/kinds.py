"""Which levels of a study a question asks for.

Levels are found by their kind and parameters, not by their names: ``elu_2: {kind: elu, alpha: 2.0}`` is an ELU.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import Label


def parameters(analysis: Analysis, factor: str, level: Label) -> Mapping[str, Any]:
    """A level's kind and parameters."""
    found: Mapping[str, Any] = analysis.manifest["levels"][factor].get(str(level), {"kind": str(level)})
    return found


def of_kind(analysis: Analysis, factor: str, *kinds: str) -> list[Label]:
    """The levels of these kinds, in the design's order."""
    return [level for level in analysis.design.levels[factor] if parameters(analysis, factor, level)["kind"] in kinds]


def batches(analysis: Analysis, placement: str = "before", inputs: bool = False) -> list[Label]:
    """The levels of batch normalization that stand there, on the network's inputs too or not."""
    wanted = (placement, inputs)
    return [
        level
        for level in of_kind(analysis, "normalization", "batch")
        if (of := parameters(analysis, "normalization", level)).get("placement", "before") == wanted[0]
        and of.get("input", False) == wanted[1]
    ]


def unlike_zeros(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells whose weights do not all begin alike: those that do belong to the question on symmetry alone."""
    return pd.DataFrame(cells[~cells["init"].isin(of_kind(analysis, "init", "zeros"))])
