"""A table of a user's own: what its columns may hold, and which of them is the target.

Rows are counted from 1, the first below the names. The target decides the task where the level leaves it open
(``task: auto``): words, truths and whole numbers are classes, which are its sorted distinct values; real numbers of
which some are not whole are predicted as such.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ablation import UserError
from ablation.datasets.examples import REGRESSION, Examples
from ablation.datasets.table_files import LONGEST_PATH, NPZ_TARGET, listed, read_table_file
from ablation.levels import shown

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 1000
"""Most classes of a target."""

FEWEST = 3
"""Examples of a class, at least: one for each part."""


def read_table(label: str, params: Mapping[str, Any], raw: Path) -> Examples:
    """Return the rows of the level's file, every column but the target a feature.

    Raises:
        UserError: a line that names the file, the column and the row of what is wrong, and what is allowed.
    """
    (path,) = table_files(params, raw)
    key = f"data.{label}"
    said = f"{key}.file={shown(str(path), LONGEST_PATH)}"
    table = read_table_file(f"{key}.file", path)
    target = _target(key, path, params["target"], list(table.columns))
    features = [name for name in table.columns if name != target]
    if not features:
        raise UserError(f"{said}: has no column beside the target {shown(target)}; values are separated by commas")
    at = f"{said}: column"
    y, class_names = _labels(f"{at} {shown(target)}", key, table[target], params["task"])
    x = np.column_stack([_numbers(f"{at} {shown(name)}", table[name]) for name in features])
    if (x == x[0]).all():
        raise UserError(f"{said}: every row has the same features, so there is nothing to learn by")
    about = {"columns": features} | ({"class_names": class_names} if class_names else {})
    return Examples(x, y, (1, len(features)), about)


def table_files(params: Mapping[str, Any], raw: Path) -> list[Path]:
    """Return the one file that a level names."""
    return [Path(params["file"]).expanduser()]


def _target(key: str, path: Path, given: str | None, columns: list[str]) -> str:
    """Return the name of the target's column."""
    if path.suffix.lower() == ".npz":
        if given not in (None, NPZ_TARGET):
            raise UserError(f"{key}.target={shown(given)}: the target of an npz file is its array y; allowed: null, y")
        return NPZ_TARGET
    if given is None:
        raise UserError(f"{key}.target=null: must name the column that is to be predicted, one of {listed(columns)}")
    if given not in columns:
        raise UserError(f"{key}.target={shown(given)}: no column of {path.name}, which has {listed(columns)}")
    return given


def _numbers(said: str, column: "pd.Series[Any]") -> NDArray[np.float64]:
    """Return a column's numbers, all finite; truths are 0 and 1."""
    import pandas as pd

    kind = pd.api.types
    if kind.is_complex_dtype(column) or kind.is_datetime64_any_dtype(column) or kind.is_timedelta64_dtype(column):
        raise UserError(f"{said} is of {column.dtype}, and must hold real numbers")
    _refuse_missing(said, column)
    if kind.is_numeric_dtype(column):
        values = column.to_numpy(np.float64)
    else:
        numbers = pd.to_numeric(column, errors="coerce")
        words = np.flatnonzero(pd.isna(numbers).to_numpy())
        if len(words):
            raise UserError(
                f"{said} is {shown(column.iloc[words[0]], 40)} in row {words[0] + 1}, and must hold numbers alone; "
                "leave it out, or write its words as numbers"
            )
        values = numbers.to_numpy(np.float64)
    infinite = np.flatnonzero(~np.isfinite(values))
    if len(infinite):
        raise UserError(f"{said} is {values[infinite[0]]} in row {infinite[0] + 1}, and must be finite")
    return values


def _refuse_missing(said: str, column: "pd.Series[Any]") -> None:
    missing = np.flatnonzero(column.isna().to_numpy())
    if len(missing):
        more = f", and in {len(missing) - 1} more," if len(missing) > 1 else ""
        raise UserError(f"{said} has no value in row {missing[0] + 1}{more} and must have one in each")


def _labels(
    said: str, key: str, column: "pd.Series[Any]", task: str
) -> tuple[NDArray[np.int64] | NDArray[np.float64], list[str]]:
    """Return classes from 0 with their names, or numbers with none."""
    import pandas as pd

    _refuse_missing(said, column)
    is_truth = pd.api.types.is_bool_dtype(column)
    is_number = pd.api.types.is_numeric_dtype(column) and not is_truth
    if not is_number:
        if task == REGRESSION:
            raise UserError(
                f"{said} is {shown(column.iloc[0], 40)} in row 1; with {key}.task=regression the target must hold "
                "numbers"
            )
        values = column.to_numpy(bool) if is_truth else _words(said, column)
        return _classes(said, key, values, "")
    numbers = _numbers(said, column)
    broken = np.flatnonzero(numbers != np.round(numbers))
    if task == REGRESSION or (task == "auto" and len(broken)):
        if (numbers == numbers[0]).all():
            raise UserError(f"{said} is {raw_number(numbers[0])} in every row, so there is nothing to predict")
        return numbers, []
    if len(broken):
        raise UserError(
            f"{said} is {raw_number(numbers[broken[0]])} in row {broken[0] + 1}; with {key}.task=classification the "
            "target must hold words, truths or whole numbers"
        )
    hint = f"; if they are numbers to be predicted, {key}.task=regression" if task == "auto" else ""
    return _classes(said, key, column.to_numpy() if column.dtype.kind in "iu" else numbers, hint)


def raw_number(number: float) -> str:
    """Return a number with all of its digits, as it may stand in the file."""
    return repr(float(number)).removesuffix(".0")


def _words(said: str, column: "pd.Series[Any]") -> NDArray[Any]:
    values = column.astype(object).to_numpy()
    for row, value in enumerate(values, start=1):
        if not isinstance(value, str):
            raise UserError(
                f"{said} is {shown(value, 40)} in row {row}, of type {type(value).__name__}; a target must hold "
                "numbers, or truths, or words"
            )
    return values.astype(str)


def _classes(said: str, key: str, values: NDArray[Any], hint: str) -> tuple[NDArray[np.int64], list[str]]:
    """Return each row's class, and the classes' names: the distinct values, sorted."""
    distinct, y, counts = np.unique(values, return_inverse=True, return_counts=True)
    names = [f"{value:.0f}" if distinct.dtype.kind == "f" else str(value) for value in distinct]
    if len(names) == 1:
        raise UserError(f"{said} is {shown(names[0], 40)} in every row; there must be two classes at least")
    if len(names) > MOST_CLASSES:
        raise UserError(f"{said} has {len(names):,} distinct values; allowed are {MOST_CLASSES:,} classes{hint}")
    if (counts < FEWEST).any():
        few = int(np.argmin(counts))
        raise UserError(
            f"{said} is {shown(names[few], 40)} in {counts[few]} of {len(values):,} rows; a class must have {FEWEST} "
            f"at least, one to train, one to validate and one to test on{hint}"
        )
    return y.astype(np.int64).reshape(-1), names
