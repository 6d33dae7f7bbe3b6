"""A study's networks layer by layer, as Keras' ``model.summary()`` shows one.

Nothing of it is reckoned: a network goes forward once, on tensors without numbers, and what it reads of its parameters,
and when, is what stands in the table; how many numbers those are is for its layout to say.

Legend: S cells, here one, B batch, I fan-in, P parameters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ablation.datasets.prepared import ends_of
from ablation.studies.cells import expand
from ablation.studies.machine.fits import refuse_product
from ablation.studies.study import Study
from ablation.studies.trials import try_choices
from ablation.training.networks import build, hidden_of
from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Layout
from ablation.training.spec import Spec

NETWORK = ("model", "depth", "width", "normalization", "data")
"""The factors that decide a network's layers."""

BATCH = 2
"""Examples that a network is shown."""

ACTIVATED = " *"
"""What marks a layer that the activation follows."""


@dataclass(eq=False)
class Layer:
    """A layer of a network, which a row of the table shows.

    Attributes:
        kind: what it is, as Keras names it.
        units: numbers that it makes of an example.
        trained: how many of its parameters are.
        kept: how many are not: running means and variances.
        activated: whether the activation follows.
    """

    kind: str
    units: int
    trained: int = 0
    kept: int = 0
    activated: bool = False


@dataclass
class Watched(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Notes the layers of a forward pass, in the order in which it first reads their parameters.

    Args:
        layout: where these lie, and
        flat_SP: in which matrix.
        normalization: what a layer is called that has a gamma and a beta.
    """

    layout: Layout
    flat_SP: Tensor
    normalization: str
    layers: list[Layer] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        first = self.layout.weights[-1].stop
        products, running = len(self.layout.shapes), self.layout.running(1, self.flat_SP)
        parts = [
            Layer("Dense", fan_out, columns.stop - columns.start)
            for (_, fan_out), columns in zip(self.layout.shapes, self.layout.weights, strict=True)
        ]
        self._parts = {columns.start: part for part, columns in zip(parts, self.layout.weights, strict=True)}
        parts += [
            Layer(self.normalization, units, kept=sum(each.numel() for each in moved))
            for units, moved in zip(self.layout.scale_widths, running, strict=True)
        ]
        owners = [*parts[:products], *(part for part in parts[products:] for _ in range(2))]
        for part, columns in zip(owners, self.layout.vectors, strict=True):
            part.trained += columns.stop - columns.start
            self._parts[first + columns.start] = part

    def __torch_dispatch__(
        self, function: Any, types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        if not self._is_parameter(result):  # that is a view, by which nothing is read
            for each in args:
                if self._is_parameter(each) and (part := self._parts[each.storage_offset()]) not in self.layers:
                    self.layers.append(part)
            if function.overloadpacket in (torch.ops.aten.add, torch.ops.aten.add_) and self._are_values(args):
                self.layers.append(Layer("Add", result.shape[2]))
        return result

    def activate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Stand in for an activation and its derivative: note that it follows what came last."""
        self.layers[-1].activated = True
        return x, x

    def _is_parameter(self, x: object) -> bool:
        return isinstance(x, Tensor) and x.untyped_storage()._cdata == self.flat_SP.untyped_storage()._cdata

    def _are_values(self, args: Sequence[object]) -> bool:
        """Whether these are a layer's values of a batch, as the stream of a residual network and what is added."""
        return all(
            isinstance(x, Tensor) and x.dim() == 3 and x.shape[1] == BATCH and not self._is_parameter(x)
            for x in args[:2]
        )


def layers_of(spec: Spec, features: int, classes: int) -> list[Layer]:
    """Return the layers of the network of a specification, in the order in which they are computed."""
    hidden = hidden_of(spec)
    network = build(spec, features, classes, hidden)
    flat_SP = torch.empty(1, network.layout.parameters, device="meta")
    watched = Watched(network.layout, flat_SP, type(hidden.normalization).__name__)
    x_SBI = torch.empty(1, BATCH, features, device="meta")
    with watched:
        network.forward(network.layout.views(flat_SP), x_SBI, hidden=Hidden(watched.activate, hidden.normalization))
    assert sum(layer.trained for layer in watched.layers) == network.layout.parameters, "it uses all that it has"
    return watched.layers


def summary_lines(study: Study) -> list[str]:
    """Return a table for each of a study's networks, line by line.

    Raises:
        UserError: as ``run_study`` would, of choices of a user's own, and of too many cells; or data cannot be read.
    """
    try_choices(study)
    refuse_product(study)
    cards = {label: ends_of(label, given, study.data_folder) for label, given in study.data.items()}
    networks = {tuple(cell.factors[factor] for factor in NETWORK): cell for cell in expand(study)}
    begun = f"weights begin by {' or '.join(study.levels['init'])}"
    lines = [f"{study.name}: {begun};{ACTIVATED} is followed by {' or '.join(study.levels['activation'])}"]
    for cell in networks.values():
        card = cards[cell.factors["data"]]
        lines += ["", " ".join(f"{factor}={cell.factors[factor]}" for factor in NETWORK)]
        lines += table(layers_of(cell.spec, card["features"], card["classes"]), card["image_shape"])
    return lines


def table(layers: Sequence[Layer], shape: Sequence[int]) -> list[str]:
    """Return the table of a network whose inputs have this shape, with its sums."""
    rows = [("layer (type)", "output shape", "parameters")]
    flat = [Layer("Flatten", shape[0] * shape[1])] if min(shape) > 1 else []
    numbers: dict[str, int] = {}
    for layer in [*flat, *layers]:
        name, count = snake(layer.kind), numbers.get(layer.kind, 0)
        numbers[layer.kind] = count + 1
        named = f"{name}_{count}" if count else name
        mark = ACTIVATED if layer.activated else ""
        rows.append((f"{named} ({layer.kind}){mark}", f"(None, {layer.units})", f"{layer.trained + layer.kept:,}"))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    trained, kept = (sum(getattr(layer, name) for layer in layers) for name in ("trained", "kept"))
    sums = {"parameters": trained + kept, "trained": trained, "not trained": kept}
    return [
        *(f"{name:{wide[0]}}  {size:{wide[1]}}  {count:>{wide[2]}}" for name, size, count in rows),
        *(f"{text:>{wide[0] + wide[1] + 2}}  {number:>{wide[2]},}" for text, number in sums.items()),
    ]


def snake(kind: str) -> str:
    """Return a type's name as Keras makes a layer's of it: BatchNormalization, batch_normalization."""
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in kind).lstrip("_")
