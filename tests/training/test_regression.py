"""Cells that predict numbers: the same law, the same steps as a plain loop, and R squared as others compute it."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

from ablation.training.data import Data
from ablation.training.measurement import CURVE_METRICS, TEST_METRICS
from ablation.training.trainer import train
from tests.compiler import needs_compiler, needs_native
from tests.training.reference import NORMALIZED, batch, clipping, optimizer, slopes, spec, torch_loop
from tests.training.test_trainer import HUGE, mixed_cohort, same_bits


def cell(**changes):
    return spec(**{"loss": "mse", **changes})


def curve(outcome, metric):
    return outcome.curves[:, CURVE_METRICS.index(metric)]


LAW = {
    "plain": {},
    "normalized": {"norm": "before_and_input", "rule": "norm"},
    "clipped": {"rule": "global_norm", "optimizer": "nesterov"},
    "width 1": {"widths": (1, 1)},
    "width 33": {"widths": (33, 33), "activation": "elu"},
    "batch of 1": {"batch_size": 1, "epochs": 1, "examples": 20},
    "odd batch": {"batch_size": 33, "examples": 150, "activation": "relu", "norm": "after"},
    "batch of all 257": {"examples": 257, "batch_size": 257, "epochs": 2},
    "a last chunk of 1": {"val": 129},
    "residual": {"model": "residual", "widths": (9, 9, 9)},
}


@pytest.mark.parametrize(
    ("setting", "compile"),
    [(setting, "eager") for setting in LAW]
    + [pytest.param(setting, "layers", marks=needs_compiler) for setting in ("normalized", "width 33")]
    + [pytest.param(setting, "native", marks=needs_native) for setting in LAW],
)
def test_a_cell_has_the_same_bits_alone_and_anywhere_in_a_cohort(setting, compile):
    changes = dict(LAW[setting])
    data = slopes(changes.pop("examples", 64), changes.pop("val", 40))
    cells = mixed_cohort(32, compile=compile, loss="mse", **changes)
    outcomes = train(cells, data)
    for place in (0, 2, 3, 17, 31):
        assert same_bits(train([cells[place]], data)[0], outcomes[place]), place
    some = [31, 4, 0, 12, 3, 17, 2]
    for place, outcome in zip(some, train([cells[place] for place in some], data), strict=True):
        assert same_bits(outcome, outcomes[place]), place


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"widths": (1,)},
        {"widths": (9, 3, 17), "normalization": batch("after", True, momentum=0.5)},
        {"normalization": NORMALIZED["before_and_input"], "clipping": clipping("norm", 0.3)},
        {"activation": "elu", "optimizer": optimizer("nesterov"), "batch_size": 13},
        {"model": "residual", "widths": (9, 9, 9), "clipping": clipping("value", 0.05)},
    ],
)
def test_it_trains_and_is_measured_as_a_plain_loop_is(changes):
    one, data = cell(**changes), slopes(100, 140)
    outcome, trace = train([one], data)[0], torch_loop(one, data)
    torch.testing.assert_close(outcome.weights, trace.weights, rtol=0, atol=1e-5)
    sample = data.train_sample(100)
    for place, step in enumerate(outcome.curve_steps):
        net = trace.nets[step]
        for part, (x, y) in {"train": sample, "val": (data.val_x, data.val_y)}.items():
            loss, score = net.score(x, y, int(step), one.batch_size)
            assert curve(outcome, f"{part}_loss")[place] == pytest.approx(loss, rel=1e-4)
            assert curve(outcome, f"{part}_accuracy")[place] == pytest.approx(score, rel=1e-4, abs=1e-4)
    tested = trace.nets[-1].score(data.test_x, data.test_y, int(outcome.curve_steps[-1]), one.batch_size)
    assert dict(zip(TEST_METRICS, outcome.test, strict=True)) == pytest.approx(
        dict(zip(TEST_METRICS, tested, strict=True)), rel=1e-4, abs=1e-4
    )


def test_a_linear_network_comes_to_the_least_squares():
    data = slopes(400, 100, features=5)
    one = cell(activation="identity", widths=(5,), epochs=150, batch_size=400, lr=0.1)
    outcome = train([one], data)[0]
    known = LinearRegression().fit(data.train_x.double(), data.train_y.double())
    for part, x, y in (("val", data.val_x, data.val_y), ("test", data.test_x, data.test_y)):
        found = curve(outcome, "val_accuracy")[-1] if part == "val" else outcome.test[1]
        assert found == pytest.approx(known.score(x.double(), y.double()), abs=1e-3)


def test_who_guesses_the_mean_has_none_and_who_does_worse_less():
    data = slopes()
    shifted = replace(data, val_y=data.val_y + 3.0)
    silent = cell(init="zeros", epochs=1, lr=1e-30)
    for given, mean in ((data, data.val_y.mean()), (shifted, shifted.val_y.mean())):
        outcome = train([silent], given)[0]
        expected = -float(mean**2 / given.val_y.var(correction=0))
        assert curve(outcome, "val_accuracy")[-1] == pytest.approx(expected, abs=1e-5)
        assert curve(outcome, "val_accuracy")[-1] <= 0


def test_targets_that_are_all_alike_have_no_r_squared():
    data = slopes()
    outcome = train([cell(epochs=1)], replace(data, val_y=torch.ones_like(data.val_y)))[0]
    assert np.isnan(curve(outcome, "val_accuracy")).all()
    assert np.isfinite(curve(outcome, "val_loss")).all()


def test_a_cell_that_diverges_has_no_score():
    lost, kept = train([cell(lr=HUGE), cell()], slopes())
    assert lost.diverged_step is not None
    assert np.isnan(lost.test).all()
    assert np.isfinite(kept.test).all()


@needs_compiler
@pytest.mark.parametrize("norm", ["none", "before"])
def test_a_compiled_cell_learns_what_the_eager_one_does(norm):
    data = slopes()
    cells = [cell(normalization=NORMALIZED[norm], seed=seed) for seed in range(3)]
    eager, fused = train(cells, data), train([replace(each, compile="layers") for each in cells], data)
    for one, other in zip(eager, fused, strict=True):
        np.testing.assert_allclose(other.curves, one.curves, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-4)


@needs_compiler
def test_classes_and_numbers_are_not_compiled_as_one(empty):
    """The same loss of both: what was made of the one must not be taken for the other."""
    classes = Data.in_order(torch.randn(90, 4), torch.arange(90) % 3, [40, 30, 20], 3)
    one = cell(compile="layers", epochs=1)
    for data in (classes, slopes(features=4), classes):
        eager, fused = train([replace(one, compile="eager")], data)[0], train([one], data)[0]
        np.testing.assert_allclose(fused.curves, eager.curves, rtol=1e-3, atol=1e-4)
