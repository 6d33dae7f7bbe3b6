import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets.scaling import standardize, standardize_columns, variance

FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


@settings(deadline=None)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40), st.lists(st.floats(-1e6, 1e6), max_size=10))
def test_a_column_is_that_of_exact_fractions(trained, others):
    x = np.array([*trained, *others])
    exact = [Fraction(value) for value in trained]
    mean = sum(exact) / len(exact)
    square = sum((value - mean) ** 2 for value in exact) / len(exact)
    assume(square > Fraction(1, 10**12))
    found = standardize(x, np.arange(len(trained)))
    std = math.sqrt(square)
    scale = max(map(abs, trained))
    assert found.mean == pytest.approx(float(mean), rel=1e-15, abs=4e-16 * scale)
    assert found.std == pytest.approx(std, rel=1e-9, abs=4e-16 * scale)
    np.testing.assert_allclose(found.z, [float(Fraction(v) - mean) / std for v in x], rtol=1e-9, atol=1e-9 * scale)


@settings(deadline=None)
@given(st.lists(FINITE, min_size=2, max_size=30))
def test_no_finite_numbers_are_too_large_or_too_small(values):
    assume(len(set(values)) > 1)
    found = standardize(np.array(values), np.arange(len(values)))
    assert np.isfinite([found.mean, found.std]).all()
    # No value lies further from a mean than sqrt(n - 1) deviations.
    assert np.abs(found.z).max() <= math.sqrt(len(values) - 1) * (1 + 1e-9)
    assert np.square(found.z).mean() == pytest.approx(1)
    assert found.z.mean() == pytest.approx(0, abs=1e-9)


def test_the_training_part_alone_decides():
    x = np.array([1.0, 3.0, 100.0])
    found = standardize(x, np.array([0, 1]))
    assert (found.mean, found.std, found.z.tolist()) == (2.0, 1.0, [-1.0, 1.0, 98.0])


def test_a_column_that_is_constant_in_training_is_zero_everywhere():
    found = standardize(np.array([0.1, 0.1, 0.1, 5.0]), np.array([0, 1, 2]))
    assert (found.mean, found.std, found.z.tolist()) == (0.1, 1.0, [0.0] * 4)


def test_columns_of_any_scale_come_out_alike():
    draws = np.random.default_rng(0).standard_normal((200, 1))
    scales = np.array([1e-200, 1.0, 1e200])
    z, mean, std = standardize_columns(draws * scales, np.arange(150), lambda column, row: f"{column}/{row}")
    assert z.dtype == np.float32
    np.testing.assert_allclose(mean / scales, np.repeat(draws[:150].mean(), 3), rtol=1e-12)
    np.testing.assert_allclose(std / scales, np.repeat(draws[:150].std(), 3), rtol=1e-12)
    np.testing.assert_allclose(z[:, 0], z[:, 2], rtol=1e-6)


def test_a_large_offset_costs_no_digit():
    """In single precision, a second of the year 2026 is not told from the minute."""
    seconds = 1.8e9 + np.arange(100.0)
    z, _, _ = standardize_columns(seconds[:, None], np.arange(100), lambda column, row: "")
    np.testing.assert_allclose(z[:, 0], (np.arange(100) - 49.5) / np.arange(100).std(), rtol=1e-6)


def test_what_single_precision_cannot_hold_is_refused():
    x = np.array([[0.0], [1e-30], [1e30]])
    with pytest.raises(UserError, match=r"column 0 in row 2 is 1e\+30, which in deviations of the training part"):
        standardize_columns(x, np.array([0, 1]), lambda column, row: f"column {column} in row {row}")


def test_the_variance_is_the_populations():
    y = np.random.default_rng(1).standard_normal(77).astype(np.float32)
    assert variance(y) == pytest.approx(statistics.pvariance(map(float, y)), rel=1e-12)
