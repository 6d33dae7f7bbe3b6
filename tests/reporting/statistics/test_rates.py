"""The width of rates near the best: against closed forms, and as planted; edges of each optimizer's own list."""

import numpy as np
import pytest

from ablation.reporting.findings.edges import edges, widened
from ablation.reporting.statistics.rates import NEAR, multiples, seed_widths, stretch
from ablation.reporting.tables.combinations import learning_rate
from ablation.reporting.tables.gradient_health import failures
from tests.reporting.synthetic import Outcome

GUESSING = np.log(10)
OWN = {"sgd": [0.01, 0.1, 1.0, 10.0], "adam": [1e-4, 1e-3, 1e-2]}
BEST = {"sgd": 0.1, "adam": 1e-4}


def vee(best, slope):
    """A loss that rises by ``slope`` of the gain a decade, from 0.1 at ``best``; it may guess and no more."""

    def plant(cell):
        lost = slope * abs(np.log10(cell["lr"] / best[cell["optimizer"]]))
        return Outcome(best_loss=float(0.1 + min(lost, 1.0) * (GUESSING - 0.1)))

    return plant


def test_a_stretch_ends_where_the_line_between_two_rates_crosses():
    decades, lost = np.array([-3.0, -2.0, -1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0, 0.05, 0.45])
    assert stretch(decades, lost, 2) == pytest.approx((NEAR, 1 + 0.05 / 0.4, False))
    assert stretch(decades, lost, 0) == pytest.approx((0.0, NEAR, True)), "what is near again further off is not of it"
    assert stretch(decades, -lost, 4) == pytest.approx((4.0, 0.0, True)), "a loss below the best one is near it"
    assert stretch(np.array([0.0]), np.array([0.0]), 0) == (0.0, 0.0, True)


def test_a_stretch_against_a_fine_grid():
    rng = np.random.default_rng(0)
    for _ in range(50):
        decades, lost = np.sort(rng.normal(size=7)), rng.random(7) * 0.4
        at = int(rng.integers(7))
        lost[at] = 0
        found = stretch(decades, lost, at)
        for sign, end, far in ((-1, found.below, decades[0]), (1, found.above, decades[-1])):
            line = np.linspace(decades[at], far, 40_001)
            inside = np.interp(line, decades, lost) <= NEAR
            last = line[-1] if inside.all() else line[np.argmin(inside)]
            assert sign * (last - decades[at]) == pytest.approx(end, abs=1e-3)


def test_widths_are_as_planted_and_cut_at_the_end_of_each_list(analysed):
    a = analysed({"optimizer": list(OWN), "seed": range(3)}, vee(BEST, 0.25), rates=OWN)
    table = a.sensitivity.set_index("optimizer")
    assert table["tried"].to_dict() == {"sgd": 4, "adam": 3}
    assert table["best_lr"].to_dict() == BEST
    assert table.loc["sgd", ["decades", "near_from", "near_to"]].tolist() == pytest.approx([0.8, 10**-0.4, 10**0.4])
    assert table.loc["adam", ["decades", "near_from", "near_to"]].tolist() == pytest.approx([0.4, 1.0, 10**0.4])
    assert table["cut"].to_dict() == {"sgd": 0.0, "adam": 1.0}
    assert table["decades_low"].isna().all(), "seeds that agree have no interval"


def test_the_ends_are_multiples_of_the_rate_that_all_seeds_choose(analysed):
    """All seeds choose 0.1; where one of the three is left out that are best there, the others choose 1."""
    best = {0: 1.0, 1: 0.1, 2: 0.1, 3: 1.0, 4: 0.1}
    plant = lambda c: vee({"sgd": best[c["seed"]]}, 0.5 if best[c["seed"]] == 1.0 else 0.08)(c)  # noqa: E731
    a = analysed({"lr": [0.001, 0.01, 0.1, 1.0, 10.0], "seed": range(5)}, plant)
    (row,) = a.sensitivity.to_dict("records")
    assert row["best_lr"] == 0.1
    assert row["chosen"] < 1, "nested, a seed may be reported at another"
    found = seed_widths(a.cells, a.tuned, a.design.compared)
    assert set(a.tuned["lr"].astype(float)) == {0.1, 1.0}
    ends = [np.log10(0.1 * row[end]) for end in ("near_from", "near_to")]
    assert ends == pytest.approx([found["lowest"].mean(), found["highest"].mean()])
    assert row["decades"] == pytest.approx(ends[1] - ends[0])
    assert row["decades"] == pytest.approx(found["decades"].mean())


def test_an_interval_of_widths_is_students_over_seeds(analysed):
    from scipy.stats import t

    slopes = [0.2, 0.25, 0.5]
    plant = lambda c: vee(BEST, slopes[c["seed"]])(c)  # noqa: E731
    (row,) = analysed({"lr": OWN["sgd"], "seed": range(3)}, plant).sensitivity.to_dict("records")
    widths = np.array([2 * NEAR / slope for slope in slopes])
    half = t.ppf(0.975, 2) * widths.std(ddof=1) / np.sqrt(3)
    assert [row["decades"], row["decades_high"]] == pytest.approx([widths.mean(), widths.mean() + half])
    assert row["decades_low"] == pytest.approx(max(0.0, widths.mean() - half))


def test_a_seed_that_learns_nothing_has_no_width_and_all_of_them_none(analysed):
    plant = lambda c: vee(BEST, 0.25)(c) if c["seed"] else Outcome(None, best_loss=2.3)  # noqa: E731
    (row,) = analysed({"lr": OWN["sgd"], "seed": range(4)}, plant).sensitivity.to_dict("records")
    assert row["decades"] == pytest.approx(0.6), "three of 0.8 and one of none"
    assert row["near_to"] == pytest.approx(10**0.4), "of the seeds that learn"
    (row,) = analysed({"lr": OWN["sgd"], "seed": [0]}, plant).sensitivity.to_dict("records")
    assert np.isnan([row[name] for name in ("decades", "decades_low", "near_from", "cut")]).all()
    gone = analysed({"lr": OWN["sgd"], "seed": [0, 1]}, lambda _: Outcome(diverges=1)).sensitivity
    assert gone["decades"].isna().all()


def test_without_rates_to_tune_over_there_is_no_width(analysed):
    assert "decades" not in analysed({"lr": [0.1]}, lambda _: Outcome()).sensitivity
    assert "decades" not in analysed({"lr": [0.1, 1]}, lambda _: Outcome(), nuisance=()).sensitivity
    single = analysed({"optimizer": ["sgd", "adam"]}, lambda _: Outcome(), rates={"sgd": [0.1], "adam": [0.001]})
    assert not single.design.varies("lr"), "each has one rate: there is nothing to tune over"
    assert "decades" not in single.sensitivity
    assert edges(single) == []


def test_a_width_is_at_the_tuned_setting_of_what_else_is_tuned_over(analysed):
    plant = lambda c: vee(BEST, 0.25 if c["init"] == "good" else 0.0)(c) if c["init"] == "good" else Outcome(None)  # noqa: E731
    a = analysed({"init": ["bad", "good"], "lr": OWN["sgd"], "seed": [0, 1]}, plant, nuisance=("lr", "init"))
    assert a.sensitivity["decades"].tolist() == pytest.approx([0.8])


def test_edges_are_of_each_optimizers_own_list_and_the_command_widens_that(analysed):
    rates = {"adam": [1e-4, 1e-3], "momentum": [0.01, 0.1, 1.0]}
    best = {"sgd": 3.0, "adam": 1e-4, "momentum": 0.1, "nesterov": 1.0}
    a = analysed(
        {"optimizer": list(best), "lr": [1.0, 3.0], "depth": [2, 5], "seed": [0, 1]}, vee(best, 0.25), rates=rates
    )
    found = a.sensitivity.groupby("optimizer", observed=True)["at_edge"].unique().map(list).to_dict()
    assert found == {"sgd": ["lr high"], "adam": ["lr low"], "momentum": [""], "nesterov": ["lr low"]}
    (text,) = edges(a)
    assert "edge of the values tried, each optimizer's own, in 6 of 8 combinations (2 at the highest lr and 4" in text
    assert "'optimizer.adam.lr=[1e-05,0.0001,0.001]' 'lr=[0.3,1,3,9]'" in text
    assert "momentum.lr" not in text
    a.manifest["overrides"] += ["lr=[1,3]", "+optimizer.adam.lr=[1e-4,1e-3]", "depth=[2,5]"]
    (text,) = edges(a)
    assert "'depth=[2,5]' 'optimizer.adam.lr=[1e-05,0.0001,0.001]' 'lr=[0.3,1,3,9]'" in text
    assert text.count("lr=") == 2, "each key stands once"


@pytest.mark.parametrize(
    ("levels", "below", "above"),
    [
        ([0.01, 0.1, 1.0], 0.001, 10.0),
        ([0.003, 0.01, 0.03], 0.001, 0.1),
        ([0.01, 0.03, 0.1, 0.3, 1.0], 0.003, 3.0),
        ([1.0, 3.0], 0.3, 9.0),
    ],
)
def test_a_list_goes_on_as_it_is_spaced(levels, below, above):
    assert widened(levels, True, True, whole=False) == [below, *levels, above]
    assert widened(levels, False, False, whole=False) == levels
    assert widened([16, 32, 64], True, True, whole=True) == [8, 16, 32, 64, 128]


def test_an_optimizer_that_is_tuned_over_has_its_own_edges(analysed):
    plant = vee({"sgd": 0.1, "adam": 1e-2}, 0.3)
    a = analysed({"optimizer": list(OWN)}, plant, rates=OWN, nuisance=("optimizer", "lr"))
    (row,) = a.sensitivity.to_dict("records")
    assert (row["best_optimizer"], row["best_lr"], row["at_edge"], row["tried"]) == ("sgd", 0.1, "", 7)


def test_rates_are_counted_as_multiples_where_they_have_no_common_meaning(analysed):
    a = analysed({"optimizer": list(OWN), "seed": [0, 1]}, vee({"sgd": 0.1, "adam": 1e-3}, 0.25), rates=OWN)
    assert sorted(set(multiples(a.cells, a.design).round(6))) == [0.1, 1.0, 10.0, 100.0]
    frame = failures(a).frame
    assert "lr" not in set(frame["factor"])
    counts = frame[frame["factor"] == "lr over best"].set_index("level")["cells"]
    assert counts.to_dict() == {"0.1": 4, "1": 4, "10": 4, "100": 2}
    assert "lr (3 to 4 values, each optimizer's own)" in learning_rate(a).caption
    common = analysed({"lr": [0.1, 1.0], "seed": [0, 1]}, lambda _: Outcome())
    assert "lr" in set(failures(common).frame["factor"])
