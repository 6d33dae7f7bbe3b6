import pytest
import torch
from torch.nn import functional

from ablation.choices.losses import LOSSES

TORCH = {
    "cross_entropy": functional.cross_entropy,
    "mse": lambda output, label: functional.mse_loss(
        output, functional.one_hot(label, output.shape[1]).to(output.dtype)
    ),
}

every_loss = pytest.mark.parametrize("name", LOSSES)


def case(cells: int, batch: int, classes: int, dtype: torch.dtype = torch.float32):
    generator = torch.Generator().manual_seed(cells + batch + classes)
    output = 3.0 * torch.randn(cells, batch, classes, generator=generator, dtype=dtype)
    return output, torch.randint(0, classes, (cells, batch), generator=generator)


@every_loss
@pytest.mark.parametrize("shape", [(3, 16, 10), (1, 1, 2), (7, 33, 1), (2, 5, 3)])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 2e-5), (torch.float64, 1e-12)])
def test_value_and_gradient_are_torchs(name, shape, dtype, rtol):
    output, label = case(*shape, dtype)
    loss, grad = LOSSES[name](output, label)
    assert grad.shape == output.shape
    for cell in range(shape[0]):
        leaf = output[cell].clone().requires_grad_()
        expected = TORCH[name](leaf, label[cell])
        torch.testing.assert_close(loss[cell], expected.detach(), rtol=rtol, atol=1e-7)
        torch.testing.assert_close(grad[cell], torch.autograd.grad(expected, leaf)[0], rtol=rtol, atol=1e-7)


@every_loss
def test_gradient_is_the_slope_of_the_loss(name):
    output, label = case(1, 3, 4, torch.float64)
    grad = LOSSES[name](output.clone(), label)[1]
    step = 1e-6
    for place in torch.cartesian_prod(torch.arange(3), torch.arange(4)).tolist():
        up, down = output.clone(), output.clone()
        up[0, place[0], place[1]] += step
        down[0, place[0], place[1]] -= step
        secant = (LOSSES[name](up, label)[0] - LOSSES[name](down, label)[0]) / (2 * step)
        assert grad[0, place[0], place[1]].item() == pytest.approx(secant.item(), rel=1e-6, abs=1e-8)


def test_extreme_outputs_give_the_exact_cross_entropy():
    output = torch.tensor([[[1e4, 0.0, -1e4], [0.0, 1e4, 0.0]]])
    loss, grad = LOSSES["cross_entropy"](output, torch.tensor([[2, 1]]))
    assert loss.item() == 1e4
    assert grad.tolist() == [[[0.5, 0.0, -0.5], [0.0, 0.0, 0.0]]]


def test_equal_outputs_cost_the_logarithm_of_the_classes():
    loss, _ = LOSSES["cross_entropy"](torch.full((2, 5, 10), 7.0), torch.zeros(2, 5, dtype=torch.int64))
    torch.testing.assert_close(loss, torch.full((2,), 10.0).log())


def test_the_right_one_hot_output_has_no_square_error():
    label = torch.tensor([[0, 2, 1]])
    loss, grad = LOSSES["mse"](functional.one_hot(label, 3).float(), label)
    assert loss.item() == 0.0
    assert not grad.any()


@every_loss
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_a_diverged_cell_is_not_finite_and_touches_no_other(name, poison):
    output, label = case(4, 9, 5)
    clean = LOSSES[name](output.clone(), label)
    output[2, 3, 1] = poison
    poisoned = LOSSES[name](output, label)
    assert poisoned[0].isfinite().tolist() == [True, True, False, True]
    for before, after in zip(clean, poisoned, strict=True):
        assert torch.equal(before[[0, 1, 3]], after[[0, 1, 3]])


@every_loss
@pytest.mark.parametrize("shape", [(32, 33, 10), (7, 1, 1), (5, 257, 3), (3, 2, 33)])
def test_bits_of_a_cell_are_the_same_alone(name, shape):
    output, label = case(*shape)
    together = LOSSES[name](output.clone(), label)
    for cell in range(shape[0]):
        alone = LOSSES[name](output[cell : cell + 1].clone(), label[cell : cell + 1])
        for stacked, apart in zip(together, alone, strict=True):
            assert torch.equal(stacked[cell : cell + 1], apart)


@every_loss
def test_outputs_and_labels_stay_as_they_were(name):
    output, label = case(2, 4, 3)
    kept = output.clone(), label.clone()
    LOSSES[name](output, label)
    assert torch.equal(output, kept[0])
    assert torch.equal(label, kept[1])
