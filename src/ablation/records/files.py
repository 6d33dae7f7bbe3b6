"""The files a study leaves behind: its tables and its manifest, written to the same bytes and read with suspicion."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ablation import UserError
from ablation.records.columns import DEFAULTS, NETWORK, TABLES
from ablation.records.horizon import UNITS, horizon_of
from ablation.records.seal import is_file_of, is_sound, sealed

MANIFEST = {
    "name": str,
    "config": dict,
    "config.training.probe_size": int,
    "overrides": list,
    "factors": dict,
    "levels.loss": dict,
    "levels.model": dict,
    "cells.names": list,
    "cells.expected": int,
    "cells.finished": int,
    "cells.diverged": int,
    "horizon": dict,
    "targets": dict,
    "data": dict,
    "activations": dict,
    "environment": dict,
    "digests": dict,
    "digest": str,
}
"""What of ``manifest.json`` a report needs, and its types; ``seal.py`` says what the last two are."""


@dataclass(frozen=True)
class Results:
    """What the study stage left in ``results/<study>/``."""

    cells: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    activations: pd.DataFrame
    initializers: pd.DataFrame
    manifest: dict[str, Any]


def write_table(table: pa.Table, path: Path) -> None:
    """Write ``table`` so that equal content gives equal bytes."""
    with write_parts(table.schema, path) as write:
        write(table)


@contextmanager
def write_parts(schema: pa.Schema, path: Path) -> Iterator[Callable[[pa.Table], None]]:
    """Write a table part by part, as ``write_table`` does a whole one; each part becomes a row group."""
    with pq.ParquetWriter(path, schema, compression="zstd", store_schema=False) as writer:
        yield writer.write_table


def write_manifest(manifest: Mapping[str, Any], folder: Path) -> None:
    """Write ``manifest.json`` beside the tables, all of which lie in ``folder``, with the digests of their files."""
    write_json(sealed(manifest, folder, [f"{name}.parquet" for name in TABLES]), folder / "manifest.json")


def write_json(value: Any, path: Path) -> None:
    """Write ``value`` as JSON with sorted keys, whole or not at all. NaN is refused: JSON has none."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")
    os.replace(partial, path)


def read_results(folder: Path, layers: bool = True) -> Results:
    """Read a study's tables and check that every planned cell is there, with all that a finished one has.

    Args:
        folder: where they lie.
        layers: whether the measurements of layers are wanted, which are most of it; else their table is empty.

    Raises:
        UserError: a file is missing, cannot be read, is damaged or of another run, or does not hold what ``columns``
            says, or cells are missing or have no measurements.
    """
    paths = {name: folder / f"{name}.parquet" for name in TABLES}
    for path in (*paths.values(), folder / "manifest.json"):
        try:
            path.stat()
        except OSError as error:
            raise _unreadable(path, error) from error
    manifest = _read_manifest(folder / "manifest.json")
    unit, horizon = horizon_of(manifest)
    tables = {}
    for name, schema in TABLES.items():
        path = paths[name]
        content = _content(path)
        if not is_file_of(manifest, path.name, content):
            raise UserError(f"{path}: is damaged, or of another run than its manifest; {_run('again', folder)}")
        if name == "layers" and not layers:
            tables[name] = schema.empty_table().to_pandas()
            continue
        try:
            table = pq.read_table(pa.BufferReader(content))
            if name == "cells":
                table = _with_defaults(table)
            absent = [column for column in schema.names if column not in table.column_names]
            if absent:
                raise UserError(f"{path}: has no column {', '.join(absent)}; run the study again")
            tables[name] = table.select(schema.names).cast(schema).to_pandas()
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{path}: is no Parquet file of a study ({_first_line(error)}); run the study again"
            ) from error
    cells = tables["cells"]
    absent = sorted(set(manifest["cells"]["names"]) - set(cells["cell"]))
    if absent:
        raise UserError(
            f"{folder}: {len(absent)} planned cells are missing, the first is {absent[0]}; run the study again"
        )
    for name, columns in (("activations", ["activation"]), ("initializers", list(NETWORK))):
        given, needed = (set(table[columns].itertuples(index=False, name=None)) for table in (tables[name], cells))
        if lost := [" ".join(map(str, row)) for row in needed - given]:
            raise UserError(f"{folder / name}.parquet: has no row of {sorted(lost)[0]}; run the study again")
    # A cell that diverged at its first step rightly has no rows.
    finished = cells[cells["status"] == "finished"].sort_values("cell")
    end = tables["curves"].groupby("key")[UNITS[unit]].max().reindex(finished["key"]).to_numpy()
    lacking = {
        "curves": ~(end >= horizon - 1e-6),
        "layers": layers & ~finished["key"].isin(tables["layers"]["key"].unique()).to_numpy(),
    }
    for name, mask in lacking.items():
        if mask.any():
            raise UserError(
                f"{folder / name}.parquet: measurements of {int(mask.sum())} finished cells are missing, the first is "
                f"{finished['cell'].to_numpy()[mask][0]}; run the study again"
            )
    return Results(**tables, manifest=manifest)


def _with_defaults(table: pa.Table) -> pa.Table:
    """Return the table of cells with the factors that came after it, at the level at which its cells were trained."""
    for factor, level in DEFAULTS.items():
        if factor not in table.column_names:
            kind = TABLES["cells"].field(factor).type
            table = table.append_column(factor, pa.array([level] * len(table), kind))
    return table


def _read_manifest(path: Path) -> dict[str, Any]:
    content = _content(path)
    try:
        manifest = json.loads(content)
    except ValueError as error:
        raise UserError(f"{path}: is no JSON ({_first_line(error)}); run the study again") from error
    for key, kind in MANIFEST.items():
        value = manifest
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, kind):
            raise UserError(
                f"{path}: is no manifest of a study, {key} is missing or of another type; run the study again"
            )
    if not is_sound(manifest):
        raise UserError(f"{path}: is damaged, for its digest is another than it says; {_run('again', path.parent)}")
    return dict(manifest)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> UserError:
    if isinstance(error, FileNotFoundError):
        # Results of an older version lack tables that came later.
        return UserError(f"{path}: missing; {_run('first' if path.stem == 'cells' else 'again', path.parent)}")
    return UserError(f"{path}: cannot be read ({error.strerror or error}); mend that or run the study again")


def _run(when: str, folder: Path) -> str:
    return f"run the study {when} (python pipelines/study.py with its study= and name={folder.name})"


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
