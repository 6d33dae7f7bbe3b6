"""The trained parameters of cells as artifacts of their runs, for who asks: ``tracking.weights=true``."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = "weights.safetensors"


class Weights:
    """Files that wait on disk until their cells' runs are there, for they are too much for memory.

    Args:
        cells: of the study.
    """

    def __init__(self, cells: int) -> None:
        self._cells, self._waiting = cells, list[str]()
        self._folder = tempfile.TemporaryDirectory(prefix="ablation-weights-")

    def put(self, key: str, content: bytes) -> None:
        """Keep the file of a cell."""
        folder = Path(self._folder.name) / key
        folder.mkdir()
        (folder / FILE).write_bytes(content)
        self._waiting.append(key)

    def log(self, client: Any, runs: Mapping[str, str]) -> None:
        """Make all files artifacts of their cells' runs, whose ids are given by key."""
        for key in self._waiting:
            client.log_artifact(runs[key], str(Path(self._folder.name) / key / FILE))

    def lacking(self) -> str:
        """Say how many cells have no file, if any: the store keeps none, and only training makes one."""
        lacking = self._cells - len(self._waiting)
        if not lacking:
            return ""
        return (
            f"tracking.weights=true: {lacking} of {self._cells} cells were not trained now, and no weights of them are "
            "logged; paths.store=FOLDER, an empty one, has all of them trained"
        )

    def close(self) -> None:
        """Remove what is left."""
        self._folder.cleanup()
