"""Schedules: the factor on the learning rate in a step.

A rule returns a number, or one a cell as [S, 1]. It asks for the step, the number of steps and what else it goes by in
its signature, as parameters without a default. One that asks for the time alone is called before training, once a step
and without a cell, and may branch on the step.

Most of them begin with a warm-up (Goyal et al. 2017, section 2.2): in the first W steps, a share of the whole training
rounded to whole steps, the factor is (step + 1) / W; what follows counts its steps t from there, and has the T steps
that are left. All of it is computed in double precision and rounded once, by who calls.

Legend: S cells, 1 an axis of length one.
"""

import math
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

Schedule = Callable[..., float | Tensor]
Share = Annotated[float, "[0, 1)"]
Factor = Annotated[float, "(0, 1]"]
Final = Annotated[float, "[0, 1]"]
Epochs = Annotated[float, "(0, inf)"]


def constant(*, step: Tensor, steps: int, warmup: Share = 0.0) -> float | Tensor:
    """1 once the warm-up is over."""
    return _warmed(step, steps, warmup, lambda t, T: 1.0)


def step(
    *, step: Tensor, steps: int, steps_per_epoch: int, factor: Factor = 0.5, every: Epochs = 5.0, warmup: Share = 0.0
) -> float | Tensor:
    """factor^floor(t / s), with s steps in ``every`` epochs, rounded to whole ones (He et al. 2016, section 4.2)."""
    s = max(1.0, float(math.floor(every * steps_per_epoch + 0.5)))
    return _warmed(step, steps, warmup, lambda t, T: torch.pow(factor, torch.floor(t / s)))


def exponential(
    *, step: Tensor, steps: int, steps_per_epoch: int, factor: Factor = 0.5, every: Epochs = 5.0, warmup: Share = 0.0
) -> float | Tensor:
    """factor^(t / s), with s steps in ``every`` epochs, as Keras' ``ExponentialDecay``."""
    s = every * steps_per_epoch
    return _warmed(step, steps, warmup, lambda t, T: torch.pow(factor, t / s))


def power(
    *,
    step: Tensor,
    steps: int,
    steps_per_epoch: int,
    exponent: Annotated[float, "[0, inf)"] = 1.0,
    every: Epochs = 5.0,
    warmup: Share = 0.0,
) -> float | Tensor:
    """1 / (1 + t / s)^c, with s steps in ``every`` epochs and c the ``exponent``.

    Senior et al. 2013, section 2.2; with c = 1 Keras' ``InverseTimeDecay``.
    """
    s = every * steps_per_epoch
    return _warmed(step, steps, warmup, lambda t, T: torch.pow(1.0 + t / s, -exponent))


def cosine(*, step: Tensor, steps: int, final: Final = 0.0, warmup: Share = 0.0) -> float | Tensor:
    """final + (1 - final) (1 + cos(pi t / T)) / 2 (Loshchilov & Hutter 2017, equation 5, without restarts).

    The last step lies one short of ``final``, which belongs to a step that is not taken.
    """
    return _warmed(step, steps, warmup, lambda t, T: _between(1.0, final, t / T))


def linear(*, step: Tensor, steps: int, final: Final = 0.0, warmup: Share = 0.0) -> float | Tensor:
    """1 - (1 - final) t / T; the last step lies one short of ``final``."""
    return _warmed(step, steps, warmup, lambda t, T: 1.0 - (1.0 - final) * (t / T))


def one_cycle(
    *,
    step: Tensor,
    steps: int,
    pct_start: Share = 0.3,
    div_factor: Annotated[float, "[1, inf)"] = 25.0,
    final_div_factor: Annotated[float, "[1, inf)"] = 1.0e4,
) -> Tensor:
    """Up from 1 / div_factor to 1, along a cosine, and down to 1 / (div_factor final_div_factor) (Smith & Topin 2018).

    As torch's ``OneCycleLR``: the learning rate is the largest, a share ``pct_start`` of the steps goes up, and the
    last step has the least. Momentum is not cycled: it is the optimizer's own.
    """
    first, last = 1.0 / div_factor, 1.0 / (div_factor * final_div_factor)
    t, peak = step.double(), pct_start * steps - 1.0
    if t <= peak:
        return _between(first, 1.0, t / peak if peak > 0 else torch.ones_like(t))
    return _between(1.0, last, (t - peak) / (steps - 1.0 - peak))


def plateau(
    *,
    step: Tensor,
    steps_per_epoch: int,
    val_loss_S1: Tensor,
    evaluated: Tensor,
    state: dict[str, Tensor],
    factor: Annotated[float | Tensor, "(0, 1)"] = 0.5,
    patience: Annotated[int, "[1, 1000000]"] = 5,
    min_delta: Annotated[float | Tensor, "[0, 1)"] = 1.0e-4,
    least: Annotated[float | Tensor, "[0, 1]"] = 0.0,
) -> Tensor:
    """Times ``factor`` whenever the validation loss has not improved for ``patience`` epochs, down to ``least``.

    A cell goes by its own loss. As Keras' ``ReduceLROnPlateau``, but that a loss improves on the best one if it is
    below it by the share ``min_delta``, as in torch, and that the loss before the first step is the first. After a cut
    the epochs are counted anew. A loss that is not finite improves on none. Where evaluations are further apart than
    ``patience``, a cut waits for the next: between it and the best loss, or the cut before, one has been measured.
    """
    if not state:
        state["best"], state["since"] = torch.full_like(val_loss_S1, torch.inf), step.expand_as(val_loss_S1).clone()
        state["factor"] = torch.ones_like(val_loss_S1, dtype=torch.float64)
    is_negative_S1 = state["best"] < 0.0
    to_beat_S1 = torch.where(is_negative_S1, state["best"] * (1.0 + min_delta), state["best"] * (1.0 - min_delta))
    improves_S1 = val_loss_S1 < to_beat_S1
    state["best"] = torch.where(improves_S1, val_loss_S1, state["best"])
    is_late_S1 = (step - state["since"]) / steps_per_epoch >= patience
    cuts_S1 = ~improves_S1 & is_late_S1 & (evaluated > state["since"])
    state["since"] = torch.where(improves_S1 | cuts_S1, step, state["since"])
    state["factor"] = torch.where(cuts_S1, torch.clamp(state["factor"] * factor, min=least), state["factor"])
    return state["factor"]


def _warmed(step: Tensor, steps: int, warmup: float, decay: Callable[[Tensor, int], float | Tensor]) -> float | Tensor:
    """A warm-up, and then ``decay`` of the steps since and of all that are left."""
    rising = math.floor(warmup * steps + 0.5)
    if step < rising:
        return (step.double() + 1.0) / rising
    return decay(step.double() - rising, steps - rising)


def _between(start: float, end: float, share: Tensor) -> Tensor:
    """From ``start`` to ``end`` along half a cosine's wave."""
    return end + (start - end) / 2.0 * (1.0 + torch.cos(math.pi * share))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "step": step,
    "exponential": exponential,
    "power": power,
    "cosine": cosine,
    "linear": linear,
    "one_cycle": one_cycle,
    "plateau": plateau,
}
