"""Which data and losses go together, refused before anything is trained."""

import numpy as np
import pandas as pd
import pytest
import torch

from ablation import UserError
from ablation.choices.losses import LOSSES
from ablation.records.files import read_results
from ablation.studies.plan import look_ahead
from ablation.studies.run import run_study
from ablation.studies.tasks import takes_numbers
from ablation.training.spec import Level


def refusal(study):
    with pytest.raises(UserError) as caught:
        run_study(study)
    assert "\n" not in str(caught.value)
    assert not study.results_folder.exists()
    with pytest.raises(UserError) as planned:
        look_ahead(study)
    assert str(planned.value) == str(caught.value)
    return str(caught.value)


def test_a_loss_of_classes_is_refused_where_there_are_numbers(study):
    assert refusal(study("data=diabetes")) == (
        "loss=cross_entropy: takes classes, and the targets of data=diabetes are numbers (regression); allowed: "
        "mse, without softmax"
    )
    assert refusal(study("data=diabetes", "loss=[mse,cross_entropy]")).startswith("loss=cross_entropy: takes classes")


def test_a_softmax_is_of_classes(study):
    """Of one output it is always 1, whatever the network."""
    told = refusal(study("data=diabetes", "loss=mse", "loss.mse.softmax=true"))
    assert told.startswith("loss=mse: takes classes, and the targets of data=diabetes are numbers")


def test_a_study_has_one_task(study):
    assert refusal(study("data=[digits,diabetes]", "loss=mse")) == (
        "data=[digits,diabetes]: a study is of classification or of regression; digits is classification, diabetes is "
        "regression"
    )


def test_which_losses_take_numbers_is_tried(monkeypatch):
    assert {name for name in LOSSES if takes_numbers(Level(name, {}))} == {"mse"}

    def huber(output_SBC, label_SB):
        error = output_SBC - label_SB.unsqueeze(2)
        return torch.where(error.abs() < 1, error**2 / 2, error.abs() - 0.5).mean((1, 2)), error.clamp(-1, 1)

    monkeypatch.setitem(LOSSES, "huber", huber)
    assert takes_numbers(Level("huber", {}))
    monkeypatch.setitem(LOSSES, "broken", lambda output_SBC, label_SB: (output_SBC.mean(), output_SBC))
    assert not takes_numbers(Level("broken", {}))


def test_results_of_a_regression(study):
    small = study("data=diabetes", "loss=mse", "split=[0,1]", "lr=[0.05,1e30]")
    run_study(small)
    results = read_results(small.results_folder)
    data, cells = results.manifest["data"]["diabetes"], results.cells
    assert (data["task"], data["classes"], data["n_train"]) == ("regression", None, 266)
    assert results.manifest["targets"]["diabetes"] == [0.2, 0.3, 0.4]
    assert {*data["val_variance"]} == {"0", "1"}
    finished = cells[cells["status"] == "finished"]
    assert len(finished) == 2
    for _, row in finished.iterrows():
        # The loss and R squared are of the same squares.
        variance = data["val_variance"][str(row["split"])]
        assert row["val_accuracy"] == pytest.approx(1 - row["val_loss"] / variance, abs=1e-5)
    assert cells[cells["status"] == "diverged"][["val_accuracy", "test_accuracy"]].isna().all(axis=None)
    assert results.initializers["fan_out"].iloc[-1] == 1


def test_a_table_of_ones_own_is_trained_on(study, tmp_path):
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({"a": draw.normal(1e6, 1e3, 90), "b": draw.normal(0, 1e-3, 90)})
    frame["label"] = np.where((frame["a"] - 1e6) / 1e3 + frame["b"] / 1e-3 > 0, "up", "down")
    frame.to_csv(tmp_path / "my.csv", index=False)
    small = study(
        "data=table",
        f"data.table.file={tmp_path / 'my.csv'}",
        "data.table.target=label",
        "training.epochs=20",
        "batch_size=16",
    )
    run_study(small)
    results = read_results(small.results_folder)
    assert results.manifest["targets"]["table"] == [0.8, 0.9, 0.95]
    # Columns a billion times as wide as others: without scales of their own, nothing could be learned of them.
    assert results.cells["best_val_accuracy"].iloc[0] > 0.8
