"""Optimizers: how a gradient becomes a step.

A rule changes parameters of a whole cohort in place: those of one weight matrix, or any others. It keeps what it must
remember about them from step to step in ``state``, a dict of their own that begins empty, with a row a cell in every
tensor. ``grad_SP`` is used up. A setting is a float, or one a cell as [S, 1], and gives the same bits either way. A
rule that needs more asks for it in its signature; one that must see all of a cell's parameters at once, as [S, P],
annotates its gradient with "whole". Weight decay is no rule's own: it is done before.

Legend: S cells, P parameters of a cell that are changed together, I fan-in and O fan-out of a weight matrix, R and C
the smaller and the larger of these, 1 an axis of length one.
"""

from collections.abc import Callable

from ablation.choices.optimizers.adam import adam, adamw, amsgrad, nadam
from ablation.choices.optimizers.adaptive import adadelta, adagrad, rmsprop
from ablation.choices.optimizers.moments import State
from ablation.choices.optimizers.momentum import momentum, nesterov, sgd
from ablation.choices.optimizers.muon import muon
from ablation.choices.optimizers.signs import lion, sign_sgd

__all__ = ["OPTIMIZERS", "Optimizer", "State"]

Optimizer = Callable[..., None]

OPTIMIZERS: dict[str, Optimizer] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "sign_sgd": sign_sgd,
    "lion": lion,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adadelta": adadelta,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
    "amsgrad": amsgrad,
    "muon": muon,
}
