"""JAX as a peer: it trains the cells that our trainer trains, to the same parameters."""

import os
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from jax_peer import Jax, Missing
from own import cohort, digits
from peers import RATE, Shape

from ablation.training.networks import build
from ablation.training.networks.initial import initial_parameters
from ablation.training.trainer import train

needs_jax = pytest.mark.skipif(
    not os.environ.get("JAX_PYTHON") and find_spec("jax") is None,
    reason="no JAX here, and JAX_PYTHON names no Python that has it",
)


@pytest.fixture(scope="module")
def jax():
    peer = Jax(None, "cpu")
    yield peer
    peer.end()


@needs_jax
@pytest.mark.parametrize(
    ("activation", "norm"), [("relu", False), ("tanh", False), ("elu", False), ("relu", True), ("elu", True)]
)
@pytest.mark.parametrize("cells", [1, 3])
def test_jax_trains_to_the_parameters_that_ours_does(jax, activation, norm, cells):
    shape, data = Shape(2, 8, 64, cells, 1), digits(torch.device("cpu"))
    specs = cohort(shape, activation, norm)
    layout = build(specs[0], data.features, data.outputs).layout
    start = torch.stack([initial_parameters(layout, spec) for spec in specs])
    there = jax.trained(start, data, shape.batch, 16, sizes=shape.sizes, activation=activation, norm=norm)
    here = torch.stack([outcome.weights for outcome in train(specs, data)]).numpy()
    assert np.abs(here - start.numpy()).max() > RATE / 10
    np.testing.assert_allclose(there, here, rtol=1e-4, atol=1e-5)


@needs_jax
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_jax_without_the_device_is_told(jax):
    with pytest.raises(Missing, match=rf": its JAX {jax.version} has no device cuda$"):
        Jax(None, "cuda")


@pytest.mark.skipif(find_spec("jax") is not None, reason="JAX is here")
def test_without_jax_it_says_why(monkeypatch, tmp_path):
    monkeypatch.delenv("JAX_PYTHON", raising=False)
    for python, why in (
        (None, "not installed here; --jax or JAX_PYTHON names a Python that has it"),
        (sys.executable, f"{sys.executable}: ModuleNotFoundError: No module named 'jax'"),
        (str(tmp_path / "python"), f"{tmp_path / 'python'}: No such file or directory"),
    ):
        with pytest.raises(Missing) as missing:
            Jax(python, "cpu")
        assert str(missing.value) == why
