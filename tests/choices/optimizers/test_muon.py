"""Orthogonalization in a stack, against singular values, double precision and torch's own in bfloat16."""

import numpy as np
import pytest
import torch
from torch import nn

from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.optimizers.muon import orthogonalized
from tests.choices.optimizers.counterparts import newton_schulz

SHAPES = [(7, 7), (12, 5), (5, 12), (1, 9), (9, 1), (1, 1), (64, 100)]


def matrices(cells: int, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    draw = torch.Generator().manual_seed(0)
    return torch.randn(cells, shape[0] * shape[1], generator=draw, dtype=torch.float64).to(dtype)


def ours(x_SP: torch.Tensor, shape: tuple[int, int], least: float = 1.2e-38) -> torch.Tensor:
    return orthogonalized(x_SP.clone(), shape, torch.full((len(x_SP), 1), least, dtype=x_SP.dtype))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_it_is_the_iteration_in_double_precision(shape, dtype, tolerance):
    x = matrices(3, shape, dtype)
    for own, start in zip(ours(x, shape), x, strict=True):
        matrix = start.double().numpy().reshape(shape)
        expected = newton_schulz(matrix / np.linalg.norm(matrix))
        np.testing.assert_allclose(own.view(shape).double(), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors_stay_and_values_become_about_one(shape):
    x = matrices(1, shape, torch.float64)
    u, values, vt = np.linalg.svd(x.view(shape).numpy(), full_matrices=False)
    within = u.T @ ours(x, shape).view(shape).numpy() @ vt.T
    np.testing.assert_allclose(within, np.diag(np.diag(within)), atol=1e-10)
    large = values / np.linalg.norm(values) > 0.01
    assert (np.diag(within)[large] > 0.65).all()
    assert (np.diag(within)[large] < 1.25).all()


@pytest.mark.parametrize("size", [1e-36, 1e-25, 1e25, 1e36])
def test_the_size_of_a_gradient_is_nothing_to_it(size):
    x = matrices(4, (6, 8))
    torch.testing.assert_close(ours(x * size, (6, 8)), ours(x, (6, 8)), rtol=1e-5, atol=1e-6)


def test_a_norm_below_the_least_is_divided_by_the_least():
    x = matrices(2, (4, 4), torch.float64)
    small = x / torch.linalg.vector_norm(x, dim=1, keepdim=True) * 1e-9
    expected = np.stack([newton_schulz(each.view(4, 4).numpy() / 1e-7) for each in small])
    np.testing.assert_allclose(ours(small, (4, 4), 1e-7).view(2, 4, 4), expected, rtol=1e-10)


@pytest.mark.parametrize("scale", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("shape", [(12, 30), (30, 12), (20, 20)])
def test_twenty_steps_are_torchs_within_its_bfloat16(scale, shape):
    start, lr = matrices(1, shape), 0.01
    own, state, theirs = start.clone(), {}, nn.Parameter(start.view(shape).T.clone())
    rule = torch.optim.Muon([theirs], lr=lr, weight_decay=0.0, momentum=0.95, adjust_lr_fn=scale)
    for step in range(20):
        draw = torch.Generator().manual_seed(step)
        grad = torch.randn(1, shape[0] * shape[1], generator=draw)
        theirs.grad = grad.view(shape).T.clone()
        rule.step()
        OPTIMIZERS["muon"](own, grad, torch.full((1, 1), lr), state, shape=shape, scale=scale)
    moved, expected = own - start, theirs.detach().T.reshape(1, -1) - start
    # A bfloat16 has eight bits, and the polynomial's slope at zero multiplies what it rounds.
    assert torch.linalg.vector_norm(moved - expected) < 0.03 * torch.linalg.vector_norm(expected)
    torch.testing.assert_close(moved, expected, rtol=0.0, atol=0.05 * expected.abs().max().item())


def test_a_step_is_as_long_as_adams_where_it_is_to_match():
    """Root mean square of about 0.2, which Adam's step is in the long run (Liu et al. 2025)."""
    for shape in [(100, 100), (64, 100), (100, 10)]:
        step = torch.zeros(1, shape[0] * shape[1])
        OPTIMIZERS["muon"](step, matrices(1, shape), torch.ones(1, 1), {}, shape=shape)
        assert 0.15 < step.square().mean().sqrt().item() < 0.25


def test_vectors_get_adams_step():
    start, grad, lr_S1 = matrices(3, (1, 9)), matrices(3, (1, 9)) + 1, torch.full((3, 1), 0.1)
    moved = []
    for name, more in (("muon", {"shape": None}), ("adam", {})):
        weights, state = start.clone(), {}
        for _ in range(3):
            OPTIMIZERS[name](weights, grad.clone(), lr_S1, state, **more)
        moved.append(weights)
    assert torch.equal(*moved)
