"""Whether what was made of a choice in C does what the choice does: both are tried on the same numbers.

A function can hide from a recording what it does: by another path where it is compiled, or by what it knows of lengths.

Legend of the suffixes: N numbers of a part.
"""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from ablation.choices.optimizers import State
from ablation.training.descent import Descent, Numbers, Part
from ablation.training.ingredients import Moment
from ablation.training.native.calling import on_examples
from ablation.training.native.rules import Names, RuleText

NUMBERS, STEPS = 160, 3
"""Numbers of a part that are tried, and steps; the second is the first in which something is remembered."""

TOLERANCE = 2e-5
"""Of each number, beside as much of the largest: rounding by another order, not another function."""


class DisagreementError(ValueError):
    """What was made in C is another function."""


def check_activation(made: ctypes.CDLL, activation: Callable[[Tensor], tuple[Tensor, Tensor]]) -> None:
    """Compare an activation's value and derivative over what pre-activations can be.

    Raises:
        DisagreementError: they are others.
    """
    steps = torch.linspace(-1.0, 1.0, NUMBERS)
    x = torch.cat([6.0 * steps, 60.0 * steps.pow(3)])
    value, derivative, value_alone = (torch.empty_like(x) for _ in range(3))
    with _as_in_training():
        made.activate(*_pointers(x, value, derivative), ctypes.c_long(len(x)))
        made.value(*_pointers(x, value_alone), ctypes.c_long(len(x)))
    _compare("value alone", value_alone, value)
    with on_examples(), torch.inference_mode(), _as_in_training():
        wanted, wanted_derivative = activation(x.clone())
    _compare("value", value, wanted)
    _compare("derivative", derivative, wanted_derivative)


def check_rule(made: ctypes.CDLL, text: RuleText, descent: Descent, names: Names) -> None:
    """Compare some steps of a part that decays and one that does not.

    Raises:
        DisagreementError: they are others.
    """
    draw = torch.Generator().manual_seed(0)
    chosen = {name: 0.3 + 0.1 * place for place, name in enumerate(text.places)}
    numbers = torch.tensor([*chosen.values(), 0.0])
    of = Numbers(
        {name: chosen[f"clip {name}"] for name in names.clip},
        {name: chosen[f"optimizer {name}"] for name in names.optimizer},
        chosen.get("decay weight_decay", 0.0),
    )
    for shape, decaying in (((NUMBERS, 1), NUMBERS), (None, 0)):
        decaying = NUMBERS if descent.decay is not None and descent.decay.vectors else decaying
        param = torch.randn(NUMBERS, generator=draw)
        there_SN, state = param.clone().unsqueeze(0), State()
        remembered = [torch.zeros(NUMBERS) for _ in text.numbers]
        scalars = torch.zeros(len(text.scalars) + 1)
        addresses = (ctypes.c_void_p * (len(remembered) + 1))(*[x.data_ptr() for x in remembered])
        for step in range(STEPS):
            grad = torch.randn(NUMBERS, generator=draw) * (0.02 if step == 1 else 2.0)
            function = made.first if step == 0 else made.later
            clipped = function(
                *_pointers(param, grad), addresses, *_pointers(scalars), ctypes.c_float(0.07), *_pointers(numbers),
                ctypes.c_long(NUMBERS), ctypes.c_long(decaying),
            )  # fmt: skip
            grad_SN, lr_S1 = grad.clone().unsqueeze(0), torch.full((1, 1), 0.07)
            moment = Moment(torch.tensor(step), STEPS, 1, torch.full((1, 1), 1.0), torch.tensor(0))
            with on_examples(), torch.inference_mode():
                part = Part(0, there_SN, grad_SN, [grad_SN], state, {}, shape)
                wanted = descent([part], lr_S1, of, moment)
            if bool(wanted) != bool(clipped):
                raise DisagreementError("clips otherwise in C")
            _compare("step", param, there_SN[0])


@contextmanager
def _as_in_training() -> Iterator[None]:
    """Have what is too small for a normal number be zero, as while cells are trained."""
    before = bool(torch.full((1,), torch.finfo(torch.float32).tiny).mul_(0.5) == 0.0)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def _compare(name: str, found: Tensor, wanted: Tensor) -> None:
    """Compare what is finite in both, and where numbers are none."""
    finite = wanted.isfinite()
    largest = float(wanted[finite].abs().max()) if bool(finite.any()) else 0.0
    if bool((found.isfinite() != finite).any()) or bool(
        ((found - wanted).abs()[finite] > TOLERANCE * (wanted.abs()[finite] + min(largest, 1.0) * 0.1)).any()
    ):
        raise DisagreementError(f"has another {name} in C")


def _pointers(*tensors: Tensor) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(tensor.data_ptr()) for tensor in tensors]
