"""Censored shares and log-rank tests of a whole study and of each depth."""

import pytest

from ablation.reporting.statistics.censoring import Censoring
from ablation.reporting.statistics.intervals import holm
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "tanh"], "normalization": ["none", "batch"], "depth": [2, 8], "seed": [0, 1, 2]}


def planted(cell):
    """Deep networks never arrive without batch normalization; relu is sooner."""
    if cell["depth"] == 8 and cell["normalization"] == "none":
        return Outcome(None)
    return Outcome(1 if cell["activation"] == "relu" else 3)


@pytest.mark.parametrize(
    ("whole", "by_depth", "much"),
    [(0.25, {2: 0.0, 8: 0.5}, [8]), (0.5, {2: 0.0, 8: 1.0}, [None, 8]), (0.3, {2: 0.3}, []), (0.5, {}, [None])],
)
def test_much_is_more_than_three_in_ten(whole, by_depth, much):
    assert Censoring(24, whole, by_depth).much == much


def test_shares_and_tests_are_of_the_study_and_of_each_depth(analysed):
    analysis = analysed(LEVELS, planted)
    assert analysis.censoring == Censoring(24, 0.25, {2: 0.0, 8: 0.5})
    tests = {(found.depth, found.factor): found for found in analysis.log_ranks}
    assert list(tests) == [
        (depth, factor)
        for depth in (None, 2, 8)
        for factor in ("activation", "normalization", "depth")
        if depth is None or factor != "depth"
    ]
    activation = tests[None, "activation"]
    assert (activation.soonest, activation.latest, activation.cells) == ("relu", "tanh", 24)
    assert (tests[8, "normalization"].soonest, tests[8, "normalization"].latest) == ("batch", "none")
    # At depth 2 normalization changes nothing, so there is no test and nobody is the soonest.
    same = tests[2, "normalization"]
    assert (same.test.df, same.soonest, same.latest) == (0, None, None)
    adjusted = holm([found.test.p for found in analysis.log_ranks])
    assert [found.p_holm for found in analysis.log_ranks] == pytest.approx(adjusted.tolist(), nan_ok=True)
