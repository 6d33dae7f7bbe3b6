"""A study as the code sees it: the composed config, typed and checked from its first key to its last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from ablation.datasets.settings import check_level as check_data
from ablation.levels import check_value
from ablation.studies import checks, rates
from ablation.studies.choosing import check_level
from ablation.studies.own.files import files
from ablation.studies.own.reading import Files
from ablation.studies.registries import REGISTRIES
from ablation.training.spec import Level, Order

# Factors whose levels are plain values and not functions: numbers, but for the words of ``order``.
NUMBERS: dict[str, Any] = {
    "depth": Annotated[int, "[1, 10000]"],
    "width": checks.WIDTH,
    "batch_size": Annotated[int, "[1, 10000000]"],
    "order": Order,
    "lr": rates.RATE,
    "split": Annotated[int, "[0, 9223372036854775807]"],
    "examples": Annotated[int | None, "[1, 10000000]"],
    "label_noise": Annotated[float, "[0, 1]"],
    "seed": Annotated[int, "[0, 9223372036854775807]"],
}

SETTINGS: dict[str, dict[str, Any]] = {
    "training": {
        "epochs": Annotated[int, "[0, 1000000]"],
        "steps": Annotated[int | None, "[1, 1000000000]"],
        "evaluations": list,
        "gradient_batches": Annotated[int, "[0, 1000000]"],
        "probe_size": Annotated[int, "[2, 1000000]"],
        "compile": Literal["auto", "native", "layers", "eager"],
        "tf32": bool,
    },
    "paths": {"root": str | None, **dict.fromkeys(("data", "results", "reports", "store"), str)},
    "plan": {"from": str | None},
}


@dataclass(frozen=True)
class Study:
    """A checked study.

    Attributes:
        name: under which its results and reports lie.
        levels: for each group factor but model and data, its levels by label, in the config's order.
        models: the model's levels by label.
        data: the data levels' parameters by label.
        numbers: the levels of each factor that is a number, or a word.
        rates: the learning rates of each level of optimizer that brings its own.
        epochs: passes over the training part; with ``steps``, the periods into which these are divided.
        steps: training steps of every cell, whatever its batch size; None where all take as many epochs.
        evaluations: epochs or periods at which cells are evaluated beside the start and each one's end, ascending.
        gradient_batches: batches from which the gradient's signal-to-noise ratio is estimated; 0 for none.
        choices: the files of a user's own choices that are in force.
        config: the whole composed config, resolved.
        planned_from: results by which a plan says what seeds can show; none for the study's own, where there are any.
        overrides: the words on the command line that made it, the preset first.
    """

    name: str
    levels: dict[str, dict[str, Level]]
    models: dict[str, checks.Model]
    data: dict[str, dict[str, Any]]
    numbers: dict[str, list[Any]]
    rates: dict[str, list[float]]
    epochs: int
    steps: int | None
    evaluations: tuple[float, ...]
    gradient_batches: int
    probe_size: int
    compile: Literal["auto", "native", "layers", "eager"]
    tf32: bool
    device: Literal["auto", "cpu", "cuda"]
    engine: dict[str, Any]
    tracking: dict[str, Any]
    report: dict[str, Any]
    data_folder: Path
    results_folder: Path
    reports_folder: Path
    store_folder: Path
    planned_from: Path | None
    choices: Files
    config: dict[str, Any]
    overrides: list[str]

    @property
    def horizon(self) -> dict[str, int]:
        """What all cells have in common before they end: so many epochs, or so many steps."""
        return {"epochs": self.epochs} if self.steps is None else {"steps": self.steps}

    def rates_of(self, optimizer: str) -> list[float]:
        """Return the learning rates with which a level of optimizer is crossed."""
        return self.rates.get(optimizer, self.numbers["lr"])


def check_study(config: dict[str, Any]) -> Study:
    """Check a composed config.

    Raises:
        UserError: one line that names the first key that is wrong, its value and what is allowed.
    """
    config = dict(config)
    overrides = config.pop("overrides")
    groups = [*REGISTRIES, "model", "data"]
    # A group without a level is not in the composed config at all; it is told below, as an empty factor.
    rest = [*NUMBERS, *SETTINGS, "device", "engine", "tracking", "report", "choices"]
    checks.only_known("", config, ["name", *groups, *rest])
    checks.whole("", {key: config[key] for key in config if key not in groups}, ["name", *rest])
    name = checks.word("name", config["name"])
    levels = {
        factor: {
            label: check_level(factor, label, rates.without_rates(factor, given), registry)
            for label, given in checks.group(factor, config.get(factor)).items()
        }
        for factor, registry in REGISTRIES.items()
    }
    own = {
        factor: {
            label: found
            for label, given in config[factor].items()
            if (found := rates.own_rates(factor, label, given)) is not None
        }
        for factor in REGISTRIES
    }
    for factor in REGISTRIES:
        checks.refuse_twins(factor, levels[factor], f" in more than {rates.KEY}" if own[factor] else "")
    rates.refuse_unused(own[rates.FACTOR], levels[rates.FACTOR], overrides)
    data = {
        checks.word("data", label): checks.level(f"data.{label}", given)
        for label, given in checks.group("data", config.get("data")).items()
    }
    for label, parameters in data.items():
        check_data(label, parameters.get("kind", label), parameters)
    numbers = {factor: checks.numbers(factor, config.get(factor), hint) for factor, hint in NUMBERS.items()}
    for section, settings in SETTINGS.items():
        checks.whole(section, config[section], list(settings))
    training, paths = (
        {
            key: check_value(f"{section}.{key}", config[section][key], hint)
            for key, hint in SETTINGS[section].items()
            if hint is not list
        }
        for section in ("training", "paths")
    )
    check_value("device", config["device"], Literal["auto", "cpu", "cuda"])
    # A command has gone to the root by now; see `config.places`.
    folders = {key: checks.folder(f"paths.{key}", path) for key, path in paths.items() if key != "root"}
    return Study(
        name=name,
        levels=levels,
        models={
            label: checks.model(label, given) for label, given in checks.group("model", config.get("model")).items()
        },
        data=data,
        numbers=numbers,
        rates=own[rates.FACTOR],
        epochs=int(training["epochs"]),  # type: ignore[arg-type]  # checked as a whole number
        steps=checks.steps(training["steps"], training["epochs"]),
        evaluations=checks.epochs("training.evaluations", config["training"]["evaluations"]),
        gradient_batches=checks.gradient_batches(training["gradient_batches"]),
        probe_size=int(training["probe_size"]),  # type: ignore[arg-type]  # likewise
        compile=config["training"]["compile"],
        tf32=bool(training["tf32"]),
        device=config["device"],
        engine=checks.engine(config["engine"]),
        tracking=checks.tracking(config["tracking"]),
        report=config["report"],
        data_folder=folders["data"],
        results_folder=folders["results"] / name,
        reports_folder=folders["reports"] / name,
        store_folder=folders["store"],
        planned_from=None if config["plan"]["from"] is None else checks.folder("plan.from", config["plan"]["from"]),
        choices=files(),
        config=config,
        overrides=overrides,
    )
