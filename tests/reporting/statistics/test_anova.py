"""Effects against statsmodels, and against what was planted: cover, false findings, designs that cannot be judged."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from ablation.reporting.statistics.anova import (
    anova,
    fit,
    nothing_to_judge,
    omega_interval,
    partial_omega,
)
from ablation.reporting.statistics.contrasts import blocks, fit_model
from ablation.reporting.statistics.intervals import student
from ablation.reporting.statistics.notes import Note, Remark
from tests.reporting.statistics.factorial import beyond, combinations, factorial, unit, within

STUDIES = 1600
"""Four times as many as would do, so that chance leaves the cover within half a point."""


def long_form(levels, drop, seeds, rng):
    """Random responses as y of shape (C, S), and as a table with plain names for a formula."""
    table = combinations(levels, drop)
    y = rng.normal(size=(len(table), seeds)) + rng.normal(size=seeds) + 0.5 * table["a"].cat.codes.to_numpy()[:, None]
    frame = pd.DataFrame({name: np.repeat(table[name].cat.codes.to_numpy(), seeds) for name in table})
    return y, frame.assign(seed=np.tile(np.arange(seeds), len(table)), y=y.ravel())


DESIGNS = [((2, 3, 2), (), 3), ((2, 3, 4), (1, 7, 8, 18), 2), ((3, 3, 3), (0, 5, 13, 14, 22), 4), ((2, 2, 3), (), 1)]


@pytest.mark.parametrize(("levels", "drop", "seeds"), DESIGNS)
def test_type_two_sums_of_squares_are_statsmodels(levels, drop, seeds):
    y, frame = long_form(levels, drop, seeds, np.random.default_rng(seeds))
    model = factorial(levels, seeds, drop)
    formula = "y ~ (C(a, Sum) + C(b, Sum) + C(c, Sum))**2" + (" + C(seed)" if seeds > 1 else "")
    reference = ols(formula, frame).fit()
    table = sm.stats.anova_lm(reference, typ=2)
    found = fit(y, model)
    for at, term in enumerate(model.terms):
        row = table.loc[":".join(f"C({name}, Sum)" for name in term.factors)]
        assert found.terms[at] == pytest.approx(row["sum_sq"])
        assert term.basis.shape[1] == row["df"]
    assert found.residual == pytest.approx(table.loc["Residual", "sum_sq"])
    assert model.residual_df == reference.df_resid


def test_partial_omega_is_that_of_f_and_the_interval_that_of_leaving_seeds_out():
    rng = np.random.default_rng(3)
    y, model = rng.normal(size=(24, 4)), factorial((2, 3, 4), 4)
    table = anova(y, model, 0.9)
    found = fit(y, model)
    df = table["df"]
    f = table["sum_sq"] / df / (found.residual / model.residual_df)
    assert table["omega_sq"].to_numpy() == pytest.approx((df * (f - 1) / (df * (f - 1) + 96)).to_numpy())
    whole = partial_omega(y, model)
    pseudo = [4 * whole - 3 * partial_omega(y[:, [s for s in range(4) if s != out]], model) for out in range(4)]
    low, high = student(np.array(pseudo).T, 0.9)
    assert np.array(omega_interval(y, model, 0.9)) == pytest.approx(np.clip([low, high], 0, 1))


def planted(rng, model, seeds, omega, of=0, three=0.0, varies=0.0):
    """Responses of many studies in which term ``of`` has this partial omega squared, and the others an effect too.

    The error's variance is 1, ``three`` of it of three-way interactions that every seed repeats; with ``varies`` the
    term works differently from seed to seed, which counts as error as well.
    """
    term, size = model.terms[of], len(model.basis)
    others = np.hstack([other.basis for at, other in enumerate(model.terms) if at != of])
    seedwise = rng.normal(size=(STUDIES, size, seeds)) * np.sqrt(varies * size / term.basis.shape[1])
    mean = np.sqrt(omega / (1 - omega) * (1 + varies)) * unit(rng, term.basis) + 0.3 * unit(rng, others)
    mean = mean + (np.sqrt(three) * unit(rng, beyond(model)) if three else 0)
    noise = np.sqrt(1 - three) * rng.normal(size=(STUDIES, size, seeds))
    return mean[:, None] + noise + rng.normal(size=(STUDIES, 1, seeds)) + within(term.basis, seedwise)


ERRORS = {"noise": {}, "three-way interactions": {"three": 0.8}, "seeds that differ": {"varies": 0.1}}


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("of", "omega"), [(0, 0.3), (0, 0.7), (3, 0.4)])
@pytest.mark.parametrize("seeds", [3, 10])
def test_partial_omega_is_covered(seeds, of, omega, error):
    """A main effect (0) and an interaction (3), moderate and large, whatever the error is made of."""
    model = factorial((3, 4, 5), seeds)
    y = planted(np.random.default_rng([seeds, of, int(10 * omega)]), model, seeds, omega, of, **ERRORS[error])
    low, high = omega_interval(y, model, 0.95)
    assert 0.93 <= ((low <= omega) & (omega <= high))[:, of].mean() <= 0.97


@pytest.mark.parametrize(("omega", "least"), [(0, 0.97), (0.02, 0.90)])
def test_partial_omega_that_is_next_to_nothing_is_covered_as_is_said(omega, least):
    """At zero the interval is cut off there and covers more; a little above it covers less."""
    model = factorial((3, 4, 5), 5)
    y = planted(np.random.default_rng(1), model, 5, omega)
    low, high = omega_interval(y, model, 0.95)
    assert least <= ((low <= omega) & (omega <= high))[:, 0].mean() <= least + 0.03


@pytest.mark.parametrize(("error", "most"), [("noise", 0.75), ("three-way interactions", 0.5)])
def test_a_percentile_bootstrap_over_seeds_would_not_cover(error, most):
    """Why there is none: with three seeds, of which it draws three with replacement."""
    model, rng = factorial((3, 4, 5), 3), np.random.default_rng(4)
    y = planted(rng, model, 3, 0.3, **ERRORS[error])[: STUDIES // 4]
    draws = [partial_omega(y[:, :, rng.integers(0, 3, 3)], model)[:, 0] for _ in range(200)]
    low, high = np.nanquantile(draws, [0.025, 0.975], axis=0)
    assert ((low <= 0.3) & (high >= 0.3)).mean() < most


def notes(levels, seeds, drop=()):
    return factorial(levels, seeds, drop).notes


def test_a_single_level_is_left_out_and_noted():
    assert notes((3, 1, 2), 2) == [Note(Remark.ONE_LEVEL, ("b",))]


def test_too_few_cells_for_interactions_leave_the_main_effects():
    model = factorial((3, 4), 1)
    assert [term.name for term in model.terms] == ["a", "b"]
    assert model.notes == [Note(Remark.NO_INTERACTIONS)]
    assert model.residual_df == 6


@pytest.mark.parametrize(("levels", "seeds"), [((4,), 1), ((1, 1), 3), ((2,), 1)])
def test_too_few_cells_for_anything_have_no_term(levels, seeds):
    model = factorial(levels, seeds)
    assert not model.terms
    assert model.notes
    y = np.arange(len(model.basis) * seeds, dtype=float).reshape(-1, seeds)
    assert anova(y, model, 0.95).empty
    assert nothing_to_judge(y, model) is Remark.NO_TERM


def test_aliased_factors_are_left_out_and_noted():
    """Where b has its second level just where a has, neither can be told from the other."""
    table = combinations((2, 2, 3))
    table = table[table["a"].cat.codes == table["b"].cat.codes].reset_index(drop=True)
    model = fit_model(table, ["a", "b", "c"], 2)
    assert [term.name for term in model.terms] == ["c"]
    assert {note.term for note in model.notes} == {"a", "b", "a x b", "a x c", "b x c"}
    assert {note.remark for note in model.notes} == {Remark.ALIASED}


def test_missing_combinations_are_counted_and_compared_by_brute_force():
    """Sums of squares as differences of residuals of least squares, whatever the rank."""
    drop, seeds = (0, 1, 2, 9, 14), 3
    rng = np.random.default_rng(1)
    y, model = rng.normal(size=(31, seeds)), factorial((3, 4, 3), seeds, drop)
    assert Note(Remark.PARTLY, ("a", "b"), (5, 6)) in model.notes
    table, full = combinations((3, 4, 3), drop), {}
    for names in [("a",), ("b",), ("c",), ("a", "b"), ("a", "c"), ("b", "c")]:
        full[names] = pd.get_dummies(table[list(names)].astype(str).agg("|".join, axis=1)).to_numpy(dtype=float)
    blocked = y - y.mean(axis=0)

    def left(terms):
        x = np.hstack([np.ones((31, 1)), *(full[names] for names in terms)])
        mean = blocked.mean(axis=1)
        return seeds * ((mean - x @ np.linalg.lstsq(x, mean, rcond=None)[0]) ** 2).sum()

    for at, term in enumerate(model.terms):
        others = [names for names in full if not set(term.factors) <= set(names)]
        assert fit(y, model).terms[at] == pytest.approx(left(others) - left([*others, term.factors]))


def test_a_response_without_any_difference_or_any_residual_is_not_judged():
    model = factorial((3, 4), 3)
    same = np.full((12, 3), 1.2) + np.array([0.0, 1.0, 2.0])
    assert nothing_to_judge(same, model) is Remark.CONSTANT
    exact = model.combinations["a"].to_numpy()[:, None] + np.zeros((12, 3))
    assert nothing_to_judge(exact, model) is Remark.EXPLAINED
    assert anova(same, model, 0.95).empty
    assert anova(exact, model, 0.95).empty
    assert nothing_to_judge(np.empty((0, 3)), factorial((3, 4), 3)) is Remark.NO_COMBINATION


def test_blocks_are_the_combinations_with_all_seeds():
    cells = combinations((2, 2)).loc[[0, 1, 2, 3, 0, 1, 3]].reset_index(drop=True)
    cells["seed"] = pd.Categorical([5, 5, 5, 5, 9, 9, 9])
    found, places, said = blocks(cells.iloc[::-1].reset_index(drop=True), ["a", "b"])
    assert found["a"].cat.codes.tolist() == [0, 0, 1]
    assert places.tolist() == [[6, 2], [5, 1], [3, 0]]
    assert said == [Note(Remark.LACKS_SEED, numbers=(1, 4))]


def test_what_is_not_seen_of_a_response_is_error():
    """Noise that is hidden within intervals and told as a variance counts as if it were there."""
    rng, model = np.random.default_rng(9), factorial((3, 4, 5), 4)
    signal = 2 * unit(rng, model.terms[0].basis)[:, None] + np.zeros((60, 4))
    whole = [partial_omega(signal + rng.normal(size=(60, 4)), model)[0] for _ in range(200)]
    lost = [partial_omega(signal + 0.8 * rng.normal(size=(60, 4)), model, np.full(4, 0.36 * 60))[0] for _ in range(200)]
    assert np.mean(lost) == pytest.approx(np.mean(whole), abs=0.02)
    assert nothing_to_judge(signal, model) is Remark.EXPLAINED
    assert nothing_to_judge(signal, model, np.full(4, 0.1)) is None


def test_one_seed_has_no_interval_and_no_test():
    model = factorial((3, 4, 2), 1)
    table = anova(np.random.default_rng(0).normal(size=(24, 1)), model, 0.95)
    assert table[["omega_low", "omega_high", "F", "p"]].isna().all(axis=None)
    assert table["omega_sq"].notna().all()
