from functools import partial

import pytest
import torch
from mpmath import mp, mpf
from torch.nn import functional

from ablation.choices.losses import LOSSES
from ablation.reporting.statistics.times import guessing_loss


def square_error(output, label):
    return functional.mse_loss(output, functional.one_hot(label, output.shape[1]).to(output.dtype))


TORCH = {
    "cross_entropy": functional.cross_entropy,
    "mse": square_error,
    "mse of softmax": lambda output, label: square_error(output.softmax(1), label),
}

CASES = {**LOSSES, "mse of softmax": partial(LOSSES["mse"], softmax=True)}
"""Every loss, and those that a setting makes another of."""

every_loss = pytest.mark.parametrize("name", CASES)


def case(cells: int, batch: int, classes: int, dtype: torch.dtype = torch.float32):
    generator = torch.Generator().manual_seed(cells + batch + classes)
    output = 3.0 * torch.randn(cells, batch, classes, generator=generator, dtype=dtype)
    return output, torch.randint(0, classes, (cells, batch), generator=generator)


@every_loss
@pytest.mark.parametrize("shape", [(3, 16, 10), (1, 1, 2), (7, 33, 1), (2, 5, 3)])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_value_and_gradient_are_torchs(name, shape, dtype, rtol):
    output, label = case(*shape, dtype)
    loss, grad = CASES[name](output, label)
    assert grad.shape == output.shape
    for cell in range(shape[0]):
        leaf = output[cell].clone().requires_grad_()
        expected = TORCH[name](leaf, label[cell])
        torch.testing.assert_close(loss[cell], expected.detach(), rtol=rtol, atol=1e-7)
        torch.testing.assert_close(grad[cell], torch.autograd.grad(expected, leaf)[0], rtol=rtol, atol=1e-7)


@every_loss
def test_gradient_is_the_slope_of_the_loss(name):
    output, label = case(1, 3, 4, torch.float64)
    grad = CASES[name](output.clone(), label)[1]
    step = 1e-6
    for place in torch.cartesian_prod(torch.arange(3), torch.arange(4)).tolist():
        up, down = output.clone(), output.clone()
        up[0, place[0], place[1]] += step
        down[0, place[0], place[1]] -= step
        secant = (CASES[name](up, label)[0] - CASES[name](down, label)[0]) / (2 * step)
        assert grad[0, place[0], place[1]].item() == pytest.approx(secant.item(), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("shape", [(3, 16), (1, 1), (7, 33)])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_squared_error_of_numbers_is_torchs(shape, dtype, rtol):
    output, target = case(*shape, 1, dtype)[0], case(*shape, 2, dtype)[0][:, :, 0]
    loss, grad = LOSSES["mse"](output, target)
    assert grad.shape == output.shape
    for cell in range(shape[0]):
        leaf = output[cell].clone().requires_grad_()
        expected = functional.mse_loss(leaf, target[cell].unsqueeze(1))
        torch.testing.assert_close(loss[cell], expected.detach(), rtol=rtol, atol=1e-7)
        torch.testing.assert_close(grad[cell], torch.autograd.grad(expected, leaf)[0], rtol=rtol, atol=1e-7)


def test_extreme_outputs_give_the_exact_cross_entropy():
    output = torch.tensor([[[1e4, 0.0, -1e4], [0.0, 1e4, 0.0]]])
    loss, grad = LOSSES["cross_entropy"](output, torch.tensor([[2, 1]]))
    assert loss.item() == 1e4
    assert grad.tolist() == [[[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]]


def test_equal_outputs_cost_the_logarithm_of_the_classes():
    loss, _ = LOSSES["cross_entropy"](torch.full((2, 5, 10), 7.0), torch.zeros(2, 5, dtype=torch.int64))
    torch.testing.assert_close(loss, torch.full((2,), 10.0).log())


@pytest.mark.parametrize("kind", LOSSES)
def test_equal_outputs_cost_what_the_report_takes_guessing_to_cost(kind):
    label = torch.arange(12).remainder(4).unsqueeze(0)
    alike = torch.full((1, 12, 4), 0.25)
    assert CASES[kind](alike, label)[0].item() == pytest.approx(guessing_loss(kind, 4))


def test_softmax_of_equal_outputs_of_any_size_costs_what_guessing_does():
    label = torch.arange(12).remainder(4).unsqueeze(0)
    for size in (-30.0, 0.0, 1e4):
        loss, _ = CASES["mse of softmax"](torch.full((1, 12, 4), size), label)
        assert loss.item() == pytest.approx(guessing_loss("mse", 4))


@pytest.mark.parametrize("label", range(4))
@pytest.mark.parametrize("sure", [0.0, 1.0, 8.0, 20.0, 60.0])
def test_a_small_square_error_behind_softmax_has_its_digits(sure, label):
    """In float32 against 50 digits, where softmax is sure of class 1: right or wrong, what is left is a difference of
    numbers near 1, or the smallest of them."""
    outputs = [0.5, sure, -0.25, 0.0]
    loss, grad = CASES["mse of softmax"](torch.tensor([[outputs]]), torch.tensor([[label]]))
    with mp.workdps(50):
        powers = [mp.exp(mpf(z)) for z in outputs]
        shares = [power / sum(powers) for power in powers]
        errors = [share - (place == label) for place, share in enumerate(shares)]
        middle = sum(share * error for share, error in zip(shares, errors, strict=True))
        exact = [float(share * (error - middle) / 2) for share, error in zip(shares, errors, strict=True)]
        assert loss.item() == pytest.approx(float(sum(error**2 for error in errors) / 4), rel=1e-5)
    assert grad.flatten().tolist() == pytest.approx(exact, rel=3e-5, abs=1e-38)


def test_the_right_one_hot_output_has_no_square_error():
    label = torch.tensor([[0, 2, 1]])
    loss, grad = LOSSES["mse"](functional.one_hot(label, 3).float(), label)
    assert loss.item() == 0.0
    assert not grad.any()


@every_loss
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_a_diverged_cell_is_not_finite_and_touches_no_other(name, poison):
    output, label = case(4, 9, 5)
    clean = CASES[name](output.clone(), label)
    output[2, 3, 1] = poison
    poisoned = CASES[name](output, label)
    assert poisoned[0].isfinite().tolist() == [True, True, False, True]
    for before, after in zip(clean, poisoned, strict=True):
        assert torch.equal(before[[0, 1, 3]], after[[0, 1, 3]])


@every_loss
@pytest.mark.parametrize("shape", [(32, 33, 10), (7, 1, 1), (5, 257, 3), (3, 2, 33)])
def test_bits_of_a_cell_are_the_same_alone(name, shape):
    output, label = case(*shape)
    together = CASES[name](output.clone(), label)
    for cell in range(shape[0]):
        alone = CASES[name](output[cell : cell + 1].clone(), label[cell : cell + 1])
        for stacked, apart in zip(together, alone, strict=True):
            assert torch.equal(stacked[cell : cell + 1], apart)


@every_loss
def test_outputs_and_labels_stay_as_they_were(name):
    output, label = case(2, 4, 3)
    kept = output.clone(), label.clone()
    CASES[name](output, label)
    assert torch.equal(output, kept[0])
    assert torch.equal(label, kept[1])
