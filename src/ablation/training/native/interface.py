"""What goes over to C: structures as the headers here have them, and the addresses of tensors.

Legend of the suffixes: N numbers of the rules, P parameters.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ablation.training.data import Data
from ablation.training.native.form import CROSS_ENTROPY, SQUARES, SQUARES_OF_NUMBERS, SQUARES_OF_SOFTMAX, Form
from ablation.training.networks.network import Network
from ablation.training.networks.residual import Residual
from ablation.training.spec import Spec
from ablation.training.stack import Stack

PLACEMENTS = {"before": 1, "after": 2}

POINTER, LONG = ctypes.c_void_p, ctypes.c_long


def _structure(name: str, **fields: Any) -> type[ctypes.Structure]:
    return type(name, (ctypes.Structure,), {"_fields_": [*fields.items()]})


def _alike(kind: Any, names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), kind)


NETWORK = _structure(
    "Network",
    **_alike(LONG, "features depth classes residual placement input loss"),
    widths=POINTER,
    **_alike(ctypes.c_float, "epsilon moves"),
    **_alike(POINTER, "activate value"),
)
RULE = _structure(
    "Rule", **_alike(POINTER, "first later"), **_alike(LONG, "whole by_tensor decays states scalars numbers")
)
DATA = _structure("Data", **_alike(POINTER, "x classes targets"))
CELLS = _structure(
    "Cells", **_alike(POINTER, "param spare mean variance state scalar numbers lr index diverged clipped largest")
)
BATCH = _structure(
    "ProbeBatch",
    **_alike(POINTER, "x classes targets"),
    limit=ctypes.c_float,
    percentile=ctypes.c_double,
    has_before=LONG,
)
PART = _structure("Part", **_alike(POINTER, "x classes targets"), examples=LONG)


def call(function: Any, *arguments: Any) -> None:
    """Call one of the functions of ``library.cpp``.

    Raises:
        MemoryError: there was not enough.
    """
    if not function(*arguments):
        raise MemoryError("not enough memory for a cell's passes")


def address(tensor: Tensor | None) -> int | None:
    """Return where a tensor's numbers lie; none of none."""
    if tensor is None:
        return None
    assert tensor.is_contiguous(), "C reads numbers in order"
    return tensor.data_ptr()


def _addresses(tensors: Sequence[Tensor]) -> Any:
    """Return where each tensor's numbers lie, as an array of C."""
    return (POINTER * max(1, len(tensors)))(*[address(each) for each in tensors])


def labels(y: Tensor) -> dict[str, int | None]:
    """Return where labels lie, as classes or as numbers."""
    numbers = y.is_floating_point()
    return {"classes": None if numbers else address(y), "targets": address(y) if numbers else None}


def network_of(network: Network, spec: Spec, data: Data, form: Form) -> Any:
    """Return a network as C has it."""
    shapes, normalization = network.layout.shapes, network.hidden.normalization
    widths = (LONG * network.depth)(*[fan_out for _, fan_out in shapes[:-1]])
    made = NETWORK(
        features=shapes[0][0],
        depth=network.depth,
        classes=shapes[-1][1],
        residual=isinstance(network, Residual),
        placement=0 if normalization is None else PLACEMENTS[normalization.placement],
        input=normalization is not None and normalization.input,
        loss=_loss(spec, data),
        widths=ctypes.cast(widths, POINTER),
        epsilon=0.0 if normalization is None else normalization.epsilon,
        moves=0.0 if normalization is None else 1.0 - normalization.momentum,  # as double, before it is rounded
        activate=ctypes.cast(form.activation.activate, POINTER),
        value=ctypes.cast(form.activation.value, POINTER),
    )
    made.alive = widths
    return made


def _loss(spec: Spec, data: Data) -> int:
    if spec.loss.kind == "cross_entropy":
        return CROSS_ENTROPY
    if spec.loss.settings.get("softmax"):
        return SQUARES_OF_SOFTMAX
    return SQUARES_OF_NUMBERS if data.train_y.is_floating_point() else SQUARES


def rule_of(form: Form) -> Any:
    """Return clipping, decay and step as C has them."""
    descent, text = form.descent, form.text
    return RULE(
        first=ctypes.cast(form.rule.first, POINTER),
        later=ctypes.cast(form.rule.later, POINTER),
        whole=descent.sees_whole,
        by_tensor=text.reduces and not descent.sees_whole,
        decays=0 if descent.decay is None else 2 if descent.decay.vectors else 1,
        states=len(text.numbers),
        scalars=len(text.scalars),
        numbers=len(text.places),
    )


def cells_of(stack: Stack, form: Form, **more: Tensor | None) -> Any:
    """Return the rows of a stack as C has them, and ``more`` of its fields."""
    numbers_SN = _numbers(stack, form)
    mean, variance = (_addresses([each[place] for each in stack.running]) for place in (0, 1))
    remembered = _addresses([stack.states[0][name] for name in form.text.numbers])
    made = CELLS(
        param=address(stack.param_SP),
        spare=address(stack.spare_SP),
        mean=ctypes.cast(mean, POINTER),
        variance=ctypes.cast(variance, POINTER),
        state=ctypes.cast(remembered, POINTER),
        scalar=address(stack.states[0][SCALARS]),
        numbers=address(numbers_SN),
        diverged=address(stack.diverged_S),
        clipped=address(stack.clipped_S),
        **{name: address(tensor) for name, tensor in more.items()},
    )
    made.alive = numbers_SN, mean, variance, remembered
    return made


SCALARS = ""
"""The name under which a stack keeps what an optimizer remembers of a part in one number; no rule has it."""


def begin(stack: Stack, form: Form) -> None:
    """Give a stack room for what its optimizer remembers, a row a cell, so that it leaves with the cell."""
    stack.states[0].update({name: torch.zeros_like(stack.param_SP) for name in form.text.numbers})
    stack.states[0][SCALARS] = torch.zeros(len(stack), stack.tensors, len(form.text.scalars))


def _numbers(stack: Stack, form: Form) -> Tensor:
    """Return the numbers of the rules, [S, N], in the order in which they are handed over."""
    of_clip, of_optimizer, of_decay = stack.numbers
    given = {f"clip {name}": x for name, x in of_clip.items()}
    given |= {f"optimizer {name}": x for name, x in of_optimizer.items()}
    given["decay weight_decay"] = of_decay
    columns = [torch.as_tensor(given[name]).expand(len(stack), 1) for name in form.text.places]
    return torch.cat(columns, dim=1) if columns else torch.zeros(len(stack), 0)
