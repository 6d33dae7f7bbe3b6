"""A whole cell in one kernel: each program trains one cell for many steps, without a launch between two operations.

python benchmarks/cellkernel.py                      # on a GPU: right or wrong, then run-steps per second as a table
TRITON_INTERPRET=1 python benchmarks/cellkernel.py   # without one: right or wrong alone

Its smallest form, to learn what the idea is worth before it is built: relu, no normalization, clipping by value, SGD.
It is held against the eager trainer, on the same batches from the same weights, and a cell alone against the same in a
stack. The flat parameters are the trainer's (``Layout``): all weights, then all biases.

Legend of the suffixes: S cells, T steps, B batch, I fan-in, O fan-out, H units of a hidden layer, C classes, P
parameters of a cell.
"""

import argparse
import os
import sys
import time
from dataclasses import replace

import torch
import triton
from own import cohort, digits
from peers import RATE, Shape
from torch import Tensor
from triton import language as tl

from ablation.training.data import BatchOrder, Data
from ablation.training.networks import build
from ablation.training.networks.initial import initial_parameters
from ablation.training.trainer import train

SHAPES = {"5x32": Shape(5, 32, 64, 1, 1), "20x32": Shape(20, 32, 64, 1, 1)}
CELLS = [36, 132, 528, 2112]
STEPS = 48
"""Of what is timed, once after a first time that compiles."""

CLIP = 0.01
"""The threshold where the kernel is checked, which many numbers of a gradient are beyond."""

TOLERANCE = 1e-3
"""How far from the eager trainer's parameters an epoch may end, as a share of its way; sums have another order, so that
a unit near its kink may be on its other side."""


@triton.jit
def train_cell(
    param,  # [S, P]; changed in place
    tape,  # [S, hidden layers, B, H]: room for the activations
    x,  # [n, I]
    y,  # [n]
    index,  # [T, S, B]
    parameters,
    depth,
    steps,
    cells,
    rate,
    clip,
    FAN_IN: tl.constexpr,
    WIDTH: tl.constexpr,
    CLASSES: tl.constexpr,
    PADDED: tl.constexpr,  # classes, up to what a product can be of
    BATCH: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Train the cell of this program."""
    cell = tl.program_id(0)
    first = param + cell.to(tl.int64) * parameters
    hidden = first + FAN_IN * WIDTH
    last = hidden + (depth - 1) * WIDTH * WIDTH
    bias = last + WIDTH * CLASSES
    last_bias = bias + depth * WIDTH
    kept = tape + cell.to(tl.int64) * depth * BATCH * WIDTH

    b, i, h, c = tl.arange(0, BATCH), tl.arange(0, FAN_IN), tl.arange(0, WIDTH), tl.arange(0, PADDED)
    at_BH, at_HH = b[:, None] * WIDTH + h[None, :], h[:, None] * WIDTH + h[None, :]
    at_IH, at_HC = i[:, None] * WIDTH + h[None, :], h[:, None] * CLASSES + c[None, :]
    is_class = c < CLASSES
    for step in range(steps):
        rows_B = tl.load(index + (step * cells + cell) * BATCH + b)
        x_BI = tl.load(x + rows_B[:, None] * FAN_IN + i[None, :])
        a_BH = tl.dot(x_BI, tl.load(first + at_IH), input_precision=PRECISION) + tl.load(bias + h)[None, :]
        a_BH = tl.maximum(a_BH, 0.0)
        tl.store(kept + at_BH, a_BH)
        for layer in range(1, depth):
            weight_HH = tl.load(hidden + (layer - 1) * WIDTH * WIDTH + at_HH)
            a_BH = tl.dot(a_BH, weight_HH, input_precision=PRECISION) + tl.load(bias + layer * WIDTH + h)[None, :]
            a_BH = tl.maximum(a_BH, 0.0)
            tl.store(kept + layer * BATCH * WIDTH + at_BH, a_BH)

        # Softmax and its loss's gradient.
        weight_HC = tl.load(last + at_HC, mask=is_class[None, :], other=0.0)
        bias_C = tl.load(last_bias + c, mask=is_class, other=0.0)
        z_BC = tl.dot(a_BH, weight_HC, input_precision=PRECISION) + bias_C[None, :]
        z_BC = tl.where(is_class[None, :], z_BC, float("-inf"))
        e_BC = tl.exp(z_BC - tl.max(z_BC, 1)[:, None])
        label_BC = c[None, :] == tl.load(y + rows_B)[:, None]
        d_BC = (e_BC / tl.sum(e_BC, 1)[:, None] - tl.where(label_BC, 1.0, 0.0)) / BATCH

        # What a thread has kept is read by others.
        tl.debug_barrier()
        grad_HC, grad_C = tl.dot(tl.trans(a_BH), d_BC, input_precision=PRECISION), tl.sum(d_BC, 0)
        d_BH = tl.dot(d_BC, tl.trans(weight_HC), input_precision=PRECISION)
        by_HC, by_C = tl.clamp(grad_HC, -clip, clip), tl.clamp(grad_C, -clip, clip)
        tl.store(last + at_HC, weight_HC - rate * by_HC, mask=is_class[None, :])
        tl.store(last_bias + c, bias_C - rate * by_C, mask=is_class)
        for back in range(1, depth):
            layer = depth - back
            below_BH = tl.load(kept + (layer - 1) * BATCH * WIDTH + at_BH)
            d_BH = tl.where(a_BH > 0, d_BH, 0.0)
            grad_HH, grad_H = tl.dot(tl.trans(below_BH), d_BH, input_precision=PRECISION), tl.sum(d_BH, 0)
            weight = hidden + (layer - 1) * WIDTH * WIDTH + at_HH
            weight_HH, bias_H = tl.load(weight), tl.load(bias + layer * WIDTH + h)
            d_BH = tl.dot(d_BH, tl.trans(weight_HH), input_precision=PRECISION)
            tl.store(weight, weight_HH - rate * tl.clamp(grad_HH, -clip, clip))
            tl.store(bias + layer * WIDTH + h, bias_H - rate * tl.clamp(grad_H, -clip, clip))
            a_BH = below_BH
        d_BH = tl.where(a_BH > 0, d_BH, 0.0)
        grad_IH, grad_H = tl.dot(tl.trans(x_BI), d_BH, input_precision=PRECISION), tl.sum(d_BH, 0)
        weight_IH, bias_H = tl.load(first + at_IH), tl.load(bias + h)
        tl.store(first + at_IH, weight_IH - rate * tl.clamp(grad_IH, -clip, clip))
        tl.store(bias + h, bias_H - rate * tl.clamp(grad_H, -clip, clip))
        tl.debug_barrier()


def start(shape: Shape, data: Data) -> Tensor:
    """Return the trainer's initial parameters of cells that differ in their seed, [S, P]."""
    specs = cohort(shape, "relu", False)
    layout = build(specs[0], data.features, data.outputs).layout
    return torch.stack([initial_parameters(layout, spec) for spec in specs]).to(data.train_x.device)


def batches(shape: Shape, data: Data, steps: int) -> Tensor:
    """Return the examples that the trainer takes in each step, [T, S, B]."""
    order = BatchOrder(range(shape.cells), len(data.train_y), shape.batch, data.train_x.device)
    return torch.stack([order.batch(step) for step in range(steps)])


def launch(
    shape: Shape, data: Data, param_SP: Tensor, index_TSB: Tensor, precision: str, warps: int, clip: float = 1.0
) -> None:
    """Train cells in place, a program each."""
    (steps, cells, batch), parameters = index_TSB.shape, param_SP.shape[1]
    tape = param_SP.new_empty(cells, shape.depth, batch, shape.width)
    numbers = parameters, shape.depth, steps, cells, RATE, clip
    sizes = {"FAN_IN": data.features, "WIDTH": shape.width, "CLASSES": data.outputs, "PADDED": 16, "BATCH": batch}
    train_cell[(cells,)](
        *(param_SP, tape, data.train_x, data.train_y, index_TSB, *numbers),
        **(sizes | {"PRECISION": precision, "num_warps": warps}),
    )


def check(shape: Shape, data: Data, precision: str, warps: int) -> tuple[float, bool]:
    """Return how far from the trainer's an epoch ends, as a share of its way, and whether a cell has its bits alone."""
    trained_SP = torch.stack([outcome.weights for outcome in train(cohort(shape, "relu", False, threshold=CLIP), data)])
    start_SP, index_TSB = start(shape, data), batches(shape, data, shape.steps(len(data.train_y)))
    param_SP, alone_1P = start_SP.clone(), start_SP[-1:].clone()
    launch(shape, data, param_SP, index_TSB, precision, warps, CLIP)
    launch(shape, data, alone_1P, index_TSB[:, -1:].contiguous(), precision, warps, CLIP)
    away_S, way_S = (param_SP.cpu() - trained_SP).norm(dim=1), (trained_SP - start_SP.cpu()).norm(dim=1)
    return float((away_S / way_S).max()), torch.equal(param_SP[-1:], alone_1P)


def rate(shape: Shape, data: Data, precision: str, warps: int) -> float:
    """Return run-steps per second."""
    # The same few seeds again and again: what the numbers are changes no time.
    param_SP = start(replace(shape, cells=4), data).repeat(-(-shape.cells // 4), 1)[: shape.cells]
    index_TSB = batches(replace(shape, cells=4), data, STEPS).repeat(1, -(-shape.cells // 4), 1)[:, : shape.cells]
    index_TSB = index_TSB.contiguous()
    for _ in range(2):
        torch.cuda.synchronize()
        begun = time.perf_counter()
        launch(shape, data, param_SP, index_TSB, precision, warps)
        torch.cuda.synchronize()
        seconds = time.perf_counter() - begun
    return STEPS * shape.cells / seconds


def main() -> None:
    """Check, then measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not interpreted and not torch.cuda.is_available():
        raise SystemExit("error: no CUDA device; TRITON_INTERPRET=1 checks the kernel without one")
    data = digits(torch.device("cpu" if interpreted else "cuda"))
    ways = (
        [("ieee", 4)] if interpreted else [(precision, warps) for precision in ("ieee", "tf32x3") for warps in (4, 8)]
    )
    small = Shape(3, 16, 64, 2, 1) if interpreted else Shape(20, 32, 64, 300, 1)
    right = True
    for precision, warps in ways:
        away, same = check(small, data, precision, warps)
        right &= away <= TOLERANCE and same
        cells = f"{small.cells} cells of {small.depth}x{small.width}, {precision}, {warps} warps"
        bits = "the same bits" if same else "OTHER BITS"
        print(f"{cells}: after an epoch {away:.0e} of the way off the trainer's; one alone has {bits}", flush=True)
    if not interpreted:
        print("\n| shape | precision | warps |" + "".join(f" {cells:,} cells |" for cells in CELLS))
        print("| --- | --- | ---: |" + " ---: |" * len(CELLS))
        for name, shape in SHAPES.items():
            for precision, warps in ways:
                rates = [f"{rate(replace(shape, cells=cells), data, precision, warps):,.0f}" for cells in CELLS]
                print(f"| {name} | {precision} | {warps} | {' | '.join(rates)} |", flush=True)
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
