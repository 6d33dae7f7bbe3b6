"""What each response is of every cell: times within what is known of them, losses no worse than guessing."""

import numpy as np
import pandas as pd
import pytest

from ablation.reporting.design import read_design
from ablation.reporting.options import Options
from ablation.reporting.statistics import time_model
from ablation.reporting.statistics.intervals import holm
from ablation.reporting.statistics.notes import Note, Remark
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "tanh", "elu"], "normalization": ["none", "batch"], "seed": [0, 1, 2]}


def planted(cell):
    """Of six combinations one diverges with one seed, and one never arrives with another."""
    if cell["activation"] == "relu" and cell["normalization"] == "none" and cell["seed"] == 1:
        return Outcome(diverges=2)
    late = None if cell["activation"] == "tanh" and cell["seed"] == 2 else 2 + luck(cell, 3)
    return Outcome(late, loss=(2.4, 5.0 if cell["activation"] == "elu" else 0.3))


def by_name(analysis):
    return {found.response.name: found for found in analysis.effects}


def test_every_response_of_every_cell(analysed):
    analysis = analysed(LEVELS, planted)
    found, cells = by_name(analysis), analysis.tuned
    assert list(found) == ["epochs", "rmst", "val_loss", "accuracy"]
    places = found["epochs"].places
    assert places.shape == (6, 3)
    assert found["rmst"].y.tolist() == np.minimum(cells["epochs_primary"], 6).to_numpy()[places].tolist()
    gone = cells["diverged"].to_numpy()[places]
    assert (found["accuracy"].y[gone] == 0.1).all()
    assert found["accuracy"].y[~gone] == pytest.approx(cells["test_accuracy"].to_numpy(dtype=float)[places][~gone])
    loss = 10 ** found["val_loss"].y
    assert loss[gone] == pytest.approx(np.log(10))
    assert loss.max() == pytest.approx(np.log(10))  # elu ends at 5, which is worse than guessing
    assert loss.min() == pytest.approx(0.3)


def test_times_lie_within_what_is_known_of_them(analysed):
    analysis = analysed(LEVELS, planted)
    found, cells = by_name(analysis)["epochs"], analysis.tuned
    times = 10**found.y
    after, by = (cells[name].to_numpy()[found.places] for name in ("later_than", "no_later_than"))
    assert (times > after).all()
    assert (times < by).all()
    assert np.isinf(by).sum() == 2 + 1
    assert (times[np.isinf(by)] > 6).all()
    assert (found.response.unseen > 0).all()


def test_holm_counts_the_tests_of_all_responses(analysed):
    analysis = analysed(LEVELS, lambda c: Outcome(2 + luck(c, 3), loss=(2.4, 0.3 + luck(c, 5) / 10)))
    tables = [found.table for found in analysis.effects]
    p = np.concatenate([table["p"] for table in tables])
    assert np.concatenate([table["p_holm"] for table in tables]) == pytest.approx(holm(p), nan_ok=True)


@pytest.mark.parametrize(
    ("plant", "epochs", "why"),
    [
        (lambda c: Outcome(2 if c["seed"] or c["activation"] == "relu" else None), 6, None),
        (lambda c: Outcome(2 if c["seed"] else None), 6, Remark.TOO_FEW_ARRIVE),
        (lambda _: Outcome(None), 6, Remark.TOO_FEW_ARRIVE),
        (lambda _: Outcome(None), 0, Remark.UNTRAINED),
    ],
)
def test_there_is_no_model_of_times_that_nobody_had(analysed, plant, epochs, why):
    analysis = analysed(LEVELS, plant, epochs=epochs)
    found = by_name(analysis)["epochs"]
    assert found.response.why is why
    assert (len(found.times.fits), len(found.times.logistic)) == ((0, 0) if why else (3, 3))
    assert found.table.empty == (why is not None)


@pytest.mark.parametrize(
    ("training", "soonest"), [({}, 1), ({"evaluations": []}, 1), ({"evaluations": [0.25, 2.5]}, 0.25)]
)
def test_the_soonest_evaluation_is_read_off_the_manifest(analysed, training, soonest):
    manifest = dict(analysed({}, lambda _: Outcome()).manifest)
    manifest["config"] = {"training": training}
    cells = pd.DataFrame(dict(manifest["factors"]))
    assert read_design(manifest, cells, Options()).soonest == soonest


def test_very_many_interactions_are_left_out_of_the_model_of_times_and_it_is_said(analysed, monkeypatch):
    monkeypatch.setattr(time_model, "MANY", 3)
    analysis = analysed(LEVELS, lambda c: Outcome(2 + luck(c, 3), loss=(2.4, 0.3)))
    found = by_name(analysis)["epochs"]
    assert Note(Remark.MAIN_ALONE) in found.notes
    own = next(term.basis for term in found.model.terms if len(term.factors) == 2)
    linear = np.stack([fit.linear for fit in found.times.fits], axis=1)
    assert own.T @ linear == pytest.approx(np.zeros((2, 3)), abs=1e-9)
