"""One part of a config at a time: is it there, is it of the right form, is it one that exists?

Every function raises a ``UserError`` of one line that names the key, the value and what is allowed.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from ablation import UserError
from ablation.levels import as_single, check_value, is_text, path_of, shown
from ablation.studies.addresses import check_uri
from ablation.training.networks import NETWORKS
from ablation.training.spec import Level

WIDTH = Annotated[int, "[1, 100000]"]

GPUS = Annotated[float, "[0.01, 1]"]
"""The share of a GPU that a cohort takes, which trains on one of them."""

LONGEST_NAME = 200
"""Letters of a level's name."""


def whole(section: str, given: object, keys: list[str]) -> None:
    """Refuse a section of the config that lacks a key, or has one that does not exist."""
    only_known(section, given, keys)
    assert isinstance(given, Mapping)
    for key in keys:
        if key not in given:
            raise UserError(removed(f"{section}.{key}".lstrip(".")))


def removed(key: str) -> str:
    """Say that a key is not there."""
    return f"{key}: missing; it may be overridden, but not removed"


def only_known(section: str, given: object, known: list[str]) -> None:
    """Refuse a section of the config with a key that does not exist."""
    prefix = f"{section}." if section else ""
    if not isinstance(given, Mapping):
        raise UserError(f"{section}={shown(given)}: must be a mapping with the keys {', '.join(known)}")
    for key in given:
        if key not in known:
            raise UserError(f"{prefix}{shown(key)}={shown(given[key])}: no such key; allowed: {', '.join(known)}")


def word(key: str, value: object) -> str:
    """Return a name that is also the name of a file; a number may be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", value):
        raise UserError(
            f"{key}={shown(value)}: must be up to 100 of the characters A-Z a-z 0-9 _ . - with no . or - first"
        )
    return value


def group(factor: str, given: object) -> Mapping[str, Any]:
    """Return a factor's levels by name, of which there is at least one."""
    if not given:
        raise UserError(f"{factor}=[]: a factor needs at least one level")
    if not isinstance(given, Mapping):
        raise UserError(f"{factor}={shown(given)}: must be levels by name; select them as {factor}=[name,...]")
    for label in given:
        if not isinstance(label, str) or not label.strip() or not is_text(label) or not label.isprintable():
            raise UserError(
                f"{factor}: a level's name must be a line of text that is not empty, not {shown(repr(label))}; "
                "words that YAML reads as a number, yes or no stand in quotes"
            )
        if len(label) > LONGEST_NAME:
            raise UserError(f"{factor}.{shown(label)}: a level's name has at most {LONGEST_NAME} letters")
    return given


def level(key: str, given: object) -> dict[str, Any]:
    """Return a level's parameters, its kind among them if it gives one."""
    if not (given is None or isinstance(given, Mapping)):
        example = "{kind: table, file: my.csv, target: label}" if key.startswith("data.") else "{}"
        raise UserError(f"{key}={shown(given)}: must be a mapping of parameters, as {example}")
    parameters = {str(name): value for name, value in (given or {}).items()}
    if not isinstance(parameters.get("kind", ""), str):
        raise UserError(f"{key}.kind={shown(parameters['kind'])}: must be the name of a kind")
    return parameters


def refuse_twins(factor: str, levels: dict[str, Level], how: str = "") -> None:
    """Refuse two names for one level: their cells would be the same run twice. ``how`` is added to "must differ"."""
    seen: dict[Any, str] = {}
    for label, level in levels.items():
        # Numbers that are one in float32 are one to the network.
        settings = {
            name: as_single(value) if isinstance(value, float) else value for name, value in level.settings.items()
        }
        other = seen.setdefault((level.kind, repr(sorted(settings.items()))), label)
        if other != label:
            raise UserError(f"{factor}.{label}: the same level as {factor}.{other}; levels must differ{how}")


def numbers(factor: str, given: object, hint: Any) -> list[Any]:
    """Return the levels of a factor that is a number, or a word."""
    values = given if isinstance(given, list) else [given]
    if not values:
        raise UserError(f"{factor}=[]: a factor needs at least one level")
    checked = [check_value(factor, value, hint) for value in values]
    seen: dict[Any, Any] = {}
    for value in checked:
        becomes = as_single(value) if isinstance(value, float) else value
        if becomes in seen:
            what = f"{value} is there twice"
            if value != seen[becomes]:
                what = f"{value} and {seen[becomes]} are the same number in float32"
            raise UserError(f"{factor}={shown(given)}: {what}; each level may stand once")
        seen[becomes] = value
    return checked


def steps(given: object, periods: object) -> int | None:
    """Return the steps of every cell, which divide evenly into ``training.epochs`` periods; None where not given."""
    if given is None:
        return None
    assert isinstance(given, int)  # both are checked as whole numbers
    assert isinstance(periods, int)
    if periods == 0:
        raise UserError(
            f"training.steps={given}: training.epochs=0 trains for nothing; allowed are training.steps=null, or epochs "
            "of 1 or more, the periods into which steps are divided"
        )
    if given % periods:
        near = [number for number in (given // periods * periods, (given // periods + 1) * periods) if number]
        raise UserError(
            f"training.steps={given}: must be a multiple of training.epochs={periods}, the periods into which steps "
            f"are divided; the nearest {'is' if len(near) == 1 else 'are'} {' and '.join(map(str, near))}"
        )
    return given


def gradient_batches(given: object) -> int:
    """Return from how many batches the gradient's noise is estimated, if it is."""
    assert isinstance(given, int)  # checked as a whole number
    if given == 1:
        raise UserError("training.gradient_batches=1: of one batch there is no spread; allowed: 0, or 2 or more")
    return given


def epochs(key: str, given: object) -> tuple[float, ...]:
    """Return a list of moments in epochs, in ascending order: they are the same in any other."""
    if not isinstance(given, list):
        raise UserError(f"{key}={shown(given)}: must be a list of epochs, as [0.25,0.5] or []")
    found: list[float] = []
    for value in given:
        moment = float(check_value(key, value, Annotated[float, "(0, inf)"], single=False))  # type: ignore[arg-type]
        if moment in found:
            raise UserError(f"{key}={shown(given)}: {shown(value)} is there twice; each epoch may stand once")
        found.append(moment)
    return tuple(sorted(found))


class Model(NamedTuple):
    """A level of the factor model: its kind, and explicit widths, or None where it leaves them to depth and width."""

    kind: str
    widths: tuple[int, ...] | None


def model(label: str, given: object) -> Model:
    """Return a level of the factor model."""
    key = f"model.{label}"
    parameters = level(key, given)
    kind = parameters.pop("kind", label)
    if not isinstance(kind, str) or kind not in NETWORKS:
        raise UserError(f"{key}: model knows no kind {shown(kind)}; allowed: {', '.join(NETWORKS)}")
    only_known(key, parameters, ["widths"])
    explicit = parameters.get("widths")
    if explicit is None:
        return Model(kind, None)
    if not isinstance(explicit, list) or not explicit:
        raise UserError(f"{key}.widths={shown(explicit)}: must be null or a list of whole numbers, as [100,50]")
    if NETWORKS[kind].one_width:
        raise UserError(f"{key}.widths={shown(explicit)}: the layers of {kind} have one width; allowed: null")
    widths = tuple(check_value(f"{key}.widths", width, WIDTH) for width in explicit)
    return Model(kind, widths)  # type: ignore[arg-type]  # whole numbers


def folder(key: str, value: object) -> Path:
    """Return a folder's path, of which nothing need be there yet; ``~`` is the user's own folder."""
    return path_of(key, str(check_value(key, value, str)))


def engine(given: dict[str, Any]) -> dict[str, Any]:
    """Return where cohorts are trained."""
    kind = given.get("kind") if isinstance(given, Mapping) else None
    check_value("engine.kind", kind, Literal["serial", "processes", "ray"])
    own = {"serial": [], "processes": ["workers"], "ray": ["address", "gpus"]}[str(kind)]
    whole("engine", given, ["kind", *own])
    check_value("engine.workers", given.get("workers"), Annotated[int | None, "[1, 1024]"])
    check_value("engine.gpus", given.get("gpus", 1), GPUS)
    if kind == "ray" and not re.fullmatch(r"auto|[^\s:/]+:\d{1,5}", str(given["address"])):
        raise UserError(f"engine.address={shown(given['address'])}: must be auto or host:port of a Ray cluster's head")
    return given


def tracking(given: dict[str, Any]) -> dict[str, Any]:
    """Return where runs are shown."""
    only_known("tracking", given, ["kind", "uri", "weights"])
    check_value("tracking.kind", given.get("kind"), Literal["mlflow", "none"])
    if given["kind"] == "mlflow":
        check_uri(given.get("uri"))
        check_value("tracking.weights", given.get("weights", False), bool)
    return given
