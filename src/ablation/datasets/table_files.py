"""A table of a user's own as columns with names: from a CSV or Parquet file, or an npz with ``x`` and ``y``.

What is wrong with the file itself is told here; what its columns may hold, in ``table.py``.
"""

import csv
import math
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ablation import UserError
from ablation.levels import shown

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet", ".npz")
"""What a file's name says of its format."""

LARGEST_FILE = 2**31
"""Bytes of the largest file that is read: what it comes to must fit into memory several times over."""

LARGEST_TABLE = 2**28
"""Values of the largest table, 2 GB in double precision; more is for a source of its own."""

LONGEST_PATH = 400
"""Letters of a path that a message repeats."""

OTHER_MARKS = ";\t|"
"""What other programs put between values, in place of commas."""

SHOWN = 8
"""Columns that a message lists."""

NPZ_TARGET = "y"
"""The array of an npz that is its target; ``x`` has the features."""


def read_table_file(key: str, path: Path) -> "pd.DataFrame":
    """Return a table, its columns in the file's order, whose names differ and of which there is at least one row.

    Args:
        key: the config's key, for messages.
        path: of the file.

    Raises:
        UserError: it is missing, cannot be read, is damaged, empty, too large, or its columns have no names of their
            own.
    """
    said = f"{key}={shown(str(path), LONGEST_PATH)}"
    ending = path.suffix.lower()
    if ending not in ENDINGS and not path.is_dir():
        raise UserError(f"{said}: must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}, which says how it is read")
    try:
        if not path.is_file():
            raise UserError(f"{said}: {'is a folder, not a file' if path.is_dir() else 'there is no such file'}")
        if (size := path.stat().st_size) > LARGEST_FILE:
            raise UserError(f"{said}: has {size:,} bytes; allowed are up to {LARGEST_FILE:,}")
        if size == 0:
            raise UserError(f"{said}: is empty")
        table = {".csv": _read_csv, ".parquet": _read_parquet, ".npz": _read_npz}[ending](said, path)
    except OSError as error:
        raise UserError(f"{said}: cannot be read ({error.strerror or one_line(error)})") from error
    except MemoryError as error:
        raise UserError(f"{said}: does not fit into memory") from error
    if len(table) == 0:
        raise UserError(f"{said}: has no row")
    return table


def listed(names: Sequence[str]) -> str:
    """Return columns as a message lists them, in short."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(map(_quoted, names[:SHOWN]))}{more}"


def _quoted(name: str) -> str:
    """Return a name as it stands in a list: in quotes where one would not see where it ends."""
    text = shown(name, 40)
    return f'"{text}"' if "," in name or name != name.strip() else text


def one_line(error: Exception) -> str:
    """Return what a library says, on one line and in short."""
    return shown(str(error) or type(error).__name__, 200)


def _check_names(said: str, names: Sequence[str]) -> None:
    for place, name in enumerate(names, start=1):
        if not name.strip():
            raise UserError(
                f"{said}: column {place} has no name; a table that pandas wrote with its index has such a column, "
                "and index=False leaves it out"
            )
    if twice := [name for place, name in enumerate(names) if name in names[:place]]:
        raise UserError(f"{said}: column {shown(twice[0])} is there twice; each must have a name of its own")


def _check_size(said: str, rows: int, columns: int) -> None:
    if rows * columns > LARGEST_TABLE:
        raise UserError(f"{said}: has {rows:,} rows of {columns:,} columns; allowed are {LARGEST_TABLE:,} values")


def _read_csv(said: str, path: Path) -> "pd.DataFrame":
    """Read comma-separated values below a line of names, in UTF-8. Nothing but an empty place is a missing value."""
    import pandas as pd

    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            names = next((row for row in csv.reader(file, strict=True) if row), [])
        _check_names(said, names)
        if len(names) == 1 and any(mark in names[0] for mark in OTHER_MARKS):
            raise UserError(
                f"{said}: its first line is {shown(names[0], 60)}; values must be separated by commas, and decimals "
                "are written with a point"
            )
        with warnings.catch_warnings():
            # Of rows that are longer than the line of names, values would be lost.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                encoding="utf-8-sig",
                index_col=False,
                keep_default_na=False,
                na_values=[""],
                low_memory=False,  # a column's type is that of all its values
            )
    except UserError:
        raise
    except UnicodeDecodeError as error:
        raise UserError(f"{said}: is no text in UTF-8 (byte {error.start:,} of it)") from error
    except pd.errors.EmptyDataError as error:
        raise UserError(f"{said}: is empty") from error
    except pd.errors.ParserWarning as error:
        raise UserError(f"{said}: has rows with more values than there are names in its first line") from error
    except (pd.errors.ParserError, csv.Error, ValueError) as error:
        raise UserError(f"{said}: is no sound CSV file ({one_line(error)})") from error


def _read_parquet(said: str, path: Path) -> "pd.DataFrame":
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            _check_names(said, file.schema_arrow.names)
            _check_size(said, file.metadata.num_rows, file.metadata.num_columns)
            # What pandas kept as an index numbers the rows, and is no column.
            table: pd.DataFrame = file.read().to_pandas()
            return table.reset_index(drop=True)
    except UserError:
        raise
    except (pa.ArrowException, ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{said}: is no sound Parquet file ({one_line(error)})") from error


def _read_npz(said: str, path: Path) -> "pd.DataFrame":
    """Read ``x``, a row an example, whose images are laid out in C order, and ``y``; Python objects are refused."""
    import pandas as pd

    try:
        with zipfile.ZipFile(path) as archive:
            found = [name.removesuffix(".npy") for name in archive.namelist()]
            if lacking := [name for name in ("x", NPZ_TARGET) if name not in found]:
                raise UserError(f"{said}: has no array {lacking[0]}; it must have x and y, and has {listed(found)}")
            shapes = {name: _shape(said, archive, name) for name in ("x", NPZ_TARGET)}
        rows = shapes["x"][0] if shapes["x"] else 0
        if len(shapes["x"]) < 2 or shapes[NPZ_TARGET] != (rows,):
            told = " and ".join(f"{name} {list(shape)}" for name, shape in shapes.items())
            raise UserError(f"{said}: x must have a row an example and y a number or word for each, and it has {told}")
        columns = math.prod(shapes["x"][1:])
        _check_size(said, rows, columns)
        with np.load(path, allow_pickle=False) as arrays:
            x, y = arrays["x"].reshape(rows, columns), arrays[NPZ_TARGET]
    except UserError:
        raise
    except (zipfile.BadZipFile, ValueError, EOFError, KeyError) as error:
        raise UserError(f"{said}: is no sound npz file ({one_line(error)})") from error
    if x.dtype.kind not in "buif":
        raise UserError(f"{said}: x must hold numbers, and is of {x.dtype}")
    if y.dtype.kind not in "buifU":
        raise UserError(f"{said}: y must hold numbers, truths or words, and is of {y.dtype}")
    table = pd.DataFrame(x, columns=[f"x{place}" for place in range(columns)])
    table[NPZ_TARGET] = y
    return table


def _shape(said: str, archive: zipfile.ZipFile, name: str) -> tuple[int, ...]:
    """Return an array's shape, by its header alone."""
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        read: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = cast("tuple[tuple[int, ...], bool, np.dtype[Any]]", read(file))
    if dtype.hasobject:
        raise UserError(f"{said}: {name} holds Python objects, which are not read; it must hold numbers")
    return shape
