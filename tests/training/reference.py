"""The same cell by a plain loop over torch's own modules, and the cells and data that tests are made of."""

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from sklearn.metrics import r2_score
from torch import Tensor, nn
from torch.nn import functional

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.clock import Clock
from ablation.training.data import BatchOrder, Data
from ablation.training.networks import build
from ablation.training.networks.initial import initial_parameters
from ablation.training.networks.network import Network
from ablation.training.spec import Level, Number, Spec, bind
from tests.choices.optimizers.counterparts import counterpart


def level(kind: str, **parameters: Number) -> Level:
    return Level(kind, parameters)


def batch(placement: str = "before", inputs: bool = False, momentum: float = 0.99) -> Level:
    return level("batch", placement=placement, input=inputs, epsilon=1e-3, momentum=momentum)


NORMALIZED = {
    "none": level("none"),
    "before": batch("before"),
    "before_and_input": batch("before", True),
    "after": batch("after"),
    "after_and_input": batch("after", True),
}


def clipping(kind: str, threshold: float) -> Level:
    takes = "threshold" in inspect.signature(CLIPPINGS[kind]).parameters
    return level(kind, threshold=threshold) if takes else level(kind)


def optimizer(kind: str, momentum: float = 0.9) -> Level:
    """Return a level of this kind whose share of the past, whatever the rule calls it, is ``momentum``."""
    takes = inspect.signature(OPTIMIZERS[kind]).parameters
    share = next((name for name in ("momentum", "beta1", "rho") if name in takes), None)
    return level(kind, **{share: momentum}) if share else level(kind)


COMPILE = "eager"
"""How cells are computed where a test does not say."""


def spec(**changes: Any) -> Spec:
    """Return a small cell of twenty steps, changed as asked; a choice may be given by its name."""
    values: dict[str, Any] = {
        "compile": COMPILE,
        "init": "xavier_normal",
        "activation": "tanh",
        "normalization": "none",
        "clipping": "none",
        "optimizer": "sgd",
        "schedule": "constant",
        "loss": "cross_entropy",
        "widths": (16, 16, 16),
        "batch_size": 16,
        "lr": 0.05,
        "seed": 0,
        "epochs": 5,
        "probe_size": 20,
    } | changes
    words = ("compile", "order")
    given = {name: value for name, value in values.items() if isinstance(value, str) and name not in words}
    return Spec(**{**values, **{name: level(value) for name, value in given.items()}})


def blobs(train: int = 64, val: int = 40, features: int = 12, classes: int = 4, seed: int = 0, test: int = 30) -> Data:
    """Return noisy clouds, one a class; the size of the test part changes no other."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (train + val,), generator=generator)
    centres = torch.randn(classes, features, generator=generator)
    x = centres[y] + torch.randn(train + val, features, generator=generator)
    test_y = torch.randint(0, classes, (test,), generator=generator)
    test_x = centres[test_y] + torch.randn(test, features, generator=generator)
    parts = x[:train].clone(), y[:train].clone(), x[train:].clone(), y[train:].clone()
    return Data(*parts, test_x, test_y, classes)


def slopes(train: int = 64, val: int = 40, features: int = 12, seed: int = 0, test: int = 30) -> Data:
    """Return a regression: a bent plane with noise, its targets standardized by the training part."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [train, val, test]
    x = torch.randn(sum(sizes), features, generator=generator)
    y = x @ torch.randn(features, generator=generator) + x[:, 0].square()
    y = y + 0.3 * torch.randn(len(y), generator=generator)
    return Data.in_order(x, (y - y[:train].mean()) / y[:train].std(correction=0), sizes, 1)


def network(cell: Spec, data: Data) -> Network:
    return build(cell, data.features, data.outputs)


class OwnDerivative(torch.autograd.Function):
    """An activation that torch has not, with its own derivative, which is held against its value elsewhere."""

    @staticmethod
    def forward(ctx, x, activation):
        value, derivative = activation(x)
        ctx.save_for_backward(derivative)
        return value.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0], None


def torch_activation(choice: Level) -> Callable[[Tensor], Tensor]:
    known: dict[str, Callable[..., Tensor]] = {
        "identity": lambda x: x,
        "logistic": torch.sigmoid,
        "tanh": torch.tanh,
        "leaky_relu": lambda x, slope=0.01: functional.leaky_relu(x, slope),
        "softplus": lambda x: functional.softplus(x, threshold=45.0),
    }
    function = known.get(choice.kind) or getattr(functional, choice.kind, None)
    if function is None:
        own = bind(ACTIVATIONS, choice)
        return lambda x: OwnDerivative.apply(x, own)
    return lambda x: function(x, **choice.settings)


TORCH_LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": functional.cross_entropy,
    "mse": lambda output, label, softmax=False: functional.mse_loss(
        output.softmax(1) if softmax else output,
        label.unsqueeze(1)
        if label.is_floating_point()
        else functional.one_hot(label, output.shape[1]).to(output.dtype),
    ),
}


class Net(nn.Module):
    """A cell's network of torch's modules."""

    def __init__(self, cell: Spec, data: Data, flat_P: Tensor | None = None) -> None:
        super().__init__()
        sizes = [data.features, *cell.widths, data.outputs]
        self.activation, self.residual = torch_activation(cell.activation), cell.model.kind == "residual"
        self.loss = bind(TORCH_LOSSES, cell.loss)
        self.linears = nn.ModuleList([nn.Linear(i, o) for i, o in pairwise(sizes)])
        choice = cell.normalization.settings
        self.placement = choice.get("placement")
        self.input = bool(choice.get("input"))
        widths = ([data.features] if self.input else []) + (list(cell.widths) if self.placement else [])
        self.kept = choice.get("momentum", 0.0)
        self.norms = nn.ModuleList([nn.BatchNorm1d(w, choice["epsilon"], 1.0 - self.kept) for w in widths])
        self.load(initial_parameters(network(cell, data).layout, cell) if flat_P is None else flat_P)

    def load(self, flat_P: Tensor) -> None:
        """Take parameters laid out as the project lays them out, weights as [fan-in, fan-out]."""
        self.to(flat_P.dtype)
        rest = flat_P
        with torch.no_grad():
            for parameter in self.ordered():
                own, rest = rest[: parameter.numel()], rest[parameter.numel() :]
                parameter.copy_(own.view(parameter.T.shape).T if parameter.ndim == 2 else own)
        assert len(rest) == 0

    def ordered(self) -> list[nn.Parameter]:
        weights, biases = [each.weight for each in self.linears], [each.bias for each in self.linears]
        return weights + biases + [p for norm in self.norms for p in (norm.weight, norm.bias)]

    def flat(self, gradients: bool = False) -> Tensor:
        tensors = [p.grad if gradients else p.detach() for p in self.ordered()]
        return torch.cat([(tensor.T if tensor.ndim == 2 else tensor).flatten() for tensor in tensors])

    def forward(self, x: Tensor, tape: list[tuple[Tensor, Tensor]] | None = None) -> Tensor:
        """Return the outputs; ``tape`` takes every hidden layer's pre-activation and activation."""
        norms = iter(self.norms)
        h = next(norms)(x) if self.input else x
        stream = 0.0
        for place, linear in enumerate(self.linears[:-1]):
            a = linear(h)
            if self.residual and (place % 2 == 0 or place == len(self.linears) - 2):
                stream = stream + a
                # What the stream hands on by itself is no part of the gradient at the activation.
                a = stream.view_as(stream)
            if self.placement == "before":
                a = next(norms)(a)
            h = self.activation(a)
            if tape is not None:
                a.retain_grad()
                tape.append((a, h))
            if self.placement == "after":
                h = next(norms)(h)
        return self.linears[-1](h)

    def gradient(self, x: Tensor, y: Tensor) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """Return the loss and the tape, pre-activations with their gradients; gradients are in the parameters."""
        tape: list[tuple[Tensor, Tensor]] = []
        self.zero_grad()
        loss = self.loss(self(x, tape), y)
        loss.backward()
        return loss.detach(), tape

    def clip(self, choice: Level) -> None:
        threshold = choice.settings.get("threshold")
        if choice.kind == "value":
            nn.utils.clip_grad_value_(self.parameters(), threshold)
        elif choice.kind == "norm":
            for parameter in self.parameters():
                nn.utils.clip_grad_norm_([parameter], threshold)
        elif choice.kind == "global_norm":
            nn.utils.clip_grad_norm_(self.parameters(), threshold)
        else:
            assert choice.kind == "none"

    @torch.no_grad()
    def score(self, x: Tensor, y: Tensor, steps: int, batch_size: int) -> tuple[float, float]:
        """Return loss and accuracy, or R squared, in evaluation mode, running variances biased as the project's are."""
        net = copy.deepcopy(self).eval()
        for norm in net.norms:
            start = self.kept**steps
            norm.running_var = start + (batch_size - 1) / batch_size * (norm.running_var - start)
        output = net(x)
        if y.is_floating_point():
            return net.loss(output, y).item(), float(r2_score(y.double(), output.squeeze(1).double()))
        return net.loss(output, y).item(), (output.argmax(1) == y).float().mean().item()


@dataclass
class Trace:
    """What a plain loop leaves: after 0, 1, ... steps, the network; and whether each step was clipped."""

    nets: list[Net] = field(default_factory=list)
    clipped: list[bool] = field(default_factory=list)
    diverged_step: int | None = None

    @property
    def weights(self) -> Tensor:
        return self.nets[-1].flat()


def torch_loop(cell: Spec, data: Data, factor: Callable[[int, Net], float] = lambda step, net: 1.0) -> Trace:
    """Train a cell as torch's manual would; it ends where a training loss is not finite.

    ``factor`` gives what the learning rate is multiplied by in a step, from which the network goes.
    """
    net, trace = Net(cell, data), Trace()
    rule = counterpart(cell.optimizer.kind, net.parameters(), cell.lr, cell.optimizer.settings)
    place, labels = torch.device("cpu"), data.train_y
    order = BatchOrder([cell.seed], len(labels), cell.batch_size, place, [cell.order], labels)
    for step in range(Clock.of(cell, len(data.train_y)).steps):
        trace.nets.append(copy.deepcopy(net))
        index = order.batch(step)[0]
        loss, _ = net.gradient(data.train_x[index], data.train_y[index])
        if not loss.isfinite():
            trace.diverged_step = step
            return trace
        raw = net.flat(gradients=True)
        net.clip(cell.clipping)
        trace.clipped.append(not torch.equal(raw, net.flat(gradients=True)))
        rule.param_groups[0]["lr"] = cell.lr * factor(step, net)
        rule.step()
    trace.nets.append(net)
    return trace
