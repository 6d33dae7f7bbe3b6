"""What seeds can show is said by seeds and response, with where the spread is from and one line of advice."""

import re

import pandas as pd
import pytest

from ablation.reporting.statistics.power import JUDGED, SPREADS, smallest
from ablation.reporting.wording.power import LARGE, LONG, Planned, power_lines


def planned(**changes) -> Planned:
    given = {"levels": {"init": 4, "depth": 3}, "combinations": 12, "seeds": 4, "horizon": 15.0, "seconds": 60.0}
    return Planned(**{**given, **changes})


def spread(**sd: float) -> pd.DataFrame:
    """Spreads of the time to target by factor; of the other responses as much, in their units."""
    rows = [(response, factor, value, 3, 4.0, 6) for response in JUDGED for factor, value in sd.items()]
    return pd.DataFrame(rows, columns=SPREADS)


def rows(lines: list[str]) -> dict[str, list[list[str]]]:
    """The table's cells by what stands before them."""
    found: dict[str, list[list[str]]] = {}
    for line in lines:
        if match := re.match(r"  +(\d+ ?\*?) +(.*)", line):
            found.setdefault(match[1].strip(), []).append(re.split(r" {2,}", match[2].strip()))
    return found


def test_a_table_has_the_planned_seeds_among_others_alone_and_among_all_tests():
    lines = power_lines(planned(), spread(init=0.1, depth=0.1), "results/x")
    found = rows(lines)
    assert list(found) == ["3", "4 *", "5", "10", "20"]
    for name, (alone, adjusted) in found.items():
        by_itself = smallest(int(name.split()[0])) * 0.1
        assert float(alone[0]) == pytest.approx(10**by_itself, rel=0.005)
        assert float(alone[1]) == pytest.approx(by_itself, rel=0.05)
        assert float(alone[2]) == pytest.approx(100 * by_itself, rel=0.05)
        among_all = 10 ** (smallest(int(name.split()[0]), 0.05 / 12) * 0.1)
        assert float(adjusted[0]) == pytest.approx(among_all, rel=0.05)
    assert any("12 tests" in line for line in lines), "three terms of four responses"


def test_results_tell_the_spread_of_each_factor():
    told = "\n".join(power_lines(planned(), spread(init=0.1, depth=0.2, loss=0.9), "results/x"))
    found = smallest(4)
    assert f"by factor: init {10 ** (0.1 * found):.2f}, depth {10 ** (0.2 * found):.2f}\n" in told
    low, middle, high = (f"{10 ** (sd * found):.2f}" for sd in (0.1, 0.15, 0.2))
    assert f"{middle} ({low} to {high})" in told
    assert "least and the most spread of init, depth in results/x" in told
    assert "loss" not in told
    assert "6 seeds leave it open between 0.6 and 2.5 times itself" in told


@pytest.mark.parametrize(("levels", "ranging"), [({"init": 4}, False), ({"init": 4, "depth": 3}, True)])
def test_brackets_are_explained_where_there_are_some(levels, ranging):
    *table, source, _ = power_lines(
        planned(levels=levels), spread(**{x: 0.1 * n for n, x in enumerate(levels, 1)}), "r"
    )
    assert any("(" in cell for row in rows(table).values() for cells in row for cell in cells) == ranging
    assert source.startswith("in brackets: " if ranging else "by the spread of init in r, ")


def test_without_results_it_says_where_its_range_is_from_and_why():
    told = "\n".join(power_lines(planned(), None, "results/x has one seed, which tells nothing of it; "))
    assert "as measured in study=core" in told
    assert "results/x has one seed" in told
    assert "plan.from=" in told
    assert told == "\n".join(
        power_lines(planned(), spread().iloc[:0], "results/x has one seed, which tells nothing of it; ")
    ), "results of which nothing varies are none"


def test_one_seed_shows_no_effect_at_all():
    lines = power_lines(planned(seeds=1), spread(init=1e-6), "results/x")
    assert rows(lines)["1 *"] == [["none"] * 3] * 2
    assert "one seed can show no effect at all" in lines[-1]
    assert f"seed=[0,1,2,3,4], would show times that differ {10 ** (1e-6 * smallest(5)):.2f}-fold" in lines[-1]


def test_what_no_study_could_differ_by_is_none():
    told = rows(power_lines(planned(), spread(init=1.0), "results/x"))
    assert smallest(4) < 3 < smallest(3), "a thousandfold lies between"
    # The horizon is 15 epochs, and no accuracies differ by a whole.
    assert told["4 *"][0] == [f"{10 ** smallest(4):.0f}", f"{smallest(4):.2g}", "none"]
    assert told["3"][0] == ["none", f"{smallest(3):.2g}", "none"]


@pytest.mark.parametrize(
    ("sd", "seconds", "told"),
    [
        (0.02, 60.0, "will do"),
        (0.2, 60.0, "more seeds: 36 would show 1.25-fold ones, at 9 times the cost"),
        (0.02, LONG, "fewer levels, learning rates or epochs take less time"),
        (0.2, LONG, "fewer levels, and more seeds for it: 36 would show 1.25-fold ones"),
        (9.0, 60.0, "no difference of times that occurs could be shown"),
    ],
)
def test_one_line_advises_more_seeds_for_small_effects_and_fewer_levels_for_long_studies(sd, seconds, told):
    advised = [line for line in power_lines(planned(seconds=seconds), spread(init=sd), "x") if "advice: " in line]
    assert len(advised) == 1
    assert told in advised[0]


def test_the_advised_seeds_are_the_fewest_that_show_the_ratio():
    (advised,) = re.findall(r"more seeds: (\d+)", power_lines(planned(), spread(init=0.1), "x")[-1])
    assert 10 ** (0.1 * smallest(int(advised))) <= LARGE < 10 ** (0.1 * smallest(int(advised) - 1))


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"levels": {}, "combinations": 1}, "there is no effect to show"), ({"horizon": 0.0}, "Nothing is trained")],
)
def test_where_there_is_nothing_to_show_that_is_all_that_is_said(changes, told):
    (line,) = power_lines(planned(**changes), None, "")
    assert told in line


def test_of_equal_steps_the_restricted_mean_is_in_steps():
    lines = power_lines(planned(unit="steps", horizon=600.0), None, "")
    assert any("restricted mean, steps" in line for line in lines)
    by_epochs = power_lines(planned(horizon=600.0), None, "")
    assert rows(lines) == rows(by_epochs)
    long = power_lines(planned(unit="steps", seconds=2 * LONG, seeds=20), spread(init=0.01), "results/x")
    assert long[-1].endswith("fewer levels, learning rates or steps take less time")
