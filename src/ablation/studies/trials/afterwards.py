"""What is asked of a study's choices once its cells are trained, asked before: what fails then loses the results."""

from collections.abc import Callable

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.initializers import NO_ACTIVATION
from ablation.studies.adaptive import LARGER, is_adaptive
from ablation.studies.theory_inputs import layer_variances, values_of
from ablation.training.probes import is_bounded
from ablation.training.spec import Level, bind

FAN_IN, FAN_OUT = 7, 4
"""The layer that an initializer is tried on."""


def check_afterwards(factor: str, level: Level) -> None:
    """Ask of a level what the manifest and the theory's inputs will; whatever it raises has a note saying how."""
    if factor in ASKED:
        how, ask = ASKED[factor]
        try:
            ask(level)
        except (Exception, SystemExit) as error:
            error.add_note(how)
            raise


def _activation(level: Level) -> None:
    values_of(level)
    is_bounded(bind(ACTIVATIONS, level))


def _initializer(level: Level) -> None:
    for activation in ("relu", NO_ACTIVATION):
        layer_variances(level, activation, FAN_IN, FAN_OUT)


ASKED: dict[str, tuple[str, Callable[[Level], object]]] = {
    "activation": ("given all numbers that a float32 can hold, in double precision, for theory", _activation),
    "init": ("given draws in double precision, for theory", _initializer),
    "optimizer": (
        f"given gradients {LARGER:g} times as large, by which it is told whether it is adaptive",
        is_adaptive,
    ),
}
