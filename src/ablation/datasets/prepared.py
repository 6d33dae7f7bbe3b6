"""The prepared file of a split of a data level: what a run of a study trains, validates and tests on, to the byte.

Its name is the level's label, with the split where that is not 0: ``digits``, ``digits.split3``; no label has a dot.
``<folder>/<name>.safetensors`` holds ``train_x``, ``val_x`` and ``test_x`` (``[n, features]``: uint8 in raw units, or
float32 that was generated standard normal or standardized column by column), ``train_y``, ``val_y`` and ``test_y``
(``[n]``: int64, classes from 0; or float32, standardized targets of a regression). Where columns were standardized, or
targets, there is ``x_mean`` and ``x_std``, ``y_mean`` and ``y_std`` (float64, a number a column), in raw units.
``<folder>/<name>.json``, its *card*, says what that is and what it was made from, has the digest that a study's
results are keyed by, and the two constants that standardize a pixel: ``(x - mean) / std``, 0 and 1 of floats.
"""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ablation import UserError
from ablation.datasets.card import PARTS, SCALES, Tensors, describe, digest
from ablation.datasets.origin import changed, origin_of
from ablation.datasets.partial import sweep, write_all
from ablation.datasets.scaling import standardized
from ablation.datasets.settings import complete, content_parameters, written
from ablation.datasets.sources import CLASSES, SOURCES
from ablation.datasets.table_files import listed


class NotPreparedError(UserError):
    """A level that is not there, not whole or not up to date, so that preparing it anew is what helps."""

    def __init__(self, why: str, command: str) -> None:
        super().__init__(why, command)
        self.why = why

    def __str__(self) -> str:
        return "; ".join(self.args)


def name_of(label: str, split: int) -> str:
    """Return the name under which a split of a level is prepared."""
    return f"{label}.split{split}" if split else label


def named(name: str) -> tuple[str, int]:
    """Return the label and the split of which this is the name."""
    label, _, split = name.partition(".split")
    return label, int(split or 0)


def paths(label: str, folder: Path, split: int = 0) -> tuple[Path, Path]:
    """Return the prepared file and its card."""
    name = name_of(label, split)
    return folder / f"{name}.safetensors", folder / f"{name}.json"


def prepare(label: str, params: Mapping[str, Any] | None, folder: Path, split: int = 0) -> dict[str, Any]:
    """Read a level's source, split it, write the prepared file and its card, and return the card.

    Equal parameters give equal bytes. On an error nothing is written or replaced, though files that were downloaded
    whole before it stay under ``<folder>/raw/``.

    Args:
        label: the level's name, which names the files.
        params: the level as composed from the config: ``kind`` and parameters, both may be left out.
        folder: the data folder; made if need be.
        split: which of the ways to split it.

    Raises:
        UserError: the level is wrong, its source cannot be read or split, or the files cannot be written.
    """
    kind, params = complete(label, params)
    sweep(folder)
    tensors, card = _made(label, kind, params, folder, split)
    text = json.dumps(card, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"
    tensors_path, card_path = paths(label, folder, split)
    # Should the power fail between the two, the older card's digest does not fit, and the level counts as not prepared.
    write_all({tensors_path: save(tensors), card_path: text.encode()})
    return card


def _made(label: str, kind: str, params: Mapping[str, Any], folder: Path, split: int) -> tuple[Tensors, dict[str, Any]]:
    """Return the tensors and the card that a level's source comes to; what is downloaded is kept under ``raw/``."""
    # Before they are read: what is replaced meanwhile is seen to have changed the next time.
    origin = origin_of(kind, params, folder / "raw")
    examples = SOURCES[kind].read(label, params, folder / "raw")
    if params.get("folder") is None:
        origin = origin_of(kind, params, folder / "raw")  # with what was downloaded
    parts = SOURCES[kind].split(label, examples, params, split)
    columns, scales = standardized(label, examples, parts[0])
    tensors: Tensors = dict(scales)
    for part, places in zip(PARTS, parts, strict=True):
        # safetensors writes an array's memory as it lies, so it has to lie in C order.
        tensors |= {f"{part}_{axis}": np.ascontiguousarray(column[places]) for axis, column in columns.items()}
    rest = {"image_shape": list(examples.shape), "made_from": origin}
    rest |= {name: list(told) for name, told in examples.about.items()}
    return tensors, describe(label, split, kind, params, tensors, rest)


def up_to_date(
    label: str, params: Mapping[str, Any] | None, folder: Path, tell: Callable[[str], None], split: int = 0
) -> dict[str, Any]:
    """Return a level's card, having prepared it if it is not there, is damaged, or is of other settings or sources.

    Args:
        label: the level's name.
        params: the level as composed from the config.
        folder: the data folder.
        tell: is handed one line that says why a level is prepared.
        split: which of the ways to split it.

    Raises:
        UserError: as ``load`` and ``prepare``.
    """
    kind, complete_params = complete(label, params)
    sweep(folder)
    name = f"data.{name_of(label, split)}"
    if not paths(label, folder, split)[0].exists():
        tell(f"{name} is not prepared yet: preparing it in {folder}")
    else:
        try:
            card = load(label, params, folder, split)[1]
        except NotPreparedError as error:
            tell(f"{error.why}: preparing it anew in {folder}")
        else:
            if (change := changed(card.get("made_from"), kind, complete_params, folder / "raw")) is None:
                return card
            tell(f"{name}: {change}: preparing it anew in {folder}")
    card = prepare(label, params, folder, split)
    if card.get("constant"):
        tell(f"{name}: {still_text(card)}")
    return card


def still_text(card: Mapping[str, Any]) -> str:
    """Say which columns are the same in all of the training part, and what comes of it."""
    return f"{listed(card['constant'])}: one value in all of the training part, so nothing to learn from; taken as 0"


def foreseen(label: str, params: Mapping[str, Any] | None, folder: Path, split: int = 0) -> dict[str, Any]:
    """Return the card that ``up_to_date`` would return, with nothing written and nothing downloaded.

    Raises:
        UserError: as there; or the level's files would have to be downloaded.
    """
    kind, complete_params = complete(label, params)
    try:
        card = load(label, params, folder, split)[1]
        if changed(card.get("made_from"), kind, complete_params, folder / "raw") is None:
            return card
    except NotPreparedError:
        pass
    absent = [path for path in SOURCES[kind].files(complete_params, folder / "raw") if not path.exists()]
    if absent and complete_params.get("mirror") and complete_params.get("folder") is None:
        command = _command(label, kind, complete_params, split)
        raise UserError(f"data.{name_of(label, split)}: is not downloaded yet, {absent[0]} is missing; {command}")
    return _made(label, kind, complete_params, folder, split)[1]


def ends_of(label: str, params: Mapping[str, Any] | None, folder: Path) -> dict[str, Any]:
    """Return what a level's card has under ``features``, ``outputs`` and ``image_shape``, if need be by ``foreseen``.

    Raises:
        UserError: as there; or the level is wrong.
    """
    kind, complete_params = complete(label, params)
    shape = SOURCES[kind].known(complete_params)
    if shape is None:
        card = foreseen(label, params, folder)
        return {"image_shape": [1, card["features"]], **card}  # which cards of old lack
    classes = int(complete_params.get("classes", CLASSES))
    return {"features": math.prod(shape), "outputs": classes, "image_shape": list(shape)}


def load(label: str, params: Mapping[str, Any] | None, folder: Path, split: int = 0) -> tuple[Tensors, dict[str, Any]]:
    """Read a split of a prepared level back: its tensors by name, and its card. Its source is not looked at.

    Raises:
        NotPreparedError: the files are missing, are damaged, do not belong together, or were prepared with other
            parameters.
        UserError: the level is wrong.
    """
    kind, params = complete(label, params)
    command = _command(label, kind, params, split)
    tensors_path, card_path = paths(label, folder, split)
    for path in (tensors_path, card_path):
        if not path.is_file():
            raise NotPreparedError(f"data.{name_of(label, split)}: is not prepared, {path} is missing", command)
    try:
        card = json.loads(card_path.read_text("utf-8"))
        was = {"kind": card["kind"], **card["parameters"]}
    except OSError as error:
        raise UserError(f"{card_path}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError) as error:
        raise NotPreparedError(f"{card_path}: expected the card of a prepared file, found another", command) from error
    now = {"kind": kind, **content_parameters(params)}
    # Where kind or part differ, parameters that only one of them uses are no news.
    keys = [key for key in now if key in was and was[key] != now[key]]
    if keys:
        before, after = (" ".join(f"{key}={written(side[key])}" for key in keys) for side in (was, now))
        why = f"data.{name_of(label, split)}: was prepared with {before}, the config says {after}"
        raise NotPreparedError(why, command)
    try:
        tensors = load_file(tensors_path)
    except (OSError, SafetensorError) as error:
        raise NotPreparedError(f"{tensors_path}: expected prepared tensors, found a damaged file", command) from error
    scaled = [axis for axis in "xy" if f"{axis}_mean" in tensors]
    if {*tensors} != {f"{kept}_{axis}" for kept in PARTS for axis in "xy"} | {
        f"{axis}_{scale}" for axis in scaled for scale in SCALES
    }:
        raise NotPreparedError(f"{tensors_path}: expected the parts {', '.join(PARTS)}, found others", command)
    if digest(tensors) != card.get("digest"):
        raise NotPreparedError(f"{tensors_path}: expected the digest that its card has, found another", command)
    if card != describe(label, split, kind, params, tensors, card):
        why = f"{card_path}: expected the card of the tensors beside it, found an altered one"
        raise NotPreparedError(why, command)
    return tensors, card


def is_prepared(label: str, params: Mapping[str, Any] | None, folder: Path, split: int = 0) -> bool:
    """Say whether ``load`` would succeed: both files are there, are whole, and were prepared with these parameters.

    Raises:
        UserError: the level itself is wrong.
    """
    complete(label, params)
    try:
        load(label, params, folder, split)
    except UserError:
        return False
    return True


def _command(label: str, kind: str, params: Mapping[str, Any], split: int) -> str:
    """Say how to prepare this very level from the command line."""
    if label != kind:
        return "run python pipelines/prepare.py with the same data level and split"
    defaults = SOURCES[kind].defaults
    changed = [f"data.{label}.{key}={written(params[key])}" for key in params if params[key] != defaults[key]]
    words = [
        f"data={label}",
        *([f"split={split}"] if split else []),
        *(word for word in changed if not word.startswith(f"data.{label}.targets=")),
    ]
    return f"run python pipelines/prepare.py {shlex.join(words)}"
