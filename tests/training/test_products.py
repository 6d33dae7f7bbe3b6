from itertools import product as each

import pytest
import torch

from ablation.training.products import linear, product

CELLS = [2, 7, 32]
ROWS = [1, 2, 5, 33]
WIDTHS = [1, 7, 33]

every_stack = pytest.mark.parametrize("cells", CELLS)
every_width = pytest.mark.parametrize("inner", WIDTHS)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def weights(cells: int, fan_in: int, fan_out: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a layer's views of a flat matrix, as a network has them: rows lie apart, and begin anywhere."""
    flat = numbers(cells, 3 + fan_in * fan_out + fan_out + 2, seed=1)
    end = 3 + fan_in * fan_out
    return flat[:, 3:end].view(cells, fan_in, fan_out), flat[:, end : end + fan_out]


@every_stack
@every_width
def test_a_layer_has_the_same_bits_alone(cells, inner):
    for rows, columns in each(ROWS, WIDTHS):
        x, (weight, bias) = numbers(cells, rows, inner), weights(cells, inner, columns)
        shared = x[0].expand(cells, -1, -1)
        for inputs in (x, shared):
            stacked = linear(inputs, weight, bias)
            for cell in range(cells):
                here = slice(cell, cell + 1)
                # Once where it lies, and once where a cell that was never stacked would lie.
                assert torch.equal(linear(inputs[here], weight[here], bias[here]), stacked[here]), (rows, columns)
                alone = linear(inputs[here].clone(), weight[here].clone(), bias[here].clone())
                assert torch.equal(alone, stacked[here]), (rows, columns)


@every_stack
@every_width
def test_a_product_with_a_transposed_side_has_the_same_bits_alone(cells, inner):
    for rows, columns in each(ROWS, WIDTHS):
        x, grad, (weight, _) = (
            numbers(cells, rows, inner),
            numbers(cells, rows, columns),
            weights(cells, inner, columns),
        )
        shared = x[0].expand(cells, -1, -1)
        for left, right in ((x, grad), (shared, grad), (grad.transpose(1, 2), weight.transpose(1, 2))):
            stacked = product(left.transpose(1, 2), right)
            for cell in range(cells):
                here = slice(cell, cell + 1)
                alone = product(left[here].clone().transpose(1, 2), right[here].transpose(1, 2).clone().transpose(1, 2))
                assert torch.equal(alone, stacked[here]), (rows, columns)


@pytest.mark.parametrize("cells", [1, 3])
def test_values_are_those_of_a_product_in_float64(cells):
    for rows, inner, columns in each(ROWS, WIDTHS, WIDTHS):
        x, (weight, bias) = numbers(cells, rows, inner), weights(cells, inner, columns)
        expected = torch.einsum("sbi,sio->sbo", x.double(), weight.double())
        torch.testing.assert_close(product(x, weight).double(), expected, rtol=1e-5, atol=1e-5)
        expected = expected + bias.double().unsqueeze(1)
        torch.testing.assert_close(linear(x, weight, bias).double(), expected, rtol=1e-5, atol=1e-5)


def test_a_cell_of_nan_touches_no_other():
    x, (weight, bias) = numbers(7, 5, 33), weights(7, 33, 7)
    clean = linear(x, weight, bias)
    x[3] = torch.nan
    poisoned = linear(x, weight, bias)
    assert poisoned[3].isnan().all()
    others = [0, 1, 2, 4, 5, 6]
    assert torch.equal(clean[others], poisoned[others])
