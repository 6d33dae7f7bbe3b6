"""What is said of the results of a study that is not finished."""

from collections.abc import Mapping
from typing import Any


def unfinished_text(manifest: Mapping[str, Any]) -> str:
    """A sentence that says how much of a study is there, where that is not all of it; else nothing."""
    counts = manifest["cells"]
    there = counts["finished"] + counts["diverged"]
    if there >= counts["expected"]:
        return ""
    return (
        f"This study is not finished: of its {counts['expected']:,} cells, {there:,} make whole combinations, with all "
        "seeds and learning rates, and all that follows is of these alone."
    )
