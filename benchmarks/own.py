"""This project's trainer as a benchmark has it: with its probes and evaluations, and without."""

import time
from unittest.mock import patch

import torch
from peers import RATE, Shape, synchronize

from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings
from ablation.training import trainer
from ablation.training.data import Data
from ablation.training.spec import Level, Spec

PROBE = 128
PARAMETERS = {"relu": {}, "tanh": {}, "elu": {"alpha": 1.0}}
BATCH = {"placement": "before", "input": False, "epsilon": 1e-3, "momentum": 0.99}
MODES = {"ours": "eager", "compiled": "layers", "native": "native"}
"""How training is compiled, ``Spec.compile``, by the name of its column."""

SHORT = 8
"""What measures nothing is timed twice, the second time for so many times fewer steps."""


def digits(device: torch.device) -> Data:
    """Return scikit-learn's scans, 1,079 to train on, standardized."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images, dtype=torch.float32), torch.tensor(labels)
    x = (x - x[:1079].mean()) / x[:1079].std()
    return Data.in_order(x, y, (1079, 359, 359), 10).to(device)


def ours(
    shape: Shape, activation: str, norm: bool, data: Data, compile: str = "eager", optimizer: str = "sgd"
) -> float:
    """Return run-steps per second of a whole training, its probes and evaluations on."""
    steps = shape.steps(len(data.train_y))
    return steps * shape.cells / _seconds(cohort(shape, activation, norm, compile, optimizer), data)


def quiet(shape: Shape, activation: str, norm: bool, data: Data, compile: str = "eager") -> float:
    """Return run-steps per second of the training steps alone, without a probe or an evaluation between two.

    The trainer cannot be kept from measuring at the start and at the end, and initializes first: so it is timed over
    few steps and over many, and these are what the many take longer.
    """
    many = shape.steps(len(data.train_y))
    few = max(1, many // SHORT)
    with (
        patch.object(trainer, "probe_steps", _ends),
        patch.object(trainer, "evaluation_steps", _ends),
    ):
        short, long = (
            _seconds(cohort(shape, activation, norm, compile, steps=steps), data, [0, steps]) for steps in (few, many)
        )
    return (many - few) * shape.cells / (long - short)


def _ends(periods: int, length: int, at: object = ()) -> list[int]:
    return [0, periods * length]


def cohort(
    shape: Shape,
    activation: str,
    norm: bool,
    compile: str = "eager",
    optimizer: str = "sgd",
    steps: int | None = None,
    threshold: float = 1.0,
) -> list[Spec]:
    """Return cells that differ in their seed, clipped by a value; with ``steps``, of one period of so many."""
    none = Level("none", {})
    return [
        Spec(
            init=Level("he_normal", {}),
            activation=Level(activation, PARAMETERS[activation]),
            normalization=Level("batch", BATCH) if norm else none,
            clipping=Level("value", {"threshold": threshold}),
            optimizer=Level(optimizer, settings(OPTIMIZERS[optimizer])),
            schedule=Level("constant", {}),
            loss=Level("cross_entropy", {}),
            widths=(shape.width,) * shape.depth,
            batch_size=shape.batch,
            lr=RATE,
            seed=cell,
            epochs=1 if steps else shape.epochs,
            steps=steps,
            probe_size=PROBE,
            compile=compile,  # type: ignore[arg-type]
        )
        for cell in range(shape.cells)
    ]


def _seconds(cells: list[Spec], data: Data, probed: list[int] | None = None) -> float:
    """Return how long a training takes, which is probed at these steps if any are given."""
    synchronize(data.train_x.device)
    begun = time.perf_counter()
    outcomes = trainer.train(cells, data)
    synchronize(data.train_x.device)
    seconds = time.perf_counter() - begun
    assert all(outcome.diverged_step is None for outcome in outcomes), "a diverged cell would be paid for in part"
    assert probed is None or all(outcome.layer_steps.tolist() == probed for outcome in outcomes), "it was measured"
    return seconds
