"""Which cells have a native form, and what it consists of."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.losses import LOSSES, cross_entropy, mse
from ablation.choices.normalization import NORMALIZATIONS, BatchNormalization, none
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.descent import Decay, Descent, without_decay
from ablation.training.native.building import CannotBuildError, compiler, library
from ablation.training.native.rules import Names, RuleText, rule_text
from ablation.training.native.tracing import CannotTraceError, trace_activation
from ablation.training.native.writing import activation_text
from ablation.training.networks import NETWORKS
from ablation.training.networks.mlp import Mlp
from ablation.training.networks.residual import Residual
from ablation.training.spec import Level, Spec, bind, numbers_of, without_numbers

HERE = Path(__file__).parent

CROSS_ENTROPY, SQUARES, SQUARES_OF_SOFTMAX, SQUARES_OF_NUMBERS = range(4)
"""As losses.h has them."""

CONTRACTED, AS_WRITTEN = ("-ffp-contract=fast",), ("-ffp-contract=off",)
"""Whether a product and a sum may become one operation, which is rounded once."""


class NoNativeFormError(ValueError):
    """A cell cannot be trained natively; the message says why."""


@dataclass(frozen=True)
class Form:
    """What a cohort's native form consists of.

    Attributes:
        functions: those of ``library.cpp``.
        activation: ``activate`` and ``value``.
        rule: clipping, decay and step, ``first`` and ``later``.
        text: what the rule was made of.
        descent: the rule in Python.
    """

    functions: ctypes.CDLL
    activation: ctypes.CDLL
    rule: ctypes.CDLL
    text: RuleText
    descent: Descent

    @property
    def lanes(self) -> int:
        """Numbers of the processor's vectors: a batch is padded to a multiple of them."""
        return int(self.functions.ablation_lanes())


def form_of(spec: Spec) -> Form:
    """Return the native form of cells like this one.

    Raises:
        NoNativeFormError: they have none, or it cannot be compiled here.
    """
    if compiler() is None:
        raise NoNativeFormError("no C++ compiler was found")
    if NETWORKS[spec.model.kind] not in (Mlp, Residual):
        raise NoNativeFormError(f"model {spec.model.kind} has no native form")
    if NORMALIZATIONS[spec.normalization.kind] not in (none, BatchNormalization):
        raise NoNativeFormError(f"normalization {spec.normalization.kind} has no native form")
    if LOSSES[spec.loss.kind] not in (cross_entropy, mse):
        raise NoNativeFormError(f"loss {spec.loss.kind} has no native form")
    try:
        functions = library((HERE / "library.cpp").read_text("utf-8"), CONTRACTED, HERE)
        activation = library(_activation(spec.activation), CONTRACTED)
        descent, text = _rule(spec)
        return Form(functions, activation, library(text.text, AS_WRITTEN), text, descent)
    except (CannotTraceError, CannotBuildError) as error:
        raise NoNativeFormError(str(error)) from error


def _activation(level: Level) -> str:
    try:
        return activation_text(*trace_activation(bind(ACTIVATIONS, level)))
    except CannotTraceError as error:
        raise NoNativeFormError(f"activation {level.kind} {error}") from error


def _rule(spec: Spec) -> tuple[Descent, RuleText]:
    clip, optimizer = spec.clipping, without_decay(spec.optimizer)
    descent = Descent(
        bind(CLIPPINGS, without_numbers(clip)), bind(OPTIMIZERS, without_numbers(optimizer)), Decay.of(spec.optimizer)
    )
    named = f"clipping {clip.kind} with optimizer {optimizer.kind}"
    if descent.asks:
        raise NoNativeFormError(f"{named} asks for {', '.join(sorted(descent.asks))}")
    decay = () if descent.decay is None else ("weight_decay",)
    try:
        text = rule_text(descent, Names(tuple(numbers_of(clip)), tuple(numbers_of(optimizer)), decay))
    except CannotTraceError as error:
        raise NoNativeFormError(f"{named} {error}") from error
    for registry, level in ((CLIPPINGS, clip), (OPTIMIZERS, optimizer)):
        # A part of the network is handed over vector by vector, where a rule of another's may expect all vectors.
        if text.reduces and not registry[level.kind].__module__.startswith("ablation.choices."):
            raise NoNativeFormError(f"{level.kind} makes a number of many")
    return descent, text
