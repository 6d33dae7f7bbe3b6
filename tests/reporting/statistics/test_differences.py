"""Paired differences against scipy's paired t test, and how sure one can be of them."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from ablation.reporting.statistics.differences import Difference, Evidence, paired
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "elu"], "depth": [2, 5], "seed": range(5)}


def noisy(cell):
    """Times that differ between activations, depths and seeds."""
    return Outcome(1.0 + (cell["activation"] == "relu") * (1 + cell["seed"] % 3) + (cell["depth"] == 5))


def test_the_interval_is_that_of_the_paired_t_test_over_seeds_means(analysed):
    analysis = analysed(LEVELS, noisy)
    cells = analysis.cells.assign(value=np.random.default_rng(0).normal(size=len(analysis.cells)))
    first, second = cells["activation"] == "elu", cells["activation"] == "relu"
    found = paired(analysis.design, analysis.options, cells, "value", (first, second), ("activation",))
    means = [cells[side].groupby("seed", observed=True)["value"].mean() for side in (first, second)]
    expected = ttest_rel(*means).confidence_interval(0.95)
    assert found.mean == pytest.approx((means[0] - means[1]).mean())
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    assert found.seeds == 5


def test_a_cell_without_its_like_takes_no_part(analysed):
    analysis = analysed(LEVELS, noisy)
    cells = analysis.cells.assign(value=analysis.cells["epochs_primary"])
    lost = (cells["activation"] == "relu") & (cells["depth"] == 5)
    cells.loc[lost, "value"] = np.nan
    sides = cells["activation"] == "elu", cells["activation"] == "relu"
    shallow = cells["depth"] == 2
    whole = paired(analysis.design, analysis.options, cells, "value", sides, ("activation",))
    assert whole == paired(
        analysis.design, analysis.options, cells[shallow], "value", tuple(x[shallow] for x in sides), ("activation",)
    )
    cells["value"] = np.inf
    assert paired(analysis.design, analysis.options, cells, "value", sides, ("activation",)) is None


def test_several_cells_of_a_side_count_by_their_mean(analysed):
    analysis = analysed({"init": ["a", "b", "c"], "seed": range(3)}, lambda _: Outcome())
    cells = analysis.cells.assign(value=analysis.cells["init"].map({"a": 1.0, "b": 2.0, "c": 6.0}).astype(float))
    found = paired(
        analysis.design, analysis.options, cells, "value", (cells["init"] == "a", cells["init"] != "a"), ("init",)
    )
    assert found == Difference(-3.0, -3.0, -3.0, 3)


def test_sides_that_are_the_same_to_the_bit_are_copies_and_no_unclear_difference(analysed):
    levels = {"clipping": ["none", "value"], "activation": ["relu", "elu"], "seed": range(3)}

    def build(acts):
        def planted(cell):
            other = acts and cell["clipping"] == "value" and cell["seed"] == 1
            end = 0.2 + 0.1 * other + 0.01 * cell["seed"] + 0.1 * (cell["activation"] == "elu")
            return Outcome(2.0, loss=(2.4, end))

        analysis = analysed(levels, planted)
        sides = tuple(analysis.tuned["clipping"] == level for level in ("value", "none"))
        return analysis.paired(analysis.tuned, "time", sides, ("clipping",))

    assert build(acts=False).evidence is Evidence.COPIES
    assert build(acts=False).sign == 0
    assert build(acts=True).evidence is Evidence.UNCLEAR


@pytest.mark.parametrize(
    ("difference", "evidence", "sign"),
    [
        (Difference(-2.0, -3.0, -1.0, 3), Evidence.CLEAR, -1),
        (Difference(2.0, 1.0, 3.0, 3), Evidence.CLEAR, 1),
        (Difference(2.0, -1.0, 5.0, 9), Evidence.UNCLEAR, 0),
        (Difference(2.0, 2.0, 2.0, 5), Evidence.WEAK, 0),
        (Difference(2.0, 2.0, 2.0, 6), Evidence.CLEAR, 1),
        (Difference(2.0, float("nan"), float("nan"), 1), Evidence.NONE, 0),
    ],
)
def test_only_a_clear_difference_has_a_sign(difference, evidence, sign):
    assert (difference.evidence, difference.sign) == (evidence, sign)
