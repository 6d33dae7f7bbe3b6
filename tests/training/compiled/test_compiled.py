from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings
from ablation.training.compiled.descent import CompiledDescent
from ablation.training.compiled.hidden import CompiledHidden, CompiledNormalized
from ablation.training.descent import Descent, Numbers, Part
from ablation.training.ingredients import Moment, asked
from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Linear, Scale
from ablation.training.spec import bind
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.reference import NORMALIZED, blobs, clipping, level, optimizer, spec


@needs_compiler
@pytest.mark.parametrize(
    ("activation", "normalization", "rule", "kind", "loss"),
    [
        ("relu", "before", "value", "sgd", "cross_entropy"),
        ("elu", "after_and_input", "norm", "momentum", level("mse", softmax=True)),
        ("tanh", "none", "global_norm", "sgd", "mse"),
        ("tanh", "none", "value", "nesterov", "cross_entropy"),
        ("elu", "after", "none", "muon", "cross_entropy"),
    ],
)
def test_a_compiled_cell_learns_what_the_eager_one_does(activation, normalization, rule, kind, loss):
    data = blobs()
    cells = [
        spec(
            activation=activation,
            normalization=NORMALIZED[normalization],
            clipping=clipping(rule, threshold),
            optimizer=optimizer(kind),
            loss=loss,
            seed=seed,
        )
        for seed, threshold in enumerate([0.05, 0.1, 0.1])
    ]
    eager, fused = train(cells, data), train([replace(cell, compile="layers") for cell in cells], data)
    for one, other in zip(eager, fused, strict=True):
        np.testing.assert_allclose(other.curves, one.curves, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(other.layers, one.layers, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-4)


@needs_compiler
@pytest.mark.parametrize("activation", ["tanh", "elu", "selu"])
def test_small_numbers_keep_their_relative_accuracy(activation):
    """Torch's compiler takes expm1 for exp - 1, of which nothing is left near zero."""
    hidden = Hidden(ACTIVATIONS[activation], None)
    fused = CompiledHidden(hidden, (activation, "none"), torch.device("cpu"))
    small = torch.logspace(-30, -2, 201)
    x = torch.cat([small, -small]).view(1, 1, -1)
    layer = Linear(torch.eye(x.shape[2]).unsqueeze(0), torch.zeros(1, x.shape[2]))
    exact = ACTIVATIONS[activation](x.double())[0].float()
    torch.testing.assert_close(fused.forward(x, layer, None).output_SBO, exact, rtol=1e-6, atol=0.0)
    torch.testing.assert_close(fused.inference(x, layer), exact, rtol=1e-6, atol=0.0)


@needs_compiler
@pytest.mark.parametrize(("activation", "normalization"), [("tanh", "none"), ("relu", "before"), ("elu", "after")])
def test_a_graph_fits_any_sizes(activation, normalization):
    normalize = bind(NORMALIZATIONS, NORMALIZED[normalization])()
    hidden = Hidden(bind(ACTIVATIONS, spec(activation=activation).activation), normalize)
    layer = CompiledNormalized if normalize else CompiledHidden
    fused = layer(hidden, (activation, normalization), torch.device("cpu"))
    random = torch.Generator().manual_seed(0)
    for cells, batch, fan_in, units in [
        (1, 2, 3, 1),
        (2, 64, 64, 64),
        (7, 33, 5, 17),
        (1, 128, 100, 100),
        (3, 3, 3, 3),
    ]:

        def numbers(*shape: int) -> torch.Tensor:
            return torch.randn(shape, generator=random)

        flat = numbers(cells, (fan_in + 3) * units)
        layer = Linear(flat[:, : fan_in * units].view(cells, fan_in, units), flat[:, fan_in * units :][:, :units])
        scale = Scale(flat[:, -2 * units : -units], flat[:, -units:]) if normalize else None
        moved = [Scale(torch.zeros(cells, units), torch.ones(cells, units)) if normalize else None for _ in range(2)]
        h, grad = numbers(cells, batch, fan_in), numbers(cells, batch, units)
        one, other = (it.forward(h, layer, scale, at, True) for it, at in zip((hidden, fused), moved, strict=True))
        mine = hidden.backward(grad.clone(), one.derivative_SBO, one.statistics, scale, True)
        theirs = fused.backward(grad.clone(), other.derivative_SBO, other.statistics, scale, True)
        close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)
        close(other, one)
        close(moved[1], moved[0])
        close(theirs, mine)
        close(fused.inference(h, layer), hidden.inference(h, layer))


@needs_compiler
def test_what_an_optimizer_puts_in_the_place_of_what_it_remembers_is_remembered(empty):
    def counting(param, grad, lr, state):
        state["steps"] = state["steps"] + 1.0 if "steps" in state else torch.zeros_like(lr)
        param.addcmul_(grad, lr * state["steps"])

    eager = Descent(CLIPPINGS["none"], counting)
    levels = [level("none"), level("counting in a test")]
    fused = CompiledDescent(eager, levels, ([], []), torch.device("cpu"))
    results = []
    for descend in (eager, fused):
        param, state = torch.zeros(2, 6), {}
        for _ in range(4):
            grad_SN = torch.ones(2, 5)
            part = Part(0, param[:, :5], grad_SN, [grad_SN], state, {}, (5, 1))
            descend(
                [part],
                torch.ones(2, 1),
                Numbers({}, {}),
                Moment(torch.tensor(0), 4, 2, torch.ones(2, 1), torch.tensor(0)),
            )
        results.append(param)
    assert torch.equal(*results)
    assert results[0][0].tolist() == [0 + 1 + 2 + 3] * 5 + [0]


@needs_compiler
@pytest.mark.parametrize("kind", [kind for kind, rule in OPTIMIZERS.items() if not asked("optimizer", rule)])
def test_every_rule_that_asks_for_nothing_compiles_to_what_it_is(kind):
    known = {name: value for name, value in settings(OPTIMIZERS[kind]).items() if isinstance(value, float)}
    eager = Descent(CLIPPINGS["none"], OPTIMIZERS[kind])
    fused = CompiledDescent(eager, [level("none"), level(kind)], ([], list(known)), torch.device("cpu"))
    numbers = Numbers({}, {name: torch.full((3, 1), value) for name, value in known.items()})
    results = []
    for descend in (eager, fused):
        draw, flat, state = torch.Generator().manual_seed(0), torch.zeros(3, 36), {}
        for step in range(5):
            grad_SN = torch.randn(3, 35, generator=draw)
            part = Part(0, flat[:, :35], grad_SN, [grad_SN], state, {}, (5, 7))
            descend(
                [part],
                torch.full((3, 1), 0.1),
                numbers,
                Moment(torch.tensor(step), 5, 1, torch.ones(3, 1), torch.tensor(0)),
            )
        results.append((flat, state))
    (one, kept), (other, fused_kept) = results
    torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)
    assert (one[:, 35] == 0).all()
    for name, tensor in kept.items():
        torch.testing.assert_close(fused_kept[name], tensor, rtol=1e-4, atol=1e-6)


@needs_compiler
def test_depth_width_and_the_number_of_cells_need_no_new_graph(monkeypatch):
    data = blobs()
    cells = [replace(spec(), compile="layers", seed=seed) for seed in range(3)]
    train(cells, data)
    monkeypatch.setattr("ablation.training.compiled.graphs.Graph._kept", None)
    deeper = train([replace(cell, widths=(24,) * 6, batch_size=32) for cell in cells[:2]], data)
    eager = train([replace(cell, widths=(24,) * 6, batch_size=32, compile="eager") for cell in cells[:2]], data)
    for one, other in zip(eager, deeper, strict=True):
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-4)
