"""Theory through residual blocks, against wide random ones with torch's derivatives."""

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.reporting.theory import residual
from ablation.reporting.theory.maps import MAPS, is_perceptron, map_of
from ablation.reporting.theory.residual import is_known, local, predict
from ablation.training.networks import NETWORKS
from tests.reporting.theory.test_mean_field import phi
from tests.reporting.theory.test_propagation import NONE, network

WIDTH, BATCH, SEEDS = 400, 16, 6
TORCHS = {"relu": torch.relu, "tanh": torch.tanh, "elu": torch.nn.functional.elu, "logistic": torch.sigmoid}


def simulated(name, depth, sigma_w2, sigma_b2):
    """Mean over seeds of q at each place, and of delta's mean square over that at the last, in float64."""
    lengths, deltas = [], []
    for seed in range(SEEDS):
        draw = torch.Generator().manual_seed(seed)

        def normal(*shape, draw=draw):
            return torch.randn(shape, generator=draw, dtype=torch.float64)

        stream, entering = None, []
        h = normal(BATCH, WIDTH)
        for place in range(depth):
            added = h @ (normal(WIDTH, WIDTH) * (sigma_w2 / WIDTH) ** 0.5) + sigma_b2**0.5 * normal(WIDTH)
            if place % 2 == 0 or place == depth - 1:
                stream = added if stream is None else stream + added
                added = stream
            # By way of this activation alone: what the stream hands on is no part of it.
            probed = added.detach().clone().requires_grad_() if place == 0 else added + torch.zeros_like(added)
            if place == 0:
                stream = probed
            through = probed * 1.0
            through.retain_grad()
            entering.append(through)
            h = TORCHS[name](through)
        (h * normal(BATCH, WIDTH)).sum().backward()
        lengths.append([float(a.detach().square().mean()) for a in entering])
        squares = np.array([float(a.grad.square().mean()) for a in entering])
        deltas.append(squares / squares[-1])
    return np.mean(lengths, axis=0), np.mean(deltas, axis=0)


@pytest.mark.parametrize("name", TORCHS)
@pytest.mark.parametrize("depth", [1, 2, 8, 9])
@pytest.mark.parametrize("variances", [(1.0, 0.0), (2.0, 0.1)])
def test_lengths_and_deltas_of_a_wide_network(name, depth, variances):
    lengths, deltas = simulated(name, depth, *variances)
    prediction = predict(phi(name), network([WIDTH] * depth, *variances), NONE, float(lengths[0]), BATCH)
    np.testing.assert_allclose(prediction.length, lengths, rtol=0.06)
    np.testing.assert_allclose(10 ** (2 * prediction.log_delta()), deltas, rtol=0.12)


def test_gradients_of_a_stream_neither_vanish_nor_explode_where_a_perceptrons_do():
    depth = 40
    there = predict(phi("logistic"), network([100] * depth), NONE, 1.0, 64).log_delta()
    plain = MAPS["perceptron"].predict(phi("logistic"), network([100] * depth), NONE, 1.0, 64).log_delta()
    assert plain[0] < -20
    assert abs(there[0]) < 1.5


def test_with_the_predicted_lengths_the_local_factors_are_the_predicted_ones():
    prediction = predict(phi("elu"), network([100] * 7, 1.5, 0.2), NONE, 1.3, 64)
    np.testing.assert_allclose(local(phi("elu"), network([100] * 7, 1.5, 0.2), prediction.length), prediction.factor)


def test_normalized_blocks_have_no_theory_here():
    assert is_known(NONE)
    assert not is_known({"kind": "batch", "placement": "before", "epsilon": 1e-3})


def test_every_network_has_the_map_that_it_names():
    assert {network.mean_field for network in NETWORKS.values()} == set(MAPS)
    manifest = {"levels": {"model": {kind: {"mean_field": net.mean_field} for kind, net in NETWORKS.items()}}}
    assert map_of(manifest, "residual") is residual
    assert [kind for kind in NETWORKS if is_perceptron(manifest, kind)] == ["mlp"]
    assert set(TORCHS) <= set(ACTIVATIONS)
