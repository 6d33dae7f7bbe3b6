"""What the stacked trainer is measured against: the products alone, one run at a time, and a vmap ensemble.

Each peer trains the same network on the same batches with SGD and clipping by value, and says how many run-steps it
took. A run-step is one training step of one run.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ablation.training.clock import probe_steps
from ablation.training.data import BatchOrder, Data
from ablation.training.probes import PERCENTILE, SATURATED_BELOW

RATE = 0.01
ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "elu": nn.ELU}


@dataclass(frozen=True)
class Shape:
    """A row of the table: ``depth`` hidden layers of ``width``, trained with ``batch``."""

    depth: int
    width: int
    batch: int
    cells: int
    epochs: int

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Fan-in and fan-out of every layer, of digits' 64 inputs and 10 classes."""
        widths = [64, *[self.width] * self.depth, 10]
        return list(pairwise(widths))

    def steps(self, examples: int) -> int:
        """Return how many steps its epochs have, of so many examples."""
        return self.epochs * (examples // self.batch)


def synchronize(device: torch.device) -> None:
    """Wait for what was queued on a GPU; on a CPU there is nothing to wait for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def floor(shape: Shape, device: torch.device, steps: int) -> float:
    """Return run-steps per second of the three matrix products per layer, stacked, and of nothing else."""
    cells, batch = shape.cells, shape.batch
    layers = [
        (
            torch.randn(cells, batch, i, device=device),
            torch.randn(cells, i, o, device=device),
            torch.randn(cells, batch, o, device=device),
        )
        for i, o in shape.sizes
    ]
    synchronize(device)
    begun = time.perf_counter()
    for _ in range(steps):
        for place, (x, weight, grad) in enumerate(layers):
            torch.bmm(x, weight)
            torch.bmm(x.transpose(1, 2), grad)
            if place:
                torch.bmm(grad, weight.transpose(1, 2))
    synchronize(device)
    return steps * cells / (time.perf_counter() - begun)


def network(shape: Shape, activation: str, norm: bool, track: bool = True) -> nn.Sequential:
    """Return the network as its modules; Keras' batch normalization, as ours has it."""
    layers: list[nn.Module] = []
    for i, o in shape.sizes[:-1]:
        layers.append(nn.Linear(i, o))
        if norm:
            layers.append(nn.BatchNorm1d(o, eps=1e-3, momentum=0.01, track_running_stats=track))
        layers.append(ACTIVATIONS[activation]())
    layers.append(nn.Linear(*shape.sizes[-1]))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def alone(
    shape: Shape,
    activation: str,
    norm: bool,
    data: Data,
    probe_size: int,
    rule: Callable[..., torch.optim.Optimizer] = torch.optim.SGD,
) -> float:
    """Return run-steps per second of one run in torch.nn and torch.optim, with the measurements that ours takes."""
    device = data.train_x.device
    model = network(shape, activation, norm).to(device)
    optimizer = rule(model.parameters(), lr=RATE)
    loss = nn.CrossEntropyLoss()
    order = BatchOrder([0], len(data.train_y), shape.batch, device)
    probes = set(probe_steps(shape.epochs, order.steps_per_epoch))
    steps = shape.epochs * order.steps_per_epoch
    probe = data.train_sample(probe_size)
    parts = [data.train_sample(len(data.val_y)), (data.val_x, data.val_y)]
    synchronize(device)
    begun = time.perf_counter()
    before: list[Tensor] = []
    for step in range(steps + 1):
        if step in probes:
            _measure(model, loss, probe, before)
            if step % order.steps_per_epoch == 0:
                _evaluate(model, loss, parts)
        if step == steps:
            break
        if step + 1 in probes:
            before = [parameter.detach().clone() for parameter in model.parameters()]
        index = order.batch(step)[0]
        optimizer.zero_grad()
        loss(model(data.train_x[index]), data.train_y[index]).backward()
        nn.utils.clip_grad_value_(model.parameters(), 1.0)
        optimizer.step()
    synchronize(device)
    return steps / (time.perf_counter() - begun)


def _measure(
    model: nn.Sequential, loss: nn.Module, probe: tuple[Tensor, Tensor], before: list[Tensor]
) -> list[list[float]]:
    """Take the probes' metrics of every hidden layer as one would write them with autograd."""
    inputs: list[Tensor] = []
    outputs: list[Tensor] = []
    x = probe[0]
    for layer in model:
        if type(layer) in ACTIVATIONS.values():
            x.retain_grad()
            inputs.append(x)
            x = layer(x)
            outputs.append(x)
        else:
            x = layer(x)
    model.zero_grad()
    loss(x, probe[1]).backward(retain_graph=True)
    linear = [layer for layer in model if isinstance(layer, nn.Linear)][:-1]
    old = [tensor for tensor in before if tensor.dim() == 2]
    rows = []
    with torch.no_grad():
        for place, (layer, a, h) in enumerate(zip(linear, inputs, outputs, strict=True)):
            delta, weight = a.grad, layer.weight
            assert delta is not None
            assert weight.grad is not None
            derivative = _derivative(a, h)
            rank = math.ceil(PERCENTILE * h.numel())
            if h.is_cuda:
                percentile = float(h.flatten().kthvalue(rank).values)
            else:
                percentile = float(np.partition(h.flatten().numpy(), rank - 1)[rank - 1])
            rows.append(
                [
                    float(delta.norm()) / math.sqrt(delta.numel()),
                    float(weight.grad.norm()),
                    float(weight.norm()),
                    float((weight - old[place]).norm() / old[place].norm()) if old else math.nan,
                    float(a.mean()),
                    float(a.std(correction=0)),
                    float(h.mean()),
                    float(h.std(correction=0)),
                    percentile,
                    float(((h.abs().amax(0) == 0) & (delta.abs().amax(0) == 0)).float().mean()),
                    float((derivative.abs() < SATURATED_BELOW).float().mean()),
                ]
            )
    return rows


def _derivative(a: Tensor, h: Tensor) -> Tensor:
    """Return the activation's derivative at ``a`` by autograd, as one who knows nothing of it would."""
    with torch.enable_grad():
        (derivative,) = torch.autograd.grad(h, a, torch.ones_like(h), retain_graph=True)
    return derivative


@torch.no_grad()
def _evaluate(model: nn.Sequential, loss: nn.Module, parts: list[tuple[Tensor, Tensor]]) -> list[float]:
    model.eval()
    scores = []
    for x, y in parts:
        output = model(x)
        scores += [float(loss(output, y)), float((output.argmax(1) == y).float().mean())]
    model.train()
    return scores


def vmap(shape: Shape, activation: str, norm: bool, data: Data, steps: int) -> float:
    """Return run-steps per second of an ensemble in torch.func, without any measurement."""
    device = data.train_x.device
    models = [network(shape, activation, norm, track=False).to(device) for _ in range(shape.cells)]
    parameters, buffers = torch.func.stack_module_state(models)  # type: ignore[arg-type]
    template = models[0].to("meta")
    order = BatchOrder(list(range(shape.cells)), len(data.train_y), shape.batch, device)

    def loss(own: dict[str, Tensor], state: dict[str, Tensor], x: Tensor, y: Tensor) -> Tensor:
        return nn.functional.cross_entropy(torch.func.functional_call(template, (own, state), (x,)), y)

    gradient = torch.func.vmap(torch.func.grad(loss))
    synchronize(device)
    begun = time.perf_counter()
    for step in range(steps):
        index = order.batch(step)
        grads = gradient(parameters, buffers, data.train_x[index], data.train_y[index])
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.sub_(grads[name].clamp_(-1.0, 1.0), alpha=0.01)
    synchronize(device)
    return steps * shape.cells / (time.perf_counter() - begun)
