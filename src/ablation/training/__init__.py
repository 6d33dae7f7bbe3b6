"""How a cohort of cells is trained and measured.

Legend of the suffixes in this folder: S cells of a cohort, B batch, I fan-in, O fan-out, C classes, D hidden layers,
P parameters of a cell, V numbers of its vectors, N any of a cell's numbers in a row, M metrics, 1 an axis of length
one.
"""

import os
from pathlib import Path

import ablation

# MKL picks its kernel by the address of its operands, and a cell's address depends on its place in the stack. Strict
# reproducibility takes that away, so that a cell has the same bits alone as in any cohort. MKL reads this at the first
# product of the process; products are as fast with it. Another branch of its code may be asked for; strict it stays.
_branch = os.environ.get("MKL_CBWR") or "AUTO"
os.environ["MKL_CBWR"] = _branch if "STRICT" in _branch else f"{_branch},STRICT"

ENDINGS = (".py", ".h", ".cpp")
"""Of files that say what is computed."""


def sources() -> dict[str, Path]:
    """Return the files that decide a cell's numbers, by their path in the package: ``choices`` and this folder."""
    root = Path(ablation.__file__).parent
    training = root / "training"
    files = [*(root / "choices").rglob("*.py"), *(each for end in ENDINGS for each in training.rglob(f"*{end}"))]
    return {path.relative_to(root).as_posix(): path for path in sorted(files)}
