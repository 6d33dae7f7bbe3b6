"""The specification of a cell: everything that decides its numbers, but the data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from ablation.choices.activations import INDIFFERENT
from ablation.choices.clipping import COMPARED, UNCLIPPED
from ablation.choices.optimizers import ELEMENTWISE

Number = int | float | bool | str | None

Order = Literal["random", "fixed", "sorted"]
"""In which order the examples of an epoch come; see ``BatchOrder``."""


@dataclass(frozen=True)
class Level:
    """One level of a choice: its key in the registry, and all its settings, defaults written out."""

    kind: str
    settings: Mapping[str, Number]

    def as_dict(self) -> dict[str, Any]:
        """Return the level as plain values that JSON can hold."""
        return {"kind": self.kind, "settings": dict(self.settings)}


Compile = Literal["eager", "layers", "native"]
"""How a cell's steps are computed."""


@dataclass(frozen=True)
class Spec:
    """A cell's whole specification.

    Attributes:
        init: how weights begin; likewise the other choices.
        widths: units of each hidden layer, from the input on.
        batch_size: examples of a step.
        lr: learning rate, before the schedule's factor.
        seed: fixes the standard draws behind the initial weights and the batch order.
        epochs: passes over the training part; with ``steps``, the periods into which these are divided.
        probe_size: examples of the probe batch.
        compile: how its steps are computed: eager operation by operation, layers with each hidden layer and the loss
            compiled, native whole steps of a cell at a time in machine code.
        tf32: whether a GPU may round the factors of its products to TF32, which has ten bits of fraction.
        model: which network, a key of ``NETWORKS``.
        evaluations: moments at which a cell is evaluated beside the start and each epoch's or period's end, in these
            and ascending.
        steps: training steps whatever the batch size, a multiple of ``epochs``; None for whole passes.
        gradient_batches: batches from which the gradient's signal-to-noise ratio is estimated; 0 for none.
        order: in which order the examples of an epoch come.
    """

    init: Level
    activation: Level
    normalization: Level
    clipping: Level
    optimizer: Level
    schedule: Level
    loss: Level
    widths: tuple[int, ...]
    batch_size: int
    lr: float
    seed: int
    epochs: int
    probe_size: int
    compile: Compile = "eager"
    tf32: bool = False
    model: Level = Level("mlp", {})
    evaluations: tuple[float, ...] = ()
    steps: int | None = None
    gradient_batches: int = 0
    order: Order = "random"

    def as_dict(self) -> dict[str, Any]:
        """Return the specification as plain values that JSON can hold."""
        # As ``dataclasses.asdict`` does, which takes ten times as long; a study asks for some ten a cell.
        return {name: each.as_dict() if isinstance(each, Level) else each for name, each in vars(self).items()}

    def shared(self, mixes: bool = False) -> dict[str, Any]:
        """Return what the cells of one cohort have in common: the graph of the computation.

        Args:
            mixes: whether cells are trained where those that differ in activation and clipping share a stack too, as
                far as they can; see ``wide.py``.

        The other things, the initializer, the learning rate, the schedule, the seed, the order of the examples and the
        numbers of clipping and optimizer, are data to it: a value a cell. That weights decay at all is not.
        """
        shared = self.as_dict()
        for name in ("init", "schedule", "lr", "seed", "order"):
            del shared[name]
        shared["clipping"] = without_numbers(self.clipping).as_dict()
        shared["optimizer"] = without_numbers(self.optimizer).as_dict()
        shared["decays"] = self.optimizer.settings.get("weight_decay", 0.0) != 0.0
        if mixes and self.compile == "eager":
            if self.activation.kind in INDIFFERENT:
                shared["activation"] = None
            if self.steps_at_once:
                shared["clipping"] = None
        return shared

    @property
    def steps_at_once(self) -> bool:
        """Whether all of the gradient may be clipped, and all parameters changed, in one go beside other cells'.

        The optimizer is a function of each parameter alone, and the clipping this project's own, by any of its rules.
        """
        return self.optimizer.kind in ELEMENTWISE and self.clipping.kind in (UNCLIPPED, *COMPARED)


def numbers_of(level: Level) -> dict[str, float]:
    """Return those of a level's settings that are real numbers: data to a graph, one a cell of a cohort."""
    return {name: value for name, value in level.settings.items() if isinstance(value, float)}


def without_numbers(level: Level) -> Level:
    """Return a level with its other settings, words, truths and whole numbers, which decide the graph."""
    return Level(level.kind, {name: value for name, value in level.settings.items() if not isinstance(value, float)})


def bind(registry: Mapping[str, Callable[..., Any]], level: Level) -> Callable[..., Any]:
    """Return a choice's function with its level's settings filled in."""
    choice = registry[level.kind]
    return partial(choice, **level.settings) if level.settings else choice
