"""Who is among the best: in as many studies as is said, and called the best alone in no more."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from ablation.reporting.statistics.winners import contenders, improvement, study_winners
from tests.reporting.synthetic import Outcome

STUDIES = 400


def studies(levels, seeds, effects):
    """True means of standard deviation ``effects``, and observations with as much noise as 1, blocks and all."""
    rng = np.random.default_rng([levels, seeds])
    truth = effects * rng.normal(size=(STUDIES, levels))
    noise = rng.normal(size=(STUDIES, levels, seeds)) + 2 * rng.normal(size=(STUDIES, 1, seeds))
    return truth, truth[:, :, None] + noise


def inside(values, level):
    return contenders(values, np.zeros(len(values)), int(values.mean(axis=1).argmin()), level)


@pytest.mark.parametrize("effects", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(("levels", "seeds"), [(2, 3), (5, 3), (9, 5), (20, 5)])
def test_the_best_is_among_the_contenders(levels, seeds, effects):
    truth, seen = studies(levels, seeds, effects)
    level = 0.05 / (levels * (levels - 1))
    kept = [inside(values, level)[at] for values, at in zip(seen, truth.argmin(axis=1), strict=True)]
    assert np.mean(kept) >= 0.95


@pytest.mark.parametrize(("levels", "seeds"), [(2, 3), (2, 10), (5, 5)])
def test_where_all_are_alike_one_alone_is_called_the_best_in_five_of_a_hundred(levels, seeds):
    _, seen = studies(levels, seeds, 0.0)
    alone = np.mean([inside(values, 0.05 / (levels * (levels - 1))).sum() == 1 for values in seen])
    assert alone <= stats.binom.ppf(0.999, STUDIES, 0.05) / STUDIES


@pytest.mark.parametrize("kind", ["alike", "groups that share their luck", "some far noisier"])
def test_of_a_hundred_that_are_alike_none_is_left_out(kind):
    """In three contests of a table, as of three depths, with three seeds: in one study of 20 at most."""
    rng, many, level = np.random.default_rng(5), 100, 0.05 / (2 * 3 * 100 * 99)
    group = np.arange(many) % 5
    lost = 0
    for _ in range(STUDIES):
        values = rng.normal(size=(many, 3)) + rng.normal(size=(1, 3))
        if kind == "groups that share their luck":
            values += 1.2 * rng.normal(size=(5, 3))[group]
        if kind == "some far noisier":
            values *= np.where(group, 1.0, 4.4)[:, None]
        lost += not inside(values, level).all()
    assert 3 * lost / STUDIES <= 0.05


def test_two_levels_are_the_two_sided_paired_t_test():
    _, seen = studies(2, 4, 1.0)
    for values in seen[:50]:
        p = stats.ttest_rel(*values).pvalue
        assert (inside(values, 0.05 / 2).sum() == 1) == (p < 0.05)


def test_clear_losers_are_no_contenders():
    values = np.array([[1.0, 1.1, 0.9], [1.1, 1.0, 1.0], [9.0, 9.2, 9.15]])
    assert contenders(values, np.zeros(3), 0, 0.025).tolist() == [True, True, False]


def test_seeds_that_agree_are_no_surer_than_evaluations_are_close():
    """Two and fifteen epochs are told apart by three seeds that agree, one and a quarter and one and a half are not."""
    near, far = np.array([[1.25] * 3, [1.5] * 3]), np.array([[2.0] * 3, [15.0] * 3])
    blur = np.array([0.25**2, 0.25**2]) / 12 / 3
    assert contenders(near, blur, 0, 0.005).tolist() == [True, True]
    assert contenders(far, blur, 0, 0.005).tolist() == [True, False]


def test_one_seed_tells_nothing_and_one_level_everything():
    assert contenders(np.array([[1.0], [2.0]]), np.zeros(2), 0, 0.05).all()
    assert contenders(np.array([[1.0, 2.0]]), np.zeros(1), 0, 0.05).tolist() == [True]


def test_improvement_is_the_share_of_problems_by_counting():
    rng = np.random.default_rng(0)
    first, second = rng.integers(1, 5, (20, 3)).astype(float), rng.integers(1, 5, (20, 3)).astype(float)
    first[4, 1] = np.nan
    expected = []
    for seed in range(3):
        pairs = [(a, b) for a, b in zip(first[:, seed], second[:, seed], strict=True) if not np.isnan(a)]
        expected.append(sum((a < b) + (a == b) / 2 for a, b in pairs) / len(pairs))
    assert improvement(first, second) == pytest.approx(expected)
    # The Mann-Whitney U of one pair a problem: of single cells it is the sign alone.
    assert improvement(np.array([[1.0]]), np.array([[2.0]])).tolist() == [1]


LEVELS = {
    "activation": ["relu", "tanh", "elu"],
    "normalization": ["none", "batch"],
    "depth": [2, 8],
    "seed": list(range(8)),
}


def planted(cell):
    """elu is far ahead at depth 2 and level with tanh at depth 8; normalization changes nothing but a little by "
    "chance."""
    jitter = 0.1 * ((cell["seed"] * 7 + len(cell["activation"]) * 3 + (cell["normalization"] == "batch") * 5) % 9)
    own = {"relu": 4.0, "tanh": 3.0, "elu": 1.0 if cell["depth"] == 2 else 3.0}[cell["activation"]]
    return Outcome(own + round(jitter))


def test_a_study_names_the_best_alone_only_where_it_is_known(analysed):
    analysis = analysed(LEVELS, planted)
    found = {(winner.depth, winner.factor): winner for winner in analysis.winners}
    assert set(found) == {(depth, factor) for depth in (2, 8) for factor in ("activation", "normalization", None)}
    sole = found[2, "activation"]
    assert sole.candidates[sole.best] == ("elu",)
    assert sole.alone
    assert sole.improvement > 0.9
    level = found[8, "activation"]
    assert not level.alone
    assert {level.candidates[place][0] for place in (level.best, *level.rest)} >= {"elu", "tanh"}
    assert not found[2, "normalization"].alone


def test_all_comparisons_of_the_table_are_counted(analysed):
    """A lead that a single test would call sure is none among many: t of 3.2 with seven degrees of freedom."""
    rng = np.random.default_rng(1)
    gap = rng.normal(size=8)
    gap = (gap - gap.mean()) / gap.std(ddof=1) + 3.2 / np.sqrt(8)
    times = {"relu": 3.0 - gap, "tanh": np.full(8, 3.0)}

    def at(cell):
        return Outcome(float(times[cell["activation"]][cell["seed"]]))

    alone = analysed({"activation": ["relu", "tanh"], "seed": list(range(8))}, at)
    own = zip(alone.tuned["activation"], alone.tuned["seed"], strict=True)
    cells = alone.tuned.assign(time=[times[activation][seed] for activation, seed in own])
    assert study_winners([(3, cells)], alone.design, 0.95)[0].alone
    many = [(depth, pd.DataFrame(cells)) for depth in range(4)]
    assert not any(winner.alone for winner in study_winners(many, alone.design, 0.95))
