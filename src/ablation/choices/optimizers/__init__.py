"""Optimizers: how a gradient becomes a step.

A rule changes parameters of a whole cohort in place: those of one weight matrix, or any others. It keeps what it must
remember about them from step to step in ``state``, a dict of their own that begins empty, with a row a cell in every
tensor. ``grad_SP`` is used up. A setting is a float, or one a cell as [S, 1], and gives the same bits either way. A
rule that needs more asks for it in its signature; one that must see all of a cell's parameters at once, as [S, P],
annotates its gradient with "whole". Weight decay is no rule's own: it is done before.

Legend: S cells, P parameters of a cell that are changed together, I fan-in, O fan-out of a weight matrix, 1 an axis
of length one.
"""

from collections.abc import Callable

from ablation.choices.optimizers import adam, adaptive, momentum, muon, signs
from ablation.choices.optimizers.moments import State

__all__ = ["OPTIMIZERS", "Optimizer", "State"]

Optimizer = Callable[..., None]

OPTIMIZERS: dict[str, Optimizer] = {
    name: rule for file in (momentum, signs, adaptive, adam, muon) for name, rule in file.RULES.items()
}

ELEMENTWISE = frozenset(OPTIMIZERS) - frozenset(muon.RULES)
"""The rules that change a parameter by its own gradient and memory alone, whatever else is changed with it."""
