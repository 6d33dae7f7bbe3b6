"""Which cells have a native form, and what it consists of."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.descent import Decay, Descent, without_decay
from ablation.training.native.agreement import DisagreementError, check_activation, check_rule
from ablation.training.native.building import CannotBuildError, compiler, library
from ablation.training.native.calling import CannotTraceError
from ablation.training.native.rules import Names, RuleText, rule_text
from ablation.training.native.tracing import trace_activation
from ablation.training.native.writing import activation_text
from ablation.training.networks import NETWORKS
from ablation.training.networks.mlp import Mlp
from ablation.training.networks.residual import Residual
from ablation.training.spec import Level, Spec, bind, numbers_of, without_numbers

HERE = Path(__file__).parent

CROSS_ENTROPY, SQUARES, SQUARES_OF_SOFTMAX, SQUARES_OF_NUMBERS = range(4)
"""As losses.h has them."""

NORMALIZED, MINIMIZED = ("none", "batch"), ("cross_entropy", "mse")
"""The normalizations and the losses that are written in C++, in rows.h and losses.h."""

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
    for name, registry, kinds in (("normalization", NORMALIZATIONS, NORMALIZED), ("loss", LOSSES, MINIMIZED)):
        kind = getattr(spec, name).kind
        if kind not in kinds or not _is_ours(registry[kind]):
            raise NoNativeFormError(f"{name} {kind} has no native form")
    with _reasons(""):
        functions = library((HERE / "library.cpp").read_text("utf-8"), CONTRACTED, HERE)
    rule, text, descent = _rule(spec)
    return Form(functions, _activation(spec.activation), rule, text, descent)


def _is_ours(choice: Any) -> bool:
    """Return whether a choice is the project's: one of a user's own may have the name of one of these."""
    return str(choice.__module__).startswith("ablation.choices.")


_made: dict[tuple[object, ...], tuple[Any, ...]] = {}
"""What was made in this process, by the functions of which it was made: one of a user's own may take another's name."""


def _activation(level: Level) -> ctypes.CDLL:
    function = bind(ACTIVATIONS, level)
    key = "activation", id(ACTIVATIONS[level.kind]), repr(level)
    if key not in _made:
        with _reasons(f"activation {level.kind} "):
            made = library(activation_text(*trace_activation(function)), CONTRACTED)
            check_activation(made, function)
        _made[key] = made, ACTIVATIONS[level.kind]  # alive, so that no other function has its place in memory
    activation: ctypes.CDLL = _made[key][0]
    return activation


def _rule(spec: Spec) -> tuple[ctypes.CDLL, RuleText, Descent]:
    clip, optimizer, decay = spec.clipping, without_decay(spec.optimizer), Decay.of(spec.optimizer)
    names = Names(tuple(numbers_of(clip)), tuple(numbers_of(optimizer)), () if decay is None else ("weight_decay",))
    rules = CLIPPINGS[clip.kind], OPTIMIZERS[optimizer.kind]
    words = without_numbers(clip), without_numbers(optimizer)
    key = "rule", *map(id, rules), repr(words), repr(names), repr(decay)
    if key not in _made:
        named = f"clipping {clip.kind} with optimizer {optimizer.kind} "
        descent = Descent(bind(CLIPPINGS, words[0]), bind(OPTIMIZERS, words[1]), decay)
        if descent.asks:
            raise NoNativeFormError(f"{named}asks for {', '.join(sorted(descent.asks))}")
        with _reasons(named):
            text = rule_text(descent, names)
            # A part of the network is handed over vector by vector, where a rule of a user's own may expect all.
            if (text.reduces or text.counts) and not all(map(_is_ours, rules)):
                raise NoNativeFormError(f"{named}makes one number of many")
            made = library(text.text, AS_WRITTEN)
            check_rule(made, text, descent, names)
        _made[key] = made, text, descent, rules
    made, text, descent, _ = _made[key]
    return made, text, descent


@contextmanager
def _reasons(of: str) -> Iterator[None]:
    """Have whatever keeps a choice from its form be the reason why there is none."""
    try:
        yield
    except (CannotTraceError, CannotBuildError, DisagreementError) as error:
        raise NoNativeFormError(f"{of}{error}") from error
