"""Planted studies are what they say: real tables, times that are seen when they should be, and a truth that holds."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from statsmodels.stats.proportion import proportion_confint

from ablation.records.columns import FACTORS, TABLES
from ablation.records.files import read_results, write_manifest, write_table
from ablation.reporting.analysis import analyse
from ablation.reporting.options import Options
from tests.reporting.planted import counting, curves, reading
from tests.reporting.planted.counting import LACKS, LACKS_ONE, NOISY_FIRST, NOISY_SAID, SAID, claims, fresh_means
from tests.reporting.planted.noise import logistic, normal
from tests.reporting.planted.plan import QUARTERS, WHOLE, Plan
from tests.reporting.planted.reading import Best
from tests.reporting.planted.shares import COVER, FALSE, Tally, clopper_pearson, tallied
from tests.reporting.planted.tables import results
from tests.reporting.planted.truths import COPIES, NOISY, TRUTHS


def drawn(letter, plan, seed=0):
    return TRUTHS[letter].draw(plan, np.random.default_rng(seed))


@pytest.mark.parametrize("letter", TRUTHS)
def test_what_is_in_memory_is_what_files_would_give(letter, tmp_path):
    plan = Plan.of(2, **TRUTHS[letter].small)
    planted = results(plan, *drawn(letter, plan))
    for name, schema in TABLES.items():
        write_table(pa.Table.from_pandas(getattr(planted, name), schema, False), tmp_path / f"{name}.parquet")
    write_manifest(planted.manifest, tmp_path)
    read = read_results(tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(read, name), getattr(planted, name))
    assert {key: read.manifest[key] for key in planted.manifest} == planted.manifest


@pytest.mark.parametrize("clock", [WHOLE, QUARTERS])
def test_a_time_is_seen_at_the_first_evaluation_after_it_and_a_loss_as_it_was_planted(clock):
    plan = Plan.of(3, clock, **TRUTHS["A"].small)
    time, loss = drawn("A", plan)
    cells = analyse(results(plan, time, loss), Options()).cells
    expected = [min((at for at in clock if at >= planted), default=np.inf) for planted in 10 ** time.ravel()]
    assert cells["epochs_primary"].tolist() == expected
    assert 0.05 < np.isinf(expected).mean() < 0.25
    assert cells["best_val_loss"].to_numpy() == pytest.approx(10 ** loss.ravel(), rel=1e-9)
    assert cells["val_loss"].max() < curves.GUESSING


def test_curves_rise_to_the_target_at_the_time_and_fall_from_guessing():
    clock = np.array([0.0, 3.0, 15.0])
    assert curves.accuracy(np.array([3.0]), clock)[0, :2] == pytest.approx([0.1, 0.9])
    assert curves.loss(np.array([0.1]), clock)[0, [0, 2]] == pytest.approx([np.log(10), 0.1])
    assert curves.seen(np.array([2.9, 3.0, 16.0]), clock).tolist() == [3, 3, np.inf]


def test_main_effects_are_multiples_of_the_time_and_nothing_else_is():
    plan = Plan.of(2000, activation=("relu", "tanh"), normalization=("none", "batch"), depth=(2, 20))
    time = drawn("A", plan)[0].squeeze().mean(axis=-1)
    activation, normalization, depth = 0, 1, 2
    assert 10 ** np.diff(time, axis=normalization) == pytest.approx(0.40, abs=0.005)
    for pair in ((activation, normalization), (activation, depth), (normalization, depth)):
        assert np.diff(np.diff(time, axis=pair[0]), axis=pair[1]) == pytest.approx(0, abs=0.01)


def test_clippings_by_value_are_copies_in_so_many_combinations_and_there_in_all_seeds():
    plan = Plan.of(3, **TRUTHS["B"].factors)
    tables = results(plan, *drawn("B", plan)).curves[["val_accuracy", "val_loss"]].to_numpy()
    by_clipping = np.moveaxis(tables.reshape(*plan.shape, -1, 2), FACTORS.index("clipping"), 0)
    levels = dict(zip(plan.levels["clipping"], by_clipping, strict=True))
    same = (levels["none"] == levels["value"]).all(axis=(-2, -1))  # the seeds are the last axis but these
    assert (same.all(axis=-1) == same.any(axis=-1)).all()
    assert same.mean() == pytest.approx(COPIES, abs=0.12)
    assert not (levels["none"] == levels["global_norm"])[..., 1:, :].any()


def test_the_noisy_activation_is_the_slowest_on_fresh_seeds():
    plan = Plan.of(3, **TRUTHS["D"].factors)
    means = fresh_means("D", plan, "activation")
    assert means.pop(NOISY) > max(means.values()) + 0.4
    assert np.ptp(list(means.values())) < 0.02


@pytest.mark.parametrize("law", [normal, logistic])
def test_noise_has_mean_zero_and_standard_deviation_one(law):
    drawn = law(np.random.default_rng(0), (200_000,))
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    assert drawn.std() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(("count", "total"), [(0, 30), (1, 30), (17, 30), (30, 30)])
def test_the_interval_of_a_share(count, total):
    assert clopper_pearson(count, total) == pytest.approx(proportion_confint(count, total, method="beta"))


def test_a_bar_is_missed_where_chance_does_not_explain_it():
    assert Tally(400, {"": 28}).keeps(FALSE)
    assert not Tally(400, {"": 32}).keeps(FALSE)
    assert Tally(400, {"": 365}).keeps(COVER)
    assert not Tally(400, {"": 355}).keeps(COVER)
    assert not Tally(400, {"": 397}).keeps(COVER)
    assert Tally(400, {"a": 32, "b": 10, "c": 12, "d": 13}).keeps(FALSE)


def test_studies_are_counted_by_what_happened():
    happened = [
        {"all": {"": True}, "each": {"a": True, "b": False}},
        {"all": {"": False}, "each": {"a": True, "b": True}},
    ]
    found = tallied(happened)
    assert (found["all"].total, found["all"].counts[""]) == (2, 1)
    assert found["each"].worst() == ("a", 2)


def told(monkeypatch, letter, best):
    monkeypatch.setattr(reading, "bests", lambda _: [best])
    return claims(TRUTHS[letter], analysis=None)


LEVELS = (("tanh",), ("relu",), ("elu",))


def test_a_best_where_all_are_alike_is_a_false_claim(monkeypatch):
    careful = Best(3, ("activation",), LEVELS, LEVELS[0], False, frozenset(LEVELS))
    found = told(monkeypatch, "E", careful)
    assert [found[said] for said in (SAID, LACKS, LACKS_ONE)] == [
        {"": False},
        {"": False},
        {"activation at depth 3": False},
    ]
    bold = Best(3, ("activation",), LEVELS, LEVELS[0], True, frozenset(LEVELS[:1]))
    found = told(monkeypatch, "E", bold)
    assert [found[said] for said in (SAID, LACKS, LACKS_ONE)] == [
        {"": True},
        {"": True},
        {"activation at depth 3": True},
    ]


def test_the_noisy_level_may_be_left_out_and_not_be_first(monkeypatch):
    right = Best(3, ("activation",), LEVELS, LEVELS[2], False, frozenset([LEVELS[0], LEVELS[2]]))
    found = told(monkeypatch, "D", right)
    assert not any(found[LACKS].values())
    assert not any(found[NOISY_FIRST].values())
    wrong = Best(3, ("activation",), LEVELS, LEVELS[1], True, frozenset([LEVELS[1]]))
    found = told(monkeypatch, "D", wrong)
    assert all(found[said][""] for said in (SAID, LACKS, NOISY_SAID))
    assert found[NOISY_FIRST] == {"at depth 3": True}


def test_a_study_is_the_same_whenever_it_is_drawn():
    plan = Plan.of(3, **TRUTHS["G"].small)
    first, again, other = (counting.study("G", plan, number).cells["val_loss"] for number in (4, 4, 5))
    assert first.tolist() == again.tolist() != other.tolist()
