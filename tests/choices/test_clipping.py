import inspect

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ablation.choices.clipping import CLIPPINGS, OF_THE_WHOLE, Gradient

TENSORS = [slice(0, 12), slice(12, 15), slice(15, 40), slice(40, 41)]
BLOCKS = [slice(0, 12), slice(12, 41)]
WITH_THRESHOLD = [name for name, rule in CLIPPINGS.items() if "threshold" in inspect.signature(rule).parameters]
NORMS = ["norm", "global_norm"]

every_rule = pytest.mark.parametrize("name", CLIPPINGS)
every_threshold = pytest.mark.parametrize("name", WITH_THRESHOLD)


def gradients(cells: int = 7, seed: int = 0) -> torch.Tensor:
    """Rows of norms from 0.01 to 100 or so."""
    grad = torch.randn(cells, TENSORS[-1].stop, generator=torch.Generator().manual_seed(seed))
    return grad * torch.logspace(-3, 1, cells).unsqueeze(1)


def clip(name, grad, **parameters):
    result = grad.clone()
    seen = Gradient([result[:, columns] for columns in BLOCKS], [result[:, columns] for columns in TENSORS])
    return result, CLIPPINGS[name](seen, **parameters)


def torchs(name, row, threshold):
    """Clip one cell's gradient as torch does, each tensor a parameter."""
    parameters = [nn.Parameter(torch.zeros(columns.stop - columns.start, dtype=row.dtype)) for columns in TENSORS]
    for parameter, columns in zip(parameters, TENSORS, strict=True):
        parameter.grad = row[columns].clone()
    if name == "value":
        nn.utils.clip_grad_value_(parameters, threshold)
    elif name == "global_norm":
        nn.utils.clip_grad_norm_(parameters, threshold)
    elif name == "norm":
        for parameter in parameters:
            nn.utils.clip_grad_norm_([parameter], threshold)
    return torch.cat([parameter.grad for parameter in parameters])


def norms(name, row):
    """Norms that the rule looks at, in float64."""
    parts = [row[columns] for columns in TENSORS] if name == "norm" else [row]
    return [torch.linalg.vector_norm(part.double()) for part in parts]


@pytest.mark.parametrize("threshold", [0.05, 1.0, 30.0])
@pytest.mark.parametrize("name", ["none", "value", "norm", "global_norm"])
def test_every_cell_is_clipped_as_torch_clips_it(name, threshold):
    grad = gradients()
    clipped, _ = clip(name, grad, **({} if name == "none" else {"threshold": threshold}))
    for row, expected in zip(clipped, grad, strict=True):
        # Torch adds 1e-6 to the norm.
        torch.testing.assert_close(row, torchs(name, expected, threshold), rtol=1e-4, atol=1e-9)


@every_threshold
def test_a_rule_that_need_not_see_the_whole_gives_the_same_bits_part_by_part(name):
    grad = gradients(16)
    whole, flag = clip(name, grad, threshold=0.5)
    parts, flags = grad.clone(), []
    for columns in TENSORS:
        part = parts[:, columns]
        flags.append(CLIPPINGS[name](Gradient([part], [part]), threshold=0.5))
    same = torch.equal(parts, whole) and torch.equal(torch.stack(flags).any(0), flag)
    assert same == (name not in OF_THE_WHOLE)


@every_threshold
def test_the_flag_says_which_cells_were_changed(name):
    grad = gradients(32)
    clipped, flag = clip(name, grad, threshold=0.5)
    assert flag.dtype == torch.bool
    assert flag.tolist() == [not torch.equal(*rows) for rows in zip(grad, clipped, strict=True)]
    assert flag.any()
    assert not flag.all()


def test_none_changes_nothing_and_says_so():
    grad = gradients()
    clipped, flag = clip("none", grad)
    assert torch.equal(clipped, grad)
    assert flag.tolist() == [False] * len(grad)


@every_threshold
@pytest.mark.parametrize("threshold", [0.1, 1.0, 1 / 3, 7.7])
def test_a_threshold_each_gives_the_bits_of_a_common_one(name, threshold):
    grad = gradients(64)
    common, flag = clip(name, grad, threshold=threshold)
    each, flag_each = clip(name, grad, threshold=torch.full((64, 1), threshold))
    assert torch.equal(common, each)
    assert torch.equal(flag, flag_each)


@every_threshold
def test_each_cell_has_its_own_threshold(name):
    grad, thresholds = gradients(32), torch.logspace(-2, 2, 32).flip(0).unsqueeze(1)
    together, flag = clip(name, grad, threshold=thresholds)
    for cell in range(32):
        alone, flag_alone = clip(name, grad[cell : cell + 1], threshold=thresholds[cell].item())
        assert torch.equal(together[cell : cell + 1], alone)
        assert flag[cell] == flag_alone[0]


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_at_the_threshold_keeps_its_bits(name):
    """Of many norms n, some have n * (1 / n) != 1."""
    for norm in torch.linspace(0.01, 60.0, 200).tolist():
        grad = torch.zeros(1, TENSORS[-1].stop)
        grad[:, 20] = norm
        clipped, flag = clip(name, grad, threshold=norm)
        assert torch.equal(clipped, grad), norm
        assert not flag.any()


@every_threshold
def test_a_zero_gradient_stays_zero(name):
    clipped, flag = clip(name, torch.zeros(3, 41), threshold=0.5)
    assert not clipped.any()
    assert not flag.any()


@every_rule
@pytest.mark.parametrize("poison", [torch.nan, torch.inf])
def test_a_diverged_cell_touches_no_other(name, poison):
    grad = gradients()
    poisoned = grad.clone()
    poisoned[2] = poison
    clean, poisoned_clean = clip(name, grad)[0], clip(name, poisoned)[0]
    others = [0, 1, 3, 4, 5, 6]
    assert torch.equal(clean[others], poisoned_clean[others])


@every_rule
def test_bits_of_a_cell_are_the_same_alone(name):
    grad = gradients(32)
    together, _ = clip(name, grad)
    for cell in range(32):
        assert torch.equal(together[cell : cell + 1], clip(name, grad[cell : cell + 1])[0])


finite_rows = st.lists(
    st.floats(-1e3, 1e3, width=32, allow_subnormal=False), min_size=TENSORS[-1].stop, max_size=TENSORS[-1].stop
).map(lambda row: torch.tensor([row]))
thresholds = st.floats(1e-3, 1e3)


@pytest.mark.parametrize("name", NORMS)
@settings(max_examples=60, deadline=None)
@given(row=finite_rows, threshold=thresholds)
def test_norms_end_at_most_at_the_threshold_and_point_the_same_way(name, row, threshold):
    clipped, _ = clip(name, row, threshold=threshold)
    before, after = norms(name, row[0]), norms(name, clipped[0])
    parts = TENSORS if name == "norm" else [slice(0, TENSORS[-1].stop)]
    for columns, old, new in zip(parts, before, after, strict=True):
        assert new <= threshold * (1 + 1e-6)
        expected = min(old.item(), threshold) / max(old.item(), 1e-300) * row[0, columns].double()
        np.testing.assert_allclose(clipped[0, columns].double(), expected, rtol=1e-5, atol=1e-30)


@settings(max_examples=60, deadline=None)
@given(row=finite_rows, threshold=thresholds)
def test_value_ends_within_the_threshold_and_clipping_again_changes_nothing(row, threshold):
    once, flag = clip("value", row, threshold=threshold)
    assert once.abs().max() <= np.float32(threshold)
    assert torch.equal(once.sign(), row.sign())
    twice, again = clip("value", once, threshold=threshold)
    assert torch.equal(once, twice)
    assert not again.item()
    assert flag.item() == (row.abs().max().item() > np.float32(threshold))


@pytest.mark.parametrize("name", NORMS)
@settings(max_examples=60, deadline=None)
@given(row=finite_rows, threshold=thresholds)
def test_norms_below_the_threshold_keep_their_bits(name, row, threshold):
    clipped, flag = clip(name, row, threshold=threshold)
    if max(norms(name, row[0])) < threshold * (1 - 1e-6):
        assert torch.equal(clipped, row)
        assert not flag.item()
