"""What a level of the factor ``data`` may say, checked and completed.

A level is ``label: {kind?, parameters}``: ``kind`` names a source and defaults to the label, and a parameter that is
left out takes the source's default.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ablation import UserError
from ablation.datasets.cifar import BATCHES
from ablation.datasets.examples import CLASSIFICATION, REGRESSION, TASKS
from ablation.datasets.sources import SOURCES
from ablation.levels import path_of, shown


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_targets(value: object) -> bool:
    if not isinstance(value, Sequence) or len(value) != 3 or not all(map(_is_number, value)):
        return False
    return bool(0 < value[0] < value[1] < value[2] <= 1)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_null_or_path(value: object) -> bool:
    return value is None or _is_path(value)


def _whole(low: int, high: int) -> tuple[Callable[[Any], bool], str]:
    return (
        lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"must be a whole number from {low} to {high}",
    )


RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "validation_fraction": (lambda value: _is_number(value) and 0 < value < 1, "must be a number between 0 and 1"),
    "test_fraction": (lambda value: _is_number(value) and 0 < value < 1, "must be a number between 0 and 1"),
    "targets": (_are_targets, "must be three increasing numbers above 0 and up to 1"),
    "file": (_is_path, "must name a CSV, Parquet or npz file"),
    "target": (_is_null_or_path, "must be a column or null"),
    "task": (lambda value: value in ("auto", *TASKS), f"must be auto, {' or '.join(TASKS)}"),
    "folder": (_is_null_or_path, "must be a folder or null"),
    "mirror": (
        lambda value: isinstance(value, str) and re.match(r"https?://[^/\s]", value) is not None,
        "must be an address that starts with http:// or https://",
    ),
    "verify": (lambda value: isinstance(value, bool), "must be true or false"),
    "examples": _whole(2, 10_000_000),
    "features": _whole(1, 100_000),
    "classes": _whole(2, 1000),
    "seed": _whole(0, 2**63 - 1),
    "part": (lambda value: value in ("full", "t10k"), "must be full or t10k"),
}
"""What each parameter must be: a test, and how to say it."""

OF_KIND: dict[tuple[str, str], tuple[Callable[[Any], bool], str]] = {
    ("cifar10", "part"): (lambda value: value in BATCHES, f"must be {' or '.join(BATCHES)}"),
    ("table", "targets"): (lambda value: value is None or _are_targets(value), f"{RULES['targets'][1]}, or null"),
}
"""Those that one kind of source says otherwise."""

TARGETS = {CLASSIFICATION: [0.80, 0.90, 0.95], REGRESSION: [0.25, 0.50, 0.75]}
"""Targets of a table that says none: accuracies, or R squared."""

MOVED = {"split_seed": "is no key of the data any more; give split"}
"""Keys of an earlier version, and what is said of them before the value."""


def check_level(label: str, kind: str, params: Mapping[str, Any]) -> None:
    """Check one level as composed from the config; ``params`` may carry ``kind`` and leave parameters out.

    Raises:
        UserError: the label cannot name a file, the kind or a parameter is unknown, or a value is not allowed. The
            message names the key as the user writes it: ``data.mnist.part=half: must be full or t10k``.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]+", label):
        raise UserError(f"data.{label}: a level's name may hold letters, digits, _ and - only, since it names files")
    if not isinstance(kind, str) or kind not in SOURCES:
        own = (
            "" if kind != label else "; a name of your own says its kind, as {kind: table, file: my.csv, target: label}"
        )
        raise UserError(f"data.{label}.kind={written(kind)}: must be one of {', '.join(sorted(SOURCES))}{own}")
    defaults = SOURCES[kind].defaults
    for key, value in params.items():
        if key == "kind":
            continue
        if key in MOVED:
            raise UserError(f"data.{label}.{key}={written(value)}: {MOVED[key]}={written(value)}")
        if key not in defaults:
            raise UserError(f"data.{label}.{key}={written(value)}: unknown, {kind} takes {', '.join(sorted(defaults))}")
        allowed, rule = OF_KIND.get((kind, key)) or RULES[key]
        if not allowed(value):
            raise UserError(f"data.{label}.{key}={written(value)}: {rule}")
    shares = {key: {**defaults, **params}.get(key, 0) for key in ("validation_fraction", "test_fraction")}
    if sum(shares.values()) >= 1:
        given = " ".join(f"data.{label}.{key}={written(value)}" for key, value in shares.items())
        raise UserError(f"{given}: must be below 1 together, for the rest is trained on")
    for key in ("folder", "file"):
        if params.get(key) is not None:
            path_of(f"data.{label}.{key}", params[key])
    if "file" in defaults and params.get("file") is None:
        raise UserError(f"data.{label}.file=null: {RULES['file'][1]}")
    if params.get("verify") is False and params.get("folder") is None:
        raise UserError(
            f"data.{label}.verify=false: goes with data.{label}.folder only, what is downloaded is always checked"
        )


def complete(label: str, params: Mapping[str, Any] | None) -> tuple[str, dict[str, Any]]:
    """Check a level and return its kind and all its parameters, without ``kind``, defaults filled in.

    Raises:
        UserError: as ``check_level``, or the level is no mapping.
    """
    if params is None:
        params = {}
    if not isinstance(params, Mapping):
        raise UserError(f"data.{label}={written(params)}: must be a mapping of parameters")
    kind = params.get("kind", label)
    check_level(label, kind, params)
    return kind, {**SOURCES[kind].defaults, **{key: value for key, value in params.items() if key != "kind"}}


def targets_of(label: str, params: Mapping[str, Any] | None, task: str) -> list[float]:
    """Return the three scores of a level that are aimed at, given the task that its data turned out to be.

    Raises:
        UserError: as ``complete``.
    """
    given: list[float] | None = complete(label, params)[1]["targets"]
    return TARGETS[task] if given is None else list(given)


def content_parameters(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the complete ``params`` that decide what is prepared of given files.

    Neither a folder, a file nor a mirror does: the bytes that lie there do.
    """
    deciding = {"part", "verify", "validation_fraction", "test_fraction"}
    deciding |= {"examples", "features", "classes", "seed", "target", "task"}
    return {key: value for key, value in params.items() if key in deciding}


def written(value: object) -> str:
    """Write a value the way it is typed on the command line: ``null``, ``true``, ``[0.9,0.95]``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{','.join(map(written, value))}]"
    return shown(value)
