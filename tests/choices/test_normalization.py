import pytest
import torch
from torch.nn import functional

from ablation.choices.normalization import NORMALIZATIONS, BatchNormalization

CELLS, BATCH, UNITS = 3, 17, 6

double = torch.float64


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def case(cells: int = CELLS, batch: int = BATCH, units: int = UNITS, dtype: torch.dtype = torch.float32):
    """Return x, gamma, beta and the gradient of the output, columns unlike in mean and scale."""
    x = 2.0 * numbers(cells, batch, units, dtype=dtype) + 3.0 * numbers(units, seed=1, dtype=dtype)
    return (
        x,
        1.0 + 0.5 * numbers(cells, units, seed=2, dtype=dtype),
        numbers(cells, units, seed=3, dtype=dtype),
        numbers(cells, batch, units, seed=4, dtype=dtype),
    )


def torchs(x, gamma, beta, grad, epsilon=1e-3):
    """Return torch's output of one cell and its gradients with respect to x, gamma and beta."""
    leaves = [tensor.clone().requires_grad_() for tensor in (x, gamma, beta)]
    y = functional.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=epsilon)
    return y.detach(), torch.autograd.grad(y, leaves, grad)


class Wrapped(torch.autograd.Function):
    """The own forward and backward pass, so that torch can check the one against the other."""

    @staticmethod
    def forward(ctx, x, gamma, beta):
        y, ctx.statistics = BatchNormalization().forward(x, gamma, beta)
        ctx.save_for_backward(gamma)
        return y

    @staticmethod
    def backward(ctx, grad):
        return BatchNormalization().backward(grad, ctx.statistics, *ctx.saved_tensors)


def test_defaults_are_keras():
    batch = NORMALIZATIONS["batch"]()
    assert (batch.placement, batch.input, batch.epsilon, batch.momentum) == ("before", False, 1e-3, 0.99)
    assert NORMALIZATIONS["none"]() is None


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5])
@pytest.mark.parametrize("batch", [2, 3, 17, 130])
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [(torch.float32, {"rtol": 1e-4, "atol": 1e-5}), (double, {"rtol": 1e-9, "atol": 1e-11})],
)
def test_forward_and_backward_are_torchs(dtype, tolerance, batch, epsilon):
    x, gamma, beta, grad = case(batch=batch, dtype=dtype)
    normalization = BatchNormalization(epsilon=epsilon)
    y, statistics = normalization.forward(x, gamma, beta)
    own = normalization.backward(grad, statistics, gamma)
    for cell in range(CELLS):
        expected, gradients = torchs(x[cell], gamma[cell], beta[cell], grad[cell], epsilon)
        torch.testing.assert_close(y[cell], expected, **tolerance)
        for ours, theirs in zip(own, gradients, strict=True):
            torch.testing.assert_close(ours[cell], theirs, **tolerance)


@pytest.mark.parametrize("batch", [2, 5])
def test_backward_is_the_slope_of_forward_by_finite_differences(batch):
    x, gamma, beta, _ = (tensor.requires_grad_() for tensor in case(2, batch, 3, double))
    assert torch.autograd.gradcheck(Wrapped.apply, (x, gamma, beta))


def test_a_batch_is_left_with_mean_beta_and_standard_deviation_gamma():
    x, gamma, beta, _ = case(dtype=double)
    y, _ = BatchNormalization(epsilon=1e-12).forward(x, gamma, beta)
    torch.testing.assert_close(y.mean(1), beta)
    torch.testing.assert_close(y.std(1, correction=0), gamma.abs())


def test_a_constant_column_becomes_beta_and_passes_little_gradient():
    x, gamma, beta, grad = case()
    x[:, :, 2] = 1234.5
    y, statistics = BatchNormalization().forward(x, gamma, beta)
    assert torch.equal(y[:, :, 2], beta[:, None, 2].expand(-1, BATCH))
    x_grad, gamma_grad, beta_grad = BatchNormalization().backward(grad, statistics, gamma)
    expected = gamma[:, None, 2] / 1e-3**0.5 * (grad[:, :, 2] - grad[:, :, 2].mean(1, keepdim=True))
    torch.testing.assert_close(x_grad[:, :, 2], expected, rtol=1e-5, atol=1e-5)
    assert not gamma_grad[:, 2].any()
    torch.testing.assert_close(beta_grad[:, 2], grad[:, :, 2].sum(1))


def test_a_large_mean_costs_no_accuracy():
    x, gamma, beta, _ = case(dtype=double)
    exact, _ = BatchNormalization().forward(x + 4096.0, gamma, beta)
    y, _ = BatchNormalization().forward((x + 4096.0).float(), gamma.float(), beta.float())
    torch.testing.assert_close(y.double(), exact, rtol=0, atol=2e-3)


def test_running_statistics_by_hand():
    normalization = BatchNormalization(momentum=0.75)
    mean, variance = torch.zeros(1, 1, dtype=double), torch.ones(1, 1, dtype=double)
    unit = torch.ones(1, 1, dtype=double)
    for batch in ([1.0, 3.0], [0.0, 8.0]):
        _, statistics = normalization.forward(torch.tensor(batch, dtype=double).view(1, 2, 1), unit, unit)
        normalization.update(mean, variance, statistics)
    # Means 2 and 4, biased variances 1 and 16.
    assert mean.item() == pytest.approx(0.75 * (0.75 * 0 + 0.25 * 2) + 0.25 * 4)
    assert variance.item() == pytest.approx(0.75 * (0.75 * 1 + 0.25 * 1) + 0.25 * 16)


def test_running_statistics_are_torchs_but_for_the_bias_of_the_variance():
    normalization, steps = BatchNormalization(momentum=0.9), 12
    _, gamma, beta, _ = case()
    mean, variance = torch.zeros(CELLS, UNITS), torch.ones(CELLS, UNITS)
    theirs = torch.zeros(CELLS, UNITS), torch.ones(CELLS, UNITS)
    for step in range(steps):
        x = 2.0 * numbers(CELLS, BATCH, UNITS, seed=10 + step) + step
        _, statistics = normalization.forward(x, gamma, beta)
        normalization.update(mean, variance, statistics)
        for cell in range(CELLS):
            functional.batch_norm(x[cell], theirs[0][cell], theirs[1][cell], training=True, momentum=0.1)
    torch.testing.assert_close(mean, theirs[0])
    start = 0.9**steps
    torch.testing.assert_close(variance, start + (BATCH - 1) / BATCH * (theirs[1] - start), rtol=1e-5, atol=1e-5)


def inferred(x, gamma, beta, mean, variance):
    scale, shift = BatchNormalization().affine(gamma, beta, mean, variance)
    return torch.addcmul(shift.unsqueeze(1), x, scale.unsqueeze(1))


def test_inference_is_torchs_and_leaves_the_statistics():
    x, gamma, beta, _ = case()
    mean, variance = numbers(CELLS, UNITS, seed=5), numbers(CELLS, UNITS, seed=6).square()
    kept = mean.clone(), variance.clone()
    y = inferred(x, gamma, beta, mean, variance)
    for cell in range(CELLS):
        expected = functional.batch_norm(x[cell], mean[cell], variance[cell], gamma[cell], beta[cell], eps=1e-3)
        torch.testing.assert_close(y[cell], expected, rtol=1e-5, atol=1e-5)
    assert torch.equal(mean, kept[0])
    assert torch.equal(variance, kept[1])


def test_inputs_stay_as_they_were():
    arguments = case()
    kept = [tensor.clone() for tensor in arguments]
    x, gamma, beta, grad = arguments
    _, statistics = BatchNormalization().forward(x, gamma, beta)
    BatchNormalization().backward(grad, statistics, gamma)
    for tensor, before in zip(arguments, kept, strict=True):
        assert torch.equal(tensor, before)


@pytest.mark.parametrize("units", [1, 7, 33])
@pytest.mark.parametrize("batch", [1, 2, 33])
def test_bits_of_a_cell_are_the_same_alone_and_beside_a_diverged_one(batch, units):
    cells = 7
    x, gamma, beta, grad = case(cells, batch, units)
    x[3] = torch.nan
    mean, variance = numbers(cells, units, seed=5), numbers(cells, units, seed=6).square()

    def everything(*tensors):
        x, gamma, beta, grad, mean, variance = (tensor.clone() for tensor in tensors)
        by_running = inferred(x, gamma, beta, mean, variance)
        y, statistics = BatchNormalization().forward(x, gamma, beta)
        BatchNormalization().update(mean, variance, statistics)
        return y, by_running, *BatchNormalization().backward(grad, statistics, gamma), mean, variance

    stacked = everything(x, gamma, beta, grad, mean, variance)
    for cell in set(range(cells)) - {3}:
        alone = everything(*(tensor[cell : cell + 1] for tensor in (x, gamma, beta, grad, mean, variance)))
        for together, apart in zip(stacked, alone, strict=True):
            assert torch.equal(together[cell], apart[0])


@pytest.mark.parametrize("size", [1e-30, 1e-5, 1e18, 1e20, 3e37, 3e38])
def test_a_variance_too_large_for_its_format_is_told_and_every_other_is_kept(size):
    x, gamma, beta, _ = case()
    batch = BatchNormalization()
    whole, _ = batch.forward(x, gamma, beta)
    x = x.clone()
    x[1, :, 2] = size * torch.tensor([1.0, -1.0]).repeat(BATCH)[:BATCH]
    y, statistics = batch.forward(x, gamma, beta)
    square = x[1, :, 2].double().var(correction=0)
    if square < torch.finfo(torch.float32).max:
        expected = (x[1, :, 2].double() - x[1, :, 2].double().mean()) / (square + 1e-3).sqrt()
        torch.testing.assert_close(y[1, :, 2].double(), expected * gamma[1, 2] + beta[1, 2], rtol=1e-5, atol=1e-5)
    else:
        assert y[1, :, 2].isnan().all(), "not beta, as if the layer had gone silent"
        running = torch.zeros(CELLS, UNITS), torch.ones(CELLS, UNITS)
        batch.update(*running, statistics)
        assert batch.affine(gamma, beta, *running)[0][1, 2].isnan()
    y[1, :, 2] = whole[1, :, 2]
    assert torch.equal(y, whole)
