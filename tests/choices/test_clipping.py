import inspect
import math
from fractions import Fraction
from typing import get_type_hints

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from ablation.choices import clipping
from ablation.choices.clipping import CLIPPINGS, COMPARED, UNCLIPPED, Gradient, Whole

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
    assert same == (get_type_hints(CLIPPINGS[name], include_extras=True)["gradient"] != Whole)


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


LIMITS = {torch.float32: (1.2e-38, 3.3e38), torch.float64: (2.3e-308, 1.7e308)}


def exactly(parts, threshold):
    """Return each part scaled down to the threshold, computed in fractions, and whether it was."""
    exact = [[Fraction(float(number)) for number in part] for part in parts]
    square = sum((number * number for part in exact for number in part), Fraction(0))
    limit = Fraction(threshold)
    if square <= limit * limit:
        return [[float(number) for number in part] for part in exact], False
    # sqrt(limit^2 / square) to 40 digits
    ratio = limit * limit / square
    scale = 10**40
    shift = Fraction(1)
    while ratio * shift * shift < 1:
        shift *= 2
    root = Fraction(math.isqrt(int(ratio * shift * shift * scale * scale)), scale) / shift
    return [[float(number * root) for number in part] for part in exact], True


@pytest.mark.parametrize("dtype", LIMITS)
@pytest.mark.parametrize("name", NORMS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_norms_of_any_size_are_clipped_exactly(name, dtype, data):
    low, high = LIMITS[dtype]
    exponents = st.floats(math.log(low), math.log(high))
    size = data.draw(exponents)
    # Numbers of about one size, and some far from it.
    magnitudes = data.draw(
        st.lists(st.one_of(st.floats(-9, 9).map(lambda d: size + d), exponents), min_size=4, max_size=4)
    )
    signs = data.draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=4, max_size=4))
    numbers = [
        sign * math.exp(min(max(m, math.log(low)), math.log(high))) for sign, m in zip(signs, magnitudes, strict=True)
    ]
    row = torch.tensor([numbers], dtype=dtype)
    threshold = float(torch.tensor(math.exp(data.draw(exponents)), dtype=dtype))
    clipped = row.clone()
    halves = [clipped[:, :2], clipped[:, 2:]]
    flag = CLIPPINGS[name](Gradient([clipped], halves), threshold=threshold)
    groups = [[row[0]]] if name == "global_norm" else [[row[0, :2]], [row[0, 2:]]]
    results = [exactly(parts, threshold) for parts in groups]
    expected = [number for parts, _ in results for part in parts for number in part]
    tolerance = 1e-6 if dtype == torch.float32 else 1e-14
    np.testing.assert_allclose(clipped[0].double(), expected, rtol=tolerance, atol=4 * low + 1e-290 * threshold)
    norms = [math.hypot(*(float(number) for part in parts for number in part)) for parts in groups]
    if all(abs(norm / threshold - 1) > 1e-6 for norm in norms if math.isfinite(norm)):
        assert flag.item() == any(was for _, was in results)


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize(
    ("row", "threshold", "expected"),
    [
        ([1e20, 0.0], 1.0, [1.0, 0.0]),
        ([3e38, 3e38], 1.0, [math.sqrt(0.5), math.sqrt(0.5)]),
        ([3e-30, 4e-30], 5e-31, [3e-31, 4e-31]),
        ([1e-37, 0.0], 2e-38, [2e-38, 0.0]),
        ([1e20, 1e20], 3e38, [1e20, 1e20]),
        ([1e-25, 0.0], 1.0, [1e-25, 0.0]),
        ([3e38, 0.0], 1e-30, [1e-30, 0.0]),
        ([0.0, 0.0], 1e-30, [0.0, 0.0]),
    ],
)
@pytest.mark.parametrize("looks", [True, False], ids=["eager", "without a look"])
def test_norms_beyond_the_squares_of_single_precision(name, row, threshold, expected, looks, monkeypatch):
    from ablation.choices import clipping

    if not looks:  # as on a GPU and in a compiled graph
        monkeypatch.setattr(clipping, "can_look", lambda x: False)
    others = [[0.5, 0.0], [3.0, 4.0]]
    grad = torch.tensor([row, *others])
    flag = CLIPPINGS[name](Gradient([grad], [grad]), threshold=torch.tensor([[threshold], [1.0], [1.0]]))
    np.testing.assert_allclose(grad, [expected, [0.5, 0.0], [0.6, 0.8]], rtol=1e-6, atol=1e-38)
    assert flag.tolist() == [row != expected, False, True]
    if expected == row:
        assert torch.equal(grad[0], torch.tensor(row)), "a cell that is not clipped keeps its bits"


@pytest.mark.parametrize("name", NORMS)
@pytest.mark.parametrize("neighbour", [1e30, 1e-30, 0.0, torch.inf, torch.nan])
def test_the_size_of_a_neighbour_changes_no_bit(name, neighbour):
    grad = gradients()
    alone, _ = clip(name, grad, threshold=0.5)
    beside = grad.clone()
    beside[3] = neighbour
    together, _ = clip(name, beside, threshold=0.5)
    others = [0, 1, 2, 4, 5, 6]
    assert torch.equal(alone[others], together[others])


def largest_of(name, grad, columns=TENSORS):
    """What a rule compares at most, of a gradient that comes part by part: the last part has several tensors."""
    parts = [Gradient([grad[:, block]], [grad[:, each] for each in columns if inside(each, block)]) for block in BLOCKS]
    return COMPARED[name].of_all([number for part in parts for number in COMPARED[name].of_part(part)]).squeeze(1)


def inside(tensor, block):
    return block.start <= tensor.start < block.stop


def test_every_rule_with_a_threshold_says_what_it_compares():
    assert [*COMPARED] == WITH_THRESHOLD
    assert UNCLIPPED in CLIPPINGS
    assert UNCLIPPED not in COMPARED


@pytest.mark.parametrize("name", COMPARED)
@settings(max_examples=60, deadline=None)
@given(rows=st.lists(finite_rows, min_size=3, max_size=3), factor=st.sampled_from([0.999, 1.0, 1.001]))
def test_what_is_compared_says_whether_the_rule_acts_to_the_last_digit(name, rows, factor):
    grad = torch.cat(rows)
    largest = largest_of(name, grad).tolist()
    for number in largest:
        if number < 1e-12:
            continue
        around = [factor * number, *(float(np.nextafter(np.float32(number), np.float32(end))) for end in (0, np.inf))]
        for threshold in (*around, math.nextafter(number, 0.0), math.nextafter(number, math.inf)):
            said = [COMPARED[name].acts(each, threshold=threshold) for each in largest]
            for given_as in (threshold, torch.full((3, 1), threshold)):
                clipped, flags = clip(name, grad, threshold=given_as)
                assert flags.tolist() == said
                assert all(
                    torch.equal(*pair)
                    for pair, acts in zip(zip(grad, clipped, strict=True), said, strict=True)
                    if not acts
                )


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("size", [1e-37, 1e-25, 1e-13, 1.0, 1e14, 1e16, 1e25, 3e38])
def test_of_no_size_a_gradient_passes_for_one_that_is_left_alone_and_is_not(name, size):
    grad = (gradients(16) / gradients(16).abs().max() * size).clamp(-3e38, 3e38)
    largest = largest_of(name, grad).tolist()
    for threshold in (2e-38, 1e-20, 9e-13, 1e-12, 1.0, 9e14, 1e15, 2e15, 1e30, 3e38, *largest):
        if not 1.2e-38 < threshold < 3.4e38:
            continue
        clipped, flags = clip(name, grad, threshold=threshold)
        for before, after, flag, number in zip(grad, clipped, flags.tolist(), largest, strict=True):
            if not COMPARED[name].acts(number, threshold=threshold):
                assert not flag
                assert torch.equal(before, after)


@pytest.mark.parametrize("name", COMPARED)
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_counts_as_clipped(name, poison):
    grad = gradients()
    grad[2, 20] = poison
    assert COMPARED[name].acts(largest_of(name, grad).tolist()[2], threshold=3e38)


@pytest.mark.parametrize("threshold", [1e-20, 0.05, 1.0, 1e20, torch.logspace(-2, 2, 9).unsqueeze(1)])
def test_all_tensors_in_one_go_are_clipped_to_the_bit_as_one_by_one_where_no_number_is_looked_at(
    threshold, monkeypatch
):
    monkeypatch.setattr(clipping, "can_look", lambda x: False)
    grad = gradients(9)
    grad[0], grad[1, 3], grad[2, 14], grad[3] = 0.0, torch.inf, torch.nan, 1e-30
    expected, ours = grad.clone(), grad.clone()
    flags = clipping.norm(Gradient([expected], [expected[:, columns] for columns in TENSORS]), threshold=threshold)
    seen = Gradient([ours], [ours[:, columns] for columns in TENSORS])
    assert torch.equal(clipping._scale_apart(seen, threshold), flags)
    assert np.array_equal(ours, expected, equal_nan=True)
    assert not torch.equal(ours, grad)
