"""The result store: every finished cell by its key, in one SQLite file that survives a ``kill -9``."""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ablation import UserError
from ablation.studies.store.salvage import open_sound
from ablation.studies.store.stored import AS_BYTES, checksum, is_whole


@dataclass(frozen=True)
class Record:
    """What is kept of a trained cell: the trainer's outcome without its weights.

    Attributes:
        spec: the cell's specification.
        diverged_step: steps taken when the loss was first not finite, or None.
        parameters: number of trained parameters.
        curve_steps: [evaluations].
        curves: float32 [evaluations, metrics].
        layer_steps: [probes].
        layers: float32 [probes, hidden layers, metrics].
        test: float32 [metrics], of the test part in the end; NaN of a cell that diverged.
        compared: of an unclipped cell, what clipping rules would have compared with their thresholds at most, where
            that was noted; by a digest of the rule.
    """

    spec: dict[str, Any]
    diverged_step: int | None
    parameters: int
    curve_steps: NDArray[np.int64]
    curves: NDArray[np.float32]
    layer_steps: NDArray[np.int64]
    layers: NDArray[np.float32]
    test: NDArray[np.float32]
    compared: Mapping[str, float] = field(default_factory=dict)


class Store:
    """An open store. Reading and writing are for the process that holds its lock."""

    def __init__(self, path: Path) -> None:
        self._connection, self._lost = open_sound(path)

    def drop_damaged(self, keys: Iterable[str]) -> list[str]:
        """Drop those of the keys' cells that are not whole, and return their keys.

        Cells that were lost when the store was opened, because its file had to be mended, are among them once.
        """
        damaged = []
        for key in keys:
            row = self._row(key)
            if key in self._lost if row is None else not _is_cell(key, row):
                damaged.append(key)
        self._lost.difference_update(damaged)
        with self._connection:
            self._connection.executemany("DELETE FROM cells WHERE key = ?", [(key,) for key in damaged])
        return damaged

    def present(self, keys: Iterable[str]) -> set[str]:
        """Return those of the keys that the store holds, be they whole or not."""
        known = {key for (key,) in self._connection.execute("SELECT key FROM cells")}
        return known.intersection(keys)

    def put(self, records: Iterable[tuple[str, Record]]) -> None:
        """Keep finished cells, all of them or, if the process dies here, none."""
        with self._connection:
            self._connection.executemany(
                "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?)", (_to_row(key, each) for key, each in records)
            )

    def get(self, key: str) -> Record:
        """Return one cell.

        Raises:
            KeyError: the store does not hold it.
            UserError: what the store holds of it is damaged.
        """
        row = self._row(key)
        if row is None:
            raise KeyError(key)
        if not _is_cell(key, row):
            raise UserError(f"the result store's cell {key} is damaged; the same command trains it again")
        return _from_row(*row[2:])

    def _row(self, key: str) -> tuple[Any, ...] | None:
        row: tuple[Any, ...] | None = self._connection.execute(
            f"SELECT {AS_BYTES} FROM cells WHERE key = ?", (key,)
        ).fetchone()
        return row

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _is_cell(key: str, row: tuple[Any, ...]) -> bool:
    return row[0] == key.encode() and is_whole(row)


def _to_row(key: str, record: Record) -> tuple[str, bytes, str, str, bytes, bytes]:
    told = {
        "diverged_step": record.diverged_step,
        "parameters": record.parameters,
        "curve_steps": record.curve_steps.tolist(),
        "layer_steps": record.layer_steps.tolist(),
        "curves_shape": record.curves.shape,
        "layers_shape": record.layers.shape,
        "test": record.test.tolist(),
        "compared": dict(record.compared) or None,
    }
    spec, outcome = (json.dumps(content, sort_keys=True) for content in (record.spec, told))
    curves, layers = (values.astype(np.dtype("<f4")).tobytes() for values in (record.curves, record.layers))
    check = checksum(*(text.encode() for text in (key, spec, outcome)), curves, layers)
    return key, check, spec, outcome, curves, layers


def _from_row(spec: bytes, outcome: bytes, curves: bytes, layers: bytes) -> Record:
    told = json.loads(outcome)
    little = np.dtype("<f4")
    return Record(
        json.loads(spec),
        told["diverged_step"],
        told["parameters"],
        np.array(told["curve_steps"], np.int64),
        np.frombuffer(curves, little).reshape(told["curves_shape"]),
        np.array(told["layer_steps"], np.int64),
        np.frombuffer(layers, little).reshape(told["layers_shape"]),
        np.array(told["test"], np.float32),
        told.get("compared") or {},  # rows of an earlier version have none
    )


@contextmanager
def open_store(folder: Path, study: str) -> Iterator[Store]:
    """Open the store in ``folder``, made if it is not there, for this process alone.

    The lock goes with the process, however that ends.

    Raises:
        UserError: another process holds the store, or the folder cannot be used.
    """
    holder = folder / "holder.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise UserError(
            f"{folder}: another study is using this store: {_describe(holder)}; wait for it or end it"
        ) from error
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as the result store ({error.strerror})") from error
    path = folder / "results.sqlite"
    try:
        try:
            holder.write_text(json.dumps({"pid": os.getpid(), "study": study}), "utf-8")
        except OSError as error:
            raise UserError(f"{holder}: cannot be written to ({error.strerror})") from error
        try:
            try:
                opened = Store(path)
            except OSError as error:
                raise UserError(f"{path}: is damaged and cannot be mended here ({error.strerror})") from error
            with closing(opened) as store:
                yield store
        except sqlite3.Error as error:
            raise UserError(f"{path}: cannot be used as the result store ({error})") from error
        finally:
            holder.unlink(missing_ok=True)
    finally:
        lock.release()


def _describe(holder: Path) -> str:
    try:
        told = json.loads(holder.read_text("utf-8"))
        return f"process {told['pid']}, study {told['study']}"
    except (OSError, ValueError, KeyError):
        # The holder has taken the lock and not yet written who it is.
        return "a process that is just starting"
