"""A study as the code sees it: the composed config, typed and checked from its first key to its last."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import torch

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.initializers import INITIALIZERS, Draws
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.datasets.levels import check_level as check_data
from ablation.studies.levels import check_level, check_value
from ablation.training.spec import Level

REGISTRIES: dict[str, Mapping[str, Any]] = {
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "clipping": CLIPPINGS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
}

NUMBERS: dict[str, Any] = {
    "depth": Annotated[int, "[1, 10000]"],
    "width": Annotated[int, "[1, 100000]"],
    "batch_size": Annotated[int, "[1, 10000000]"],
    "lr": Annotated[float, "(0, inf)"],
    "seed": Annotated[int, "[0, 9223372036854775807]"],
}

SETTINGS: dict[str, dict[str, Any]] = {
    "training": {"epochs": Annotated[int, "[1, 1000000]"], "probe_size": Annotated[int, "[2, 1000000]"]},
    "paths": dict.fromkeys(("data", "results", "reports", "store"), str),
}


@dataclass(frozen=True)
class Study:
    """A checked study.

    Attributes:
        name: under which its results and reports lie.
        levels: for each group factor but model and data, its levels by label, in the config's order.
        models: explicit widths by label of the model's levels; None where depth and width decide.
        data: the data levels' parameters by label.
        numbers: the levels of each factor that is a number.
        config: the whole composed config, resolved.
        overrides: the words on the command line that made it, the preset first.
    """

    name: str
    levels: dict[str, dict[str, Level]]
    models: dict[str, tuple[int, ...] | None]
    data: dict[str, dict[str, Any]]
    numbers: dict[str, list[Any]]
    epochs: int
    probe_size: int
    device: Literal["auto", "cpu", "cuda"]
    engine: dict[str, Any]
    tracking: dict[str, Any]
    report: dict[str, Any]
    data_folder: Path
    results_folder: Path
    reports_folder: Path
    store_folder: Path
    config: dict[str, Any]
    overrides: list[str]


def check_study(config: dict[str, Any]) -> Study:
    """Check a composed config.

    Raises:
        UserError: one line that names the first key that is wrong, its value and what is allowed.
    """
    config = dict(config)
    overrides = config.pop("overrides")
    groups = [*REGISTRIES, "model", "data"]
    _only_known("", config, ["name", *groups, *NUMBERS, *SETTINGS, "device", "engine", "tracking", "report"])
    name = _word("name", config["name"])
    levels = {
        factor: {
            label: check_level(factor, label, given, registry)
            for label, given in _group(factor, config.get(factor)).items()
        }
        for factor, registry in REGISTRIES.items()
    }
    for factor in REGISTRIES:
        _refuse_twins(factor, levels[factor])
    _refuse_unknown_pairs(levels)
    data = {_word("data", label): dict(given or {}) for label, given in _group("data", config.get("data")).items()}
    for label, parameters in data.items():
        check_data(label, parameters.get("kind", label), parameters)
    numbers = {factor: _numbers(factor, config.get(factor), hint) for factor, hint in NUMBERS.items()}
    for section, settings in SETTINGS.items():
        _only_known(section, config[section], list(settings))
        for key in settings:
            if key not in config[section]:
                raise UserError(f"{section}.{key}: missing")
    training = {
        key: check_value(f"training.{key}", config["training"][key], hint) for key, hint in SETTINGS["training"].items()
    }
    check_value("device", config["device"], Literal["auto", "cpu", "cuda"])
    paths = {key: Path(str(config["paths"][key])) for key in SETTINGS["paths"]}
    return Study(
        name=name,
        levels=levels,
        models={label: _widths(label, given) for label, given in _group("model", config.get("model")).items()},
        data=data,
        numbers=numbers,
        epochs=int(training["epochs"]),  # type: ignore[arg-type]  # checked as a whole number
        probe_size=int(training["probe_size"]),  # type: ignore[arg-type]  # likewise
        device=config["device"],
        engine=_engine(config["engine"]),
        tracking=_tracking(config["tracking"]),
        report=config["report"],
        data_folder=paths["data"],
        results_folder=paths["results"] / name,
        reports_folder=paths["reports"] / name,
        store_folder=paths["store"],
        config=config,
        overrides=overrides,
    )


def _only_known(section: str, given: object, known: list[str]) -> None:
    prefix = f"{section}." if section else ""
    if not isinstance(given, Mapping):
        raise UserError(f"{section}={given}: must be a mapping with the keys {', '.join(known)}")
    for key in given:
        if key not in known:
            raise UserError(f"{prefix}{key}={given[key]}: no such key; allowed: {', '.join(known)}")


def _word(key: str, value: object) -> str:
    """Return a name that is also the name of a file."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", value):
        raise UserError(f"{key}={value}: must be up to 100 of the characters A-Z a-z 0-9 _ . - with no . or - first")
    return value


def _group(factor: str, given: object) -> Mapping[str, Any]:
    if not given:
        raise UserError(f"{factor}=[]: a factor needs at least one level")
    if not isinstance(given, Mapping):
        raise UserError(f"{factor}={given}: must be levels by name; select them as {factor}=[name,...]")
    for label in given:
        if not isinstance(label, str) or not label.strip() or "\n" in label:
            raise UserError(f"{factor}: a level's name must be a line of text that is not empty, not {label!r}")
    return given


def _refuse_twins(factor: str, levels: dict[str, Level]) -> None:
    """Refuse two names for one level: their cells would be the same run twice."""
    labels = list(levels)
    for place, label in enumerate(labels):
        for other in labels[:place]:
            if levels[label] == levels[other]:
                raise UserError(f"{factor}.{label}: the same level as {factor}.{other}; levels must differ")


def _refuse_unknown_pairs(levels: dict[str, dict[str, Level]]) -> None:
    """Try every initializer before every activation once, on a layer of two units."""
    for label, init in levels["init"].items():
        for activation in levels["activation"].values():
            try:
                INITIALIZERS[init.kind](Draws(torch.eye(2), torch.zeros(2), activation.kind), **init.parameters)
            except ValueError as error:
                raise UserError(f"init.{label}: {error}") from error


def _numbers(factor: str, given: object, hint: Any) -> list[Any]:
    values = given if isinstance(given, list) else [given]
    if not values:
        raise UserError(f"{factor}=[]: a factor needs at least one level")
    checked = [check_value(factor, value, hint) for value in values]
    for place, value in enumerate(checked):
        if value in checked[:place]:
            raise UserError(f"{factor}={given}: {value} is there twice; each level may stand once")
    return checked


def _widths(label: str, given: object) -> tuple[int, ...] | None:
    key = f"model.{label}"
    parameters = dict(given) if isinstance(given, Mapping) else {}
    kind = parameters.pop("kind", label)
    if kind != "mlp":
        raise UserError(f"{key}: model knows no kind {kind}; allowed: mlp")
    _only_known(key, parameters, ["widths"])
    widths = parameters.get("widths")
    if widths is None:
        return None
    if not isinstance(widths, list) or not widths:
        raise UserError(f"{key}.widths={widths}: must be null or a list of whole numbers, as [100,50]")
    return tuple(int(check_value(f"{key}.widths", width, NUMBERS["width"])) for width in widths)  # type: ignore[arg-type]


def _engine(given: dict[str, Any]) -> dict[str, Any]:
    _only_known("engine", given, ["kind", "workers"])
    check_value("engine.kind", given.get("kind"), Literal["serial", "processes"])
    check_value("engine.workers", given.get("workers"), Annotated[int | None, "[1, 1024]"])
    return given


def _tracking(given: dict[str, Any]) -> dict[str, Any]:
    _only_known("tracking", given, ["kind", "uri"])
    check_value("tracking.kind", given.get("kind"), Literal["mlflow", "none"])
    if given["kind"] == "mlflow" and not isinstance(given.get("uri"), str):
        raise UserError(f"tracking.uri={given.get('uri')}: must be an MLflow tracking URI, as sqlite:///mlflow.db")
    return given
