"""How cells' parameters begin.

What hangs on the seed alone is drawn once a seed, and what an initializer makes of it once, however many cells of a
cohort begin with it: most of them differ by their learning rate, and begin alike.

Legend, beside the folder's: R different rows among those of a cohort.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

import torch
from torch import Tensor

from ablation.choices.initializers import INITIALIZERS, NO_ACTIVATION, Draws
from ablation.training.data import generator
from ablation.training.networks.layout import Layout, Linear
from ablation.training.spec import Spec, bind


class Beginning(NamedTuple):
    """All that decides how a cell of a layout begins; those of equal ones have the same bits.

    Attributes:
        seed: of the draws.
        kind: of the initializer.
        settings: the initializer's, as text, by which 1, 1.0 and True differ.
        activation: kind of the activation behind the layers.
    """

    seed: int
    kind: str
    settings: str
    activation: str

    @classmethod
    def of(cls, spec: Spec) -> "Beginning":
        """Return a cell's."""
        return cls(spec.seed, spec.init.kind, repr(sorted(spec.init.settings.items())), spec.activation.kind)


def initial_parameters(layout: Layout, spec: Spec) -> Tensor:
    """Return a cell's parameters before the first step, [P]: float32, on the CPU.

    The draws come from the cell's seed alone, layer by layer from the input on, so that cells of the same seed share
    them, and a deeper network begins with the layers of a shallower one.
    """
    return initial_stack(layout, [spec], torch.device("cpu"))[0]


def initial_stack(layout: Layout, cohort: Sequence[Spec], device: torch.device) -> Tensor:
    """Return those of every cell of a cohort, [S, P], on a device; they are made on the CPU."""
    begin = [Beginning.of(spec) for spec in cohort]
    different = dict(zip(begin, cohort, strict=True))
    flat_RP = torch.empty(len(different), layout.parameters)
    views = layout.views(flat_RP)
    # Seed by seed, so that the draws of one alone are kept.
    rows = sorted(enumerate(different.values()), key=lambda row: row[1].seed)
    for seed, same in groupby(rows, key=lambda row: row[1].seed):
        drawn = draws_of(layout, seed)
        for row, spec in same:
            _initialize(views.linear, row, spec, drawn, activations_behind(layout, spec.activation.kind))
    for gamma_RO, beta_RO in views.scale:
        gamma_RO.fill_(1.0)
        beta_RO.zero_()
    if len(different) == len(cohort):
        return flat_RP.to(device)
    place = {of: row for row, of in enumerate(different)}
    return flat_RP.to(device).index_select(0, torch.tensor([place[of] for of in begin], device=device))


def draws_of(layout: Layout, seed: int) -> list[tuple[Tensor, Tensor]]:
    """Return the standard normal draws of a seed: those of each matrix, [I, O], and of its bias, [O]."""
    draw = generator(seed, "weights")
    return [(torch.randn(shape, generator=draw), torch.randn(shape[1:], generator=draw)) for shape in layout.shapes]


def _initialize(
    linear: Sequence[Linear], row: int, spec: Spec, drawn: Sequence[tuple[Tensor, Tensor]], behind: Sequence[str]
) -> None:
    """Write what a cell's initializer makes of the draws into its row."""
    initialize = bind(INITIALIZERS, spec.init)
    for (weight_RIO, bias_RO), (normal_IO, normal_O), activation in zip(linear, drawn, behind, strict=True):
        # An initializer of a user's own may change its draws: they are its own.
        weight_RIO[row], bias_RO[row] = initialize(Draws(normal_IO.clone(), normal_O.clone(), activation))


def activations_behind(layout: Layout, activation: str) -> list[str]:
    """Return the kind of what follows each of a network's matrices, ``activation`` or none, as ``Draws`` says it."""
    return [activation if activated else NO_ACTIVATION for activated in layout.activated]
