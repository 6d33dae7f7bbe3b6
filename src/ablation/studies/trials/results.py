"""What a choice of a user's own returns and changes, looked at once before anything is trained with it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ablation.choices.clipping import CLIPPINGS, Gradient
from ablation.choices.initializers import INITIALIZERS, NO_ACTIVATION, Draws
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.levels import real, shown
from ablation.studies.trials.lent import Lent
from ablation.training.descent import without_decay
from ablation.training.ingredients import Moment, asked, handed
from ablation.training.schedule import goes_by_time
from ablation.training.spec import Level, bind, numbers_of

CELLS, BATCH, FAN_IN, FAN_OUT, CLASSES, STEPS, EPOCH = 3, 5, 7, 4, 6, 10, 2
"""Sizes of what a choice is tried on, all different."""


class WrongResultError(ValueError):
    """A choice returns or changes what it must not; what, in words."""


def check_results(factor: str, level: Level) -> None:
    """Call a choice once and look at what it returns.

    Raises:
        WrongResultError: it is not what a choice of the factor returns.
    """
    if factor in CHECKS:
        CHECKS[factor](level)


def _initializer(level: Level) -> None:
    for activation in ("relu", NO_ACTIVATION):
        draws = Draws(torch.randn(FAN_IN, FAN_OUT), torch.randn(FAN_OUT), activation)
        result = bind(INITIALIZERS, level)(draws)
        _two("weights and biases", result, [(FAN_IN, FAN_OUT), (FAN_OUT,)], ("fan-in by fan-out", "one a unit"))


def _loss(level: Level) -> None:
    output_SBC, label_SB = torch.randn(CELLS, BATCH, CLASSES), torch.zeros(CELLS, BATCH, dtype=torch.int64)
    result = bind(LOSSES, level)(output_SBC, label_SB)
    _two("loss and gradient", result, [(CELLS,), (CELLS, BATCH, CLASSES)], ("one a cell", "as the outputs"))


def _normalization(level: Level) -> None:
    made = NORMALIZATIONS[level.kind](**level.settings)
    if made is None:
        return
    lacking = [
        name for name in ("placement", "input", "forward", "backward", "update", "affine") if not hasattr(made, name)
    ]
    if lacking:
        raise WrongResultError(
            f"has no {', '.join(lacking)}, which a normalization has; choices/normalization.py shows them"
        )
    x_SBO, gamma_SO, beta_SO = (
        torch.randn(CELLS, BATCH, FAN_OUT),
        torch.ones(CELLS, FAN_OUT),
        torch.zeros(CELLS, FAN_OUT),
    )
    y_SBO, statistics = made.forward(x_SBO.clone(), gamma_SO, beta_SO)
    _shape("its forward pass", y_SBO, x_SBO.shape)
    grads = made.backward(torch.randn_like(x_SBO), statistics, gamma_SO)
    for name, grad, like in zip(("input", "gamma", "beta"), grads, (x_SBO, gamma_SO, beta_SO), strict=True):
        _shape(f"its gradient of {name}", grad, like.shape)


def _optimizer(level: Level) -> None:
    optimize = OPTIMIZERS[level.kind]
    state: dict[str, Tensor] = {}
    before = torch.randn(CELLS, FAN_IN * FAN_OUT)
    # As of a network: what a rule is handed is a view of all parameters, and these must change.
    held, lr_S1 = before.clone(), torch.full((CELLS, 1), 0.1)
    for step in range(2):
        param_SP, grad_SP = held[:], torch.randn_like(before)
        factors = {"input_SBI": torch.randn(CELLS, BATCH, FAN_IN), "error_SBO": torch.randn(CELLS, BATCH, FAN_OUT)}
        more = _asked("optimizer", optimize, step, {**factors, "shape": (FAN_IN, FAN_OUT)})
        lent = Lent({"param_SP": param_SP, "grad_SP": grad_SP, "lr_S1": lr_S1, **more}, ("param_SP", "grad_SP"))
        result = optimize(param_SP, grad_SP, lr_S1, state, **without_decay(level).settings, **more)
        if torch.equal(held, before):
            raise WrongResultError("must change param_SP in place, as by param_SP.sub_(...), and return nothing")
        if result is not None:
            raise WrongResultError(
                f"changes param_SP in place, as it must, and must return nothing; what it returns is {_told(result)}"
            )
        _state(state)
        lent.check(state)


def _clipping(level: Level) -> None:
    clip, state = CLIPPINGS[level.kind], dict[str, Tensor]()
    for step in range(2):
        blocks = [torch.randn(CELLS, FAN_IN * FAN_OUT), torch.randn(CELLS, FAN_OUT)]
        factors = [torch.randn(CELLS, BATCH, FAN_IN), None], [torch.randn(CELLS, BATCH, FAN_OUT), None]
        more = _asked("clipping", clip, step, {"inputs": factors[0], "errors": factors[1], "state": state})
        lent = Lent({"gradient.blocks": blocks, **more}, ("gradient.blocks",))
        flags_S = clip(Gradient(blocks, blocks), **level.settings, **more)
        if not isinstance(flags_S, Tensor) or flags_S.shape != (CELLS,) or flags_S.dtype != torch.bool:
            told = _told(flags_S)
            raise WrongResultError(
                f"must return whether each cell was clipped, {CELLS} booleans here, and what it returns is {told}"
            )
        _state(state)
        lent.check(state)


def _schedule(level: Level) -> None:
    rule, states = SCHEDULES[level.kind], [dict[str, Tensor](), dict[str, Tensor]()]
    of_cells, shapes = not goes_by_time(rule), list[tuple[int, ...]]()
    allowed, shapes = "a number, for it asks for the time alone", [()]
    if of_cells:
        allowed, shapes = f"a number, or one a cell as [{CELLS}, 1] here", [(), (CELLS, 1)]
    # As a cohort hands them over: of one level, and of several.
    numbers = {name: torch.full((CELLS, 1), value) for name, value in numbers_of(level).items()}
    alike = {**level.settings, **{name: column[0].item() for name, column in numbers.items()}}
    for step in range(STEPS):
        more = _asked("schedule", rule, step, {"state": states[0]})
        lent = Lent({name: value for name, value in more.items() if name != "state"}, ())
        factor = rule(**alike, **more)
        shape = tuple(factor.shape) if isinstance(factor, Tensor) else ()
        if not isinstance(factor, Tensor | float | int) or shape not in shapes:
            raise WrongResultError(f"must return {allowed}, and what it returns is {_told(factor)}")
        if not bool(torch.isfinite(torch.as_tensor(real(factor) if isinstance(factor, int) else factor)).all()):
            raise WrongResultError(f"returns {shown(factor)} at step {step} of {STEPS}, which is not finite")
        _state(states[0])
        lent.check(states[0])
        if of_cells and numbers:
            other = rule(**{**alike, **numbers}, **_asked("schedule", rule, step, {"state": states[1]}))
            if not torch.equal(*(torch.as_tensor(each).float().expand(CELLS, 1) for each in (factor, other))):
                raise WrongResultError(
                    f"returns another factor at step {step} of {STEPS} where {', '.join(numbers)} are given one a "
                    f"cell, [{CELLS}, 1] here, as they are where levels differ in them"
                )


CHECKS: dict[str, Callable[[Level], None]] = {
    "init": _initializer,
    "normalization": _normalization,
    "clipping": _clipping,
    "optimizer": _optimizer,
    "schedule": _schedule,
    "loss": _loss,
}


def _asked(factor: str, rule: Callable[..., Any], step: int, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ingredients that a rule asks for; losses are measured each epoch, and are other ones each time."""
    epoch = step // EPOCH
    loss_S1 = (1.0 + epoch % 3) * torch.tensor([[0.5], [2.0], [40.0]])
    return handed(
        asked(factor, rule), Moment(torch.tensor(step), STEPS, EPOCH, loss_S1, torch.tensor(epoch * EPOCH)), more
    )


def _two(what: str, result: object, shapes: list[tuple[int, ...]], how: tuple[str, str]) -> None:
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise WrongResultError(f"must return {what}, two tensors, and what it returns is {_told(result)}")
    for name, part, shape, meant in zip(what.split(" and "), result, shapes, how, strict=True):
        _shape(f"its {name} ({meant})", part, shape)


def _shape(what: str, found: object, shape: tuple[int, ...]) -> None:
    if not isinstance(found, Tensor) or tuple(found.shape) != tuple(shape):
        raise WrongResultError(f"{what} must have the shape {list(shape)} here, and is {_told(found)}")


def _state(state: Mapping[str, object]) -> None:
    for name, kept in state.items():
        if not isinstance(kept, Tensor) or kept.dim() == 0 or kept.shape[0] != CELLS:
            raise WrongResultError(
                f"keeps {name} in its state, which must be a tensor with a row a cell ({CELLS}), and is {_told(kept)}"
            )


def _told(found: object) -> str:
    return f"a tensor of {list(found.shape)}" if isinstance(found, Tensor) else f"of type {type(found).__name__}"
