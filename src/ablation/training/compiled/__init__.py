"""The same arithmetic, compiled: one fused pass over memory in place of one an operation.

A graph holds what lies between two matrix products, for any number of cells, batch and width. So a network of twenty
layers needs no more of them than one of two, and none is made anew when cells leave the stack. What fuses little stays
eager: the products, the backward pass of a layer that does not normalize, what is done once a step, and rules that see
the whole gradient or ask for more than their arguments. Compiled numbers
agree with eager ones to rounding, no further, so how a cell is trained is part of its key.

Legend of the suffixes in this folder: S cells of a cohort, B batch, I fan-in, O fan-out, C classes, N numbers of a
weight matrix in a row, 1 an axis of length one.
"""

import torch
from torch import Tensor

from ablation.training.arithmetic import Arithmetic
from ablation.training.compiled.descent import CompiledDescent
from ablation.training.compiled.examples import BATCH, CELLS, CLASSES, FAN_IN, UNITS, by_unit, weight
from ablation.training.compiled.graphs import Graph, make
from ablation.training.compiled.hidden import CompiledHidden, CompiledNormalized
from ablation.training.descent import without_decay
from ablation.training.products import by_column
from ablation.training.spec import Spec, numbers_of, without_numbers


def compiled_arithmetic(
    eager: Arithmetic, spec: Spec, device: torch.device, labels: torch.dtype = torch.int64
) -> Arithmetic:
    """Return the same arithmetic, compiled.

    Args:
        eager: the functions to compile.
        spec: a cell of the cohort, whose levels decide them.
        device: where their tensors will be.
        labels: the type of the data's labels, of which real numbers have one output.

    Raises:
        CannotCompileError: one of the levels holds for certain sizes alone.
    """
    layer = CompiledHidden if eager.hidden.normalization is None else CompiledNormalized
    hidden = layer(eager.hidden, (spec.activation, spec.normalization), device)
    # What has the length 1 here is taken to have it always.
    output = by_unit(device, 1 if labels.is_floating_point else CLASSES)
    label = torch.zeros(CELLS, BATCH, dtype=labels, device=device)
    # A loss may have settings, which are no arguments of the graph.
    loss = Graph(("loss", spec.loss, labels), lambda *tensors: eager.loss(*tensors), [output, label], [eager.loss])
    score = Graph(("score", spec.loss, labels), eager.score, [output, label[0].clone()], [eager.loss])
    weights, gradient = [weight(device) for _ in range(2)], torch.zeros(CELLS, FAN_IN, UNITS, device=device)
    values = [by_unit(device) for _ in range(4)]
    summary = Graph("summary", eager.summary, [*weights, gradient, *values, torch.zeros((), device=device)])
    descend, graphs = eager.descend, [*hidden.graphs, loss, score, summary]
    if not descend.sees_whole and not descend.asks:
        levels = spec.clipping, without_decay(spec.optimizer)
        names = [list(numbers_of(level)) for level in levels]
        descend = CompiledDescent(eager.descend, [without_numbers(level) for level in levels], names, device)
        graphs.append(descend.graph)
    make(graphs)

    def summarize(now: Tensor, before: Tensor, grad: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        return summary(now, before, grad, *map(by_column, rest[:-1]), rest[-1])

    return Arithmetic(
        hidden,
        lambda output_SBC, label_SB: loss(by_column(output_SBC), label_SB),
        lambda output_SBC, label_B: score(by_column(output_SBC), label_B),
        summarize,
        descend,
    )
