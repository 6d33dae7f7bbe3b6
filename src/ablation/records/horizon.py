"""In what the horizon of a study is counted, which all of its cells have in common."""

from collections.abc import Mapping
from typing import Any

from ablation import UserError

UNITS = {"epochs": "epoch", "steps": "step"}
"""What a horizon may be counted in, and the column of ``curves.parquet`` that counts it; also its word for one."""


def horizon_of(manifest: Mapping[str, Any]) -> tuple[str, float]:
    """Return the unit and the length of a manifest's horizon: ``{"epochs": 15}`` or ``{"steps": 2000}``.

    Raises:
        UserError: it is neither.
    """
    given = manifest["horizon"]
    for unit in UNITS:
        if isinstance(given, Mapping) and [*given] == [unit] and isinstance(given[unit], int | float):
            return unit, float(given[unit])
    raise UserError(f"manifest.json: horizon={given}: must be a number of {' or of '.join(UNITS)}")
