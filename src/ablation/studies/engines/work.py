"""What a worker does, wherever it is: take a cohort and its data, train, and answer with records.

A worker never touches the store or MLflow.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ablation import UserError
from ablation.datasets.prepared import load
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.weights import packed
from ablation.studies.machine.environment import Environment, compiled_in, differences, environment
from ablation.studies.machine.fingerprint import one_thread
from ablation.studies.own.files import fault, install, owners
from ablation.studies.own.reading import Files
from ablation.studies.registries import ALL
from ablation.studies.store import Record
from ablation.studies.views import prepared_name, view_named
from ablation.training.clock import Clock
from ablation.training.compiled.tracing import CannotCompileError
from ablation.training.data import Data
from ablation.training.executing.cuda import release_cached
from ablation.training.outcome import Outcome
from ablation.training.spec import Spec
from ablation.training.trainer import train
from ablation.training.view import seen


class TooLargeError(UserError):
    """Not even one cell of a cohort fits into memory."""


@dataclass(frozen=True)
class Trained:
    """A cohort's records, what they cost, and its cells' trained parameters as files, where these were asked for."""

    cohort: Cohort
    records: list[Record]
    seconds: float
    run_steps: int
    weights: list[bytes] = field(default_factory=list)


@dataclass(frozen=True)
class Supply:
    """What a worker is supplied with: where the data are, how it has to compute, and a user's own choices.

    Attributes:
        folder: the prepared files'.
        levels: the data levels' parameters by label.
        device: the type of where cells are trained.
        environment: what the keys say of how they are trained; none where there are no keys.
        digests: what they say of the prepared data, by name.
        choices: the files of a user's own choices.
        keeps_weights: whether trained parameters are part of the answer.
    """

    folder: Path
    levels: Mapping[str, Mapping[str, Any]]
    device: str
    environment: Environment | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    choices: Files = ()
    keeps_weights: bool = False

    def prepare(self, where: str = "a worker process") -> None:
        """Put the user's own choices in force, and refuse to train where numbers would be others than the keys say.

        Raises:
            UserError: naming both ways to compute.
        """
        install(self.choices)
        if self.environment is None:
            return
        here = environment(torch.device(self.device), compiled_in(self.environment))
        if here != self.environment:
            raise UserError(
                f"{where} computes otherwise than the study, {differences(here, self.environment)}: its numbers would "
                "be others under the same key"
            )


_loaded: dict[tuple[str, str, str, str], Data] = {}


def load_data(name: str, supply: Supply) -> Data:
    """Return data by their name, on the device and standardized; each process reads them, and makes a view, once.

    A view is standardized by the constants of the whole training part, so that views differ in nothing else.

    Raises:
        UserError: it is not the one that the keys are of, or does not fit into memory.
    """
    prepared, (label, view) = prepared_name(name), view_named(name)
    if name != prepared:
        key = _place(name, supply)
        if key not in _loaded:
            _loaded[key] = seen(load_data(prepared, supply), view)
        return _loaded[key]
    expected, key = supply.digests.get(name, ""), _place(name, supply)
    if key not in _loaded:
        arrays, card = load(label, supply.levels[label], supply.folder, view.split)
        if expected not in ("", card["digest"]):
            raise UserError(f"data.{name}: was prepared anew while the study ran; run the study again")
        mean, std = card["mean"], card["std"]

        def standardize(part: str) -> torch.Tensor:
            values: torch.Tensor = torch.from_numpy(arrays[part]).to(torch.float32)
            return values.sub_(mean).div_(std)

        _loaded[key] = Data(
            standardize("train_x"),
            torch.from_numpy(arrays["train_y"]),
            standardize("val_x"),
            torch.from_numpy(arrays["val_y"]),
            standardize("test_x"),
            torch.from_numpy(arrays["test_y"]),
            card["outputs"],
        ).to(torch.device(supply.device))
    return _loaded[key]


def _place(name: str, supply: Supply) -> tuple[str, str, str, str]:
    return str(supply.folder.resolve()), name, supply.device, supply.digests.get(name, "")


def train_cohort(cohort: Cohort, data: Data, keeps_weights: bool = False) -> Trained:
    """Train a cohort on one thread, whatever the caller's setting: more would sum in another order."""
    begun = time.perf_counter()
    with one_thread():
        outcomes = train_within_memory([cell.spec for cell in cohort.cells], data, [*cohort.watched])
    seconds = time.perf_counter() - begun
    records = [
        Record(
            cell.spec.as_dict(),
            outcome.diverged_step,
            outcome.parameters,
            outcome.curve_steps,
            outcome.curves,
            outcome.layer_steps,
            outcome.layers,
            outcome.test,
            {cohort.watched[kind]: largest for kind, largest in outcome.compared.items()},
        )
        for cell, outcome in zip(cohort.cells, outcomes, strict=True)
    ]
    steps = Clock.of(cohort.cells[0].spec, len(data.train_y)).steps
    run_steps = sum(steps if record.diverged_step is None else record.diverged_step for record in records)
    kept = zip(cohort.cells, outcomes, strict=True) if keeps_weights else ()
    weights = [packed(cell.spec, data, outcome.weights) for cell, outcome in kept]
    return Trained(cohort, records, seconds, run_steps, weights)


def train_within_memory(cells: Sequence[Spec], data: Data, watched: Collection[str] = ()) -> list[Outcome]:
    """Train a cohort, in halves where memory is too small for it: a cell's numbers do not depend on its cohort.

    Raises:
        TooLargeError: not even one cell fits.
        UserError: what the cells choose cannot be compiled.
    """
    try:
        return train(cells, data, watched)
    except CannotCompileError as error:
        levels = ", ".join(level.kind for level in (cells[0].activation, cells[0].normalization, cells[0].loss))
        raise UserError(f"training.compile=layers: {error}, one of {levels}; allowed with them: auto, eager") from error
    except (Exception, SystemExit) as error:  # a user's own choice may raise anything
        if not _is_out_of_memory(error):
            if (told := fault(error)) is not None:
                raise UserError(f"{_own_levels(cells)}{told}") from error
            raise
        if len(cells) == 1:
            widths = f"{len(cells[0].widths)} layers of up to {max(cells[0].widths)} units"
            on_gpu = isinstance(error, torch.OutOfMemoryError)
            memory = "the GPU's free memory; use device=cpu" if on_gpu else "memory"
            raise TooLargeError(f"a cell of {widths} does not fit into {memory}") from error
    # Behind the handler, for what it caught keeps the failed cohort's tensors alive.
    release_cached()
    half = len(cells) // 2
    return train_within_memory(cells[:half], data, watched) + train_within_memory(cells[half:], data, watched)


def _own_levels(cells: Sequence[Spec]) -> str:
    """Return the choices of a user's own that cells are trained with, to be set before what one of them raised."""
    named = {
        f"{factor} {getattr(cell, factor).kind}": None for cell in cells for factor in ALL if _is_own(cell, factor)
    }
    return f"{', '.join(named)} in training: " if named else ""


def _is_own(cell: Spec, factor: str) -> bool:
    return (factor, getattr(cell, factor).kind) in owners()


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocator has failed; that of torch on a CPU says so in its message alone."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
