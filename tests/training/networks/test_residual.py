"""Residual networks in training: as torch trains them, to the same bits in any stack, compiled as eager, and deep."""

import itertools
from dataclasses import replace

import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.training.networks import NETWORKS, build
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.reference import batch, blobs, level, spec, torch_loop
from tests.training.test_trainer import curve, same_bits

NORMALIZED = {
    "none": level("none"),
    "before": batch("before"),
    "after": batch("after"),
    "before and input": level("batch", **{**batch("before").settings, "input": True}),
    "after and input": level("batch", **{**batch("after").settings, "input": True}),
}
CLIPPED = {
    "none": level("none"),
    "value": level("value", threshold=0.02),
    "norm": level("norm", threshold=0.2),
    "global_norm": level("global_norm", threshold=0.3),
}
OPTIMIZED = {
    "sgd": level("sgd"),
    "momentum": level("momentum", momentum=0.9),
    "nesterov": level("nesterov", momentum=0.9),
}


def cell(**changes):
    return spec(model="residual", widths=(12,) * 5, lr=0.02, **changes)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
@pytest.mark.parametrize("normalization", NORMALIZED)
def test_twenty_steps_are_torchs(activation, normalization):
    data = blobs()
    # Every clipping with every optimizer, one after the other over the rest.
    rules = list(itertools.product(CLIPPED, OPTIMIZED))
    place = sorted(ACTIVATIONS).index(activation) * len(NORMALIZED) + list(NORMALIZED).index(normalization)
    for clipping, optimizer in (rules[place % len(rules)], rules[(place + 5) % len(rules)]):
        chosen = cell(
            activation=activation,
            normalization=NORMALIZED[normalization],
            clipping=CLIPPED[clipping],
            optimizer=OPTIMIZED[optimizer],
            # One in which no rectifier's pre-activation changes sides by the 1e-6 that torch adds to a norm.
            seed=1,
        )
        (outcome,) = train([chosen], data)
        trace = torch_loop(chosen, data)
        assert outcome.curve_steps[-1] == 20
        torch.testing.assert_close(outcome.weights, trace.weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize("normalization", ["none", "before", "after and input"])
@pytest.mark.parametrize("depth", [1, 2, 4, 7])
def test_a_cell_has_the_same_bits_alone_and_beside_one_that_diverges(normalization, depth):
    data = blobs(100, features=5)
    common = {"normalization": NORMALIZED[normalization], "activation": "elu", "epochs": 2, "batch_size": 9}
    cells = [replace(cell(seed=seed, **common), widths=(7,) * depth, lr=1e9 if seed == 3 else 0.1) for seed in range(9)]
    together = train(cells, data)
    for place in (0, 3, 4, 8):
        (alone,) = train([cells[place]], data)
        assert same_bits(alone, together[place])


@needs_compiler
@pytest.mark.parametrize("normalization", ["none", "before", "after and input"])
def test_a_compiled_cell_learns_what_the_eager_one_does(normalization):
    data = blobs()
    eager = cell(normalization=NORMALIZED[normalization], activation="tanh")
    (here,), (there,) = train([eager], data), train([replace(eager, compile="layers")], data)
    torch.testing.assert_close(here.weights, there.weights, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        torch.tensor(here.layers), torch.tensor(there.layers), rtol=1e-3, atol=1e-5, equal_nan=True
    )


def test_forty_layers_train_where_forty_plain_ones_do_not():
    data = blobs()
    deep = spec(activation="relu", init="he_normal", widths=(16,) * 40, lr=0.01, epochs=20)
    (plain,), (residual,) = train([deep], data), train([replace(deep, model=level("residual"))], data)
    assert curve(residual, "train_loss")[-1] < 0.2 * curve(residual, "train_loss")[0]
    assert curve(plain, "train_loss")[-1] > 0.5 * curve(plain, "train_loss")[0]


def test_layers_of_several_widths_are_refused():
    with pytest.raises(ValueError, match="have one width"):
        build(replace(cell(), widths=(3, 4)), 5, 2)


def test_every_network_says_which_theory_describes_it():
    assert {kind: network.mean_field for kind, network in NETWORKS.items()} == {
        "mlp": "perceptron",
        "residual": "residual",
    }
