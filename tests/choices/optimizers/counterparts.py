"""The same rules by others: torch's own, and what torch has not or has in bfloat16 alone, written out plainly."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings

Parameters = Iterable[nn.Parameter]


class Plain(torch.optim.Optimizer):
    """A rule of one parameter at a time."""

    def __init__(self, parameters: Parameters, lr: float, **more: Any) -> None:
        super().__init__(parameters, {"lr": lr, **more})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter -= group["lr"] * self.direction(parameter.grad, self.state[parameter], group)


class SignSgd(Plain):
    """Bernstein et al. 2018, algorithm 1."""

    def direction(self, grad, state, group):
        return torch.sign(grad)


class Lion(Plain):
    """Chen et al. 2023, algorithm 2."""

    def direction(self, grad, state, group):
        mean = state.get("mean", torch.zeros_like(grad))
        state["mean"] = group["beta2"] * mean + (1 - group["beta2"]) * grad
        return torch.sign(group["beta1"] * mean + (1 - group["beta1"]) * grad)


class Muon(Plain):
    """Jordan et al. 2024, in double precision: momentum as an average, the polynomial by powers of the matrix."""

    def direction(self, grad, state, group):
        if grad.ndim < 2:
            t, m, v = state.get("adam", (0, 0.0, 0.0))
            t, m, v = t + 1, 0.9 * m + 0.1 * grad, 0.999 * v + 0.001 * grad**2
            state["adam"] = t, m, v
            return (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 1e-8)
        kept = group["momentum"]
        state["mean"] = kept * state.get("mean", 0.0) + (1 - kept) * grad
        update = ((1 - kept) * grad + kept * state["mean"]).double().numpy()
        result = newton_schulz(update / max(np.linalg.norm(update), group["epsilon"]))
        fan_out, fan_in = grad.shape
        scale = {"original": max(1, fan_out / fan_in) ** 0.5, "match_rms_adamw": 0.2 * max(fan_in, fan_out) ** 0.5}
        return torch.from_numpy(result).to(grad.dtype) * scale[group["scale"]]


def newton_schulz(x: np.ndarray) -> np.ndarray:
    """a x + b x x^T x + c x x^T x x^T x, five times."""
    for _ in range(5):
        cube = x @ x.T @ x
        x = 3.4445 * x - 4.7750 * cube + 2.0315 * (x @ x.T @ cube)
    return x


def _betas(given: dict[str, Any]) -> dict[str, Any]:
    return {"betas": (given["beta1"], given["beta2"]), "eps": given["epsilon"]}


COUNTERPARTS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "momentum": torch.optim.SGD,
    "nesterov": lambda parameters, lr, momentum: torch.optim.SGD(parameters, lr, momentum, nesterov=momentum > 0),
    "sign_sgd": SignSgd,
    "lion": Lion,
    "adagrad": lambda parameters, lr, epsilon: torch.optim.Adagrad(parameters, lr, eps=epsilon),
    "rmsprop": lambda parameters, lr, rho, epsilon: torch.optim.RMSprop(parameters, lr, rho, epsilon),
    "adadelta": lambda parameters, lr, rho, epsilon: torch.optim.Adadelta(parameters, lr, rho, epsilon),
    "adam": lambda parameters, lr, **given: torch.optim.Adam(parameters, lr, **_betas(given)),
    "adamw": lambda parameters, lr, **given: torch.optim.AdamW(parameters, lr, weight_decay=0.0, **_betas(given)),
    "nadam": lambda parameters, lr, **given: torch.optim.NAdam(parameters, lr, **_betas(given)),
    "amsgrad": lambda parameters, lr, **given: torch.optim.Adam(parameters, lr, amsgrad=True, **_betas(given)),
    "muon": Muon,
}


def counterpart(kind: str, parameters: Parameters, lr: float, given: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Return another's rule with the same settings, ours by default."""
    return COUNTERPARTS[kind](parameters, lr, **(settings(OPTIMIZERS[kind]) | dict(given)))
