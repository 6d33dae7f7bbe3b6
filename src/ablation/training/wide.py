"""What a cohort computes with where operations cost more than passes over memory: on a GPU, few and large ones.

Cells that differ in activation or clipping share a stack there: its products are over all of them, and what differs is
done to each one's rows. On a CPU a stack is as large as its cache bears, and such cells are cohorts of their own.

Cells that normalize otherwise are that everywhere: nearly all of what a normalized layer does and another does not is
of these rows alone, so one stack of both would start nine in ten of the operations that two do.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch

from ablation.training.arithmetic import Arithmetic, arithmetic_of
from ablation.training.networks.mixed import MixedActivation
from ablation.training.spec import Spec
from ablation.training.whole import WholeDescent


def is_wide(device: torch.device) -> bool:
    """Return whether cells that are trained there share stacks as far as they can."""
    return device.type == "cuda"


def wide_arithmetic(cohort: Sequence[Spec], device: torch.device) -> Arithmetic:
    """Return what cells compute with, none of them compiled, that share what ``Spec.shared(mixes=True)`` returns.

    Raises:
        ValueError: a rule asks for what it is not handed.
    """
    first = cohort[0]
    arithmetic = replace(arithmetic_of(first), is_wide=True)
    if any(spec.activation != first.activation for spec in cohort):
        activation = MixedActivation([spec.activation for spec in cohort])
        hidden = replace(arithmetic.hidden, activation=activation)
        arithmetic = replace(arithmetic, hidden=hidden, kinds=(*arithmetic.kinds, activation))
    if first.steps_at_once:
        descent = WholeDescent.of(cohort, device)
        arithmetic = replace(arithmetic, descend=descent, kinds=(*arithmetic.kinds, descent))
    return arithmetic
