import json
import os
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from ablation import UserError
from ablation.records import files as records
from ablation.records.columns import CELLS, CURVES, LAYERS
from ablation.records.files import read_results, write_manifest
from ablation.studies import rounds, run
from ablation.studies.cells import expand
from ablation.studies.engines.cohorts import Limits
from ablation.studies.run import run_study
from ablation.studies.store import open_store
from tests.datasets.idx_files import write_half

TABLES = (*(f"{name}.parquet" for name in records.TABLES), "manifest.json")


def bytes_of(study):
    return {name: (study.results_folder / name).read_bytes() for name in TABLES}


def test_epochs_and_steps_are_those_of_the_examples_that_a_cell_has(study):
    small = study("examples=[null,256]", "label_noise=[0,1]", "order=[random,sorted]", "split=[3]")
    assert run_study(small).trained == 8
    results = read_results(small.results_folder)
    assert results.manifest["steps_per_epoch"] == {
        f"digits{view}{noise}/64": steps
        for view, steps in (("", 16), (".examples256", 4))
        for noise in ("", ".noise1.0")
    }
    assert results.manifest["factors"]["examples"] == [None, 256]
    assert results.manifest["data"]["digits"]["n_train"] == 1079
    curves = results.curves.merge(results.cells[["key", "examples", "label_noise", "order"]], on="key")
    last = curves.groupby(["examples", "label_noise", "order"], dropna=False).last()
    assert (last["epoch"] == 2).all()
    assert last.reset_index().groupby("examples", dropna=False)["step"].unique().map(list).tolist() == [[8], [32]]
    assert results.cells["val_loss"].nunique() == 8, "no two are one run"
    begun = curves[curves["step"] == 0]
    assert begun["val_loss"].unique().size == 1, "all begin alike, and are validated on the same part"
    assert begun.groupby("examples", dropna=False)["train_loss"].nunique().tolist() == [2, 2], "on other labels"


def test_minutes_are_reckoned_alike_on_every_machine_and_for_what_has_to_be_trained(study, monkeypatch):
    short, long = study("name=short", "seed=[0,1]"), study("name=long", "seed=[0,1]", "training.epochs=64")
    clipped = study("name=clipped", "clipping=[none,value]", "clipping.value.threshold=1e6", "seed=[0,1]")
    reckoned = {}
    for each in (short, long, clipped):
        run_study(each)
        reckoned[each.name] = read_results(each.results_folder).manifest["reckoned_seconds"]
    assert 0 < 2 * reckoned["short"] < reckoned["long"]
    assert reckoned["clipped"] < 1.5 * reckoned["short"], "a clipping that never acts is known without"
    monkeypatch.setattr(run, "cohort_limits", lambda device, measured: Limits(2**20, 1))
    run_study(long)
    assert read_results(long.results_folder).manifest["reckoned_seconds"] == reckoned["long"]


def test_a_study_leaves_what_the_contract_promises(study):
    small = study("activation=[relu,tanh]", "lr=[0.1,1e30]", "seed=[0,1]")
    summary = run_study(small)
    results = read_results(small.results_folder)
    cells, manifest = results.cells, results.manifest
    assert (summary.cells, summary.trained, len(cells)) == (8, 8, 8)
    assert (cells.status == "diverged").sum() == summary.diverged > 0
    assert cells.key.is_monotonic_increasing
    for name, schema in (("cells", CELLS), ("curves", CURVES), ("layers", LAYERS)):
        assert pq.read_schema(small.results_folder / f"{name}.parquet").names == schema.names
    finished = cells[cells.status == "finished"]
    assert (
        finished[["train_loss", "val_loss", "test_loss", "test_accuracy", "best_val_accuracy"]].notna().all(axis=None)
    )
    assert finished.diverged_step.isna().all()
    diverged = cells[cells.status == "diverged"]
    assert diverged.diverged_step.notna().all()
    assert diverged[["train_loss", "val_loss", "test_loss", "test_accuracy"]].isna().all(axis=None)

    curves = results.curves.merge(finished, on="key", suffixes=("", "_end"))
    last = curves.sort_values("step").groupby("key").last()
    assert (last.epoch == 2).all()
    np.testing.assert_array_equal(last.val_loss, last.val_loss_end.astype(np.float32))
    assert (curves.groupby("key").val_accuracy.max() == last.best_val_accuracy.astype(np.float32)).all()
    steps = set(results.layers.merge(finished, on="key").step)
    evaluated = [0, 4, 8, 12, 16, 20, 24, 28, 32]  # at 0, 0.25, ... of 16 steps an epoch
    assert steps == {1, 2, *evaluated}
    assert curves[curves.key == finished.key.iloc[0]].step.tolist() == evaluated
    np.testing.assert_allclose(curves.epoch, curves.step / 16)
    assert set(results.layers.layer) == {1, 2}
    # Right answers out of so many of the test part.
    right = finished.test_accuracy * manifest["data"]["digits"]["n_test"]
    np.testing.assert_allclose(right, right.round(), atol=1e-4)
    assert (finished.test_accuracy != finished.val_accuracy).any()
    late = results.curves.merge(diverged[["key", "diverged_step"]], on="key")
    assert (late.step < late.diverged_step).all()

    assert manifest["cells"]["expected"] == 8
    assert manifest["cells"]["finished"] + manifest["cells"]["diverged"] == 8
    assert manifest["factors"]["activation"] == ["relu", "tanh"]
    assert manifest["activations"] == {"relu": {"bounded": False}, "tanh": {"bounded": True}}
    assert manifest["targets"]["digits"] == [0.85, 0.9, 0.95]
    assert [manifest["data"]["digits"][name] for name in ("n_train", "n_val", "n_test")] == [1079, 359, 359]
    assert manifest["steps_per_epoch"] == {"digits/64": 16}
    timing = json.loads((small.results_folder / "timing.json").read_text())
    assert timing["cells_trained"] == 8
    assert timing["run_steps"] == len(finished) * 32 + diverged.diverged_step.sum()


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_each_split_trains_on_its_own_data_with_the_same_draws_and_batches(study, engine):
    both = study("split=[0,5]", "seed=[0,1]", f"engine={engine}")
    assert run_study(both).trained == 4
    results = read_results(both.results_folder)
    cells = results.cells.sort_values(["split", "seed"], ignore_index=True)
    assert cells.split.tolist() == [0, 0, 5, 5]
    assert len(set(cells.test_loss)) == len(set(cells.val_loss)) == 4
    assert set(results.manifest["data"]["digits"]["digests"]) == {"0", "5"}
    # The same weights to begin with, on other examples.
    start = results.layers[(results.layers.step == 0) & (results.layers.layer == 1)].set_index("key").loc[cells.key]
    assert start.weight_norm.tolist()[:2] == start.weight_norm.tolist()[2:]
    assert len(set(start.preact_mean)) == 4
    assert run_study(study("split=5", "seed=1")).trained == 0


@pytest.mark.parametrize("engine", ["serial", "processes", "ray"])
def test_a_second_run_trains_nothing_and_changes_no_byte(study, engine):
    run_study(study("seed=[0,1]"))
    small = study("seed=[0,1]", f"engine={engine}")
    run_study(small)
    before = bytes_of(small)
    assert run_study(small).trained == 0
    assert bytes_of(small) == before


def test_the_timing_is_that_of_the_last_run_that_trained_something(study):
    small = study("seed=[0,1]")
    run_study(small)
    before, timing = bytes_of(small), (small.results_folder / "timing.json").read_bytes()
    assert run_study(small).trained == 0
    assert bytes_of(small) == before
    assert (small.results_folder / "timing.json").read_bytes() == timing, "of the last run that trained something"


def test_a_new_level_pays_for_its_own_cells_only(study):
    run_study(study("seed=[0,1]"))
    assert run_study(study("seed=[0,1,2]", "name=more")).trained == 1
    assert run_study(study("seed=[1]", "name=fewer")).trained == 0


def test_neither_engine_nor_names_nor_an_interruption_change_a_byte(study, tmp_path, monkeypatch):
    overrides = ("activation=[relu,tanh]", "seed=[0,1,2]")
    whole = study(*overrides)
    run_study(whole)
    other = tmp_path / "other"
    again = replace(
        study(*overrides, "engine=processes", "engine.workers=2"),
        results_folder=other / "results",
        store_folder=other / "store",
    )

    def interrupted(cohorts, *rest):
        yield next(iter(run_cohorts(cohorts[:1], *rest)))
        raise KeyboardInterrupt

    run_cohorts = rounds.run_cohorts
    monkeypatch.setattr(rounds, "run_cohorts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(again)
    assert [path.name for path in again.results_folder.iterdir()] == ["unfinished.json"]
    monkeypatch.setattr(rounds, "run_cohorts", run_cohorts)
    assert run_study(again).trained == 3, "one of two cohorts was kept"
    assert bytes_of(again) == bytes_of(whole)


def test_a_batch_larger_than_the_data_is_refused_before_training(study):
    with pytest.raises(UserError, match=r"batch_size=2000: data digits has 1079 training examples"):
        run_study(study("batch_size=2000"))
    with pytest.raises(UserError, match="batch_size=1: batch normalization"):
        run_study(study("batch_size=1", "normalization=batch"))
    assert not study().results_folder.exists()


def test_more_batches_than_the_data_have_are_refused_before_training(study):
    told = r"training.gradient_batches=5 batch_size=256: disjoint batches of 1280 .* has 1079 .* with it: up to 4"
    with pytest.raises(UserError, match=told):
        run_study(study("batch_size=[8,256]", "training.gradient_batches=5"))
    told = r"training.gradient_batches=4 batch_size=600: .* allowed are smaller batches, of up to 269"
    with pytest.raises(UserError, match=told):
        run_study(study("batch_size=600", "training.gradient_batches=4"))
    assert not study().results_folder.exists()


def test_of_equal_steps_cells_of_all_batch_sizes_are_evaluated_after_the_same_ones(study):
    equal = study("batch_size=[32,512]", "training.epochs=2", "training.steps=20", "training.gradient_batches=2")
    run_study(equal)
    results = read_results(equal.results_folder)
    assert results.manifest["horizon"] == {"steps": 20}
    sizes = results.cells.set_index("key")["batch_size"]
    for key, curve in results.curves.groupby("key"):
        assert curve["step"].max() == 20
        assert curve["step"].tolist() == results.curves["step"].unique().tolist()
        per_epoch = 1079 // sizes[key]
        assert curve["epoch"].tolist() == (curve["step"] / per_epoch).tolist()
    assert results.curves["gradient_snr"].notna().all()


@pytest.mark.parametrize("overrides", [("depth=1", "width=1"), ("batch_size=1079",), ("batch_size=1", "depth=1")])
def test_the_smallest_and_the_largest_work(study, overrides):
    extreme = study(*overrides, "training.epochs=1")
    assert run_study(extreme).cells == 1
    assert read_results(extreme.results_folder).cells.status.tolist() == ["finished"]


def test_all_cells_may_diverge(study):
    lost = study("lr=[1e30]", "seed=[0,1]")
    assert run_study(lost).diverged == 2
    results = read_results(lost.results_folder)
    assert (results.cells.status == "diverged").all()
    assert 0 in set(results.curves.step)
    assert results.curves.step.max() < 16, "none at the first epoch's end"


def test_a_missing_cell_is_an_error_that_names_it(study):
    small = study("seed=[0,1]")
    run_study(small)
    path = small.results_folder / "cells.parquet"
    kept = pd.read_parquet(path).query("seed == 1")
    kept.to_parquet(path)
    write_manifest(json.loads((small.results_folder / "manifest.json").read_text("utf-8")), small.results_folder)
    with pytest.raises(UserError, match=r"1 planned cells are missing, the first is he_normal-relu-.*-s0"):
        read_results(small.results_folder)


def test_a_lost_store_is_trained_anew_to_the_same_bytes(study):
    small = study()
    run_study(small)
    before = bytes_of(small)
    (small.store_folder / "results.sqlite").unlink()
    assert run_study(small).trained == 1
    assert bytes_of(small) == before


def change(study, statement):
    """Change one cell of the store behind its back; return the cell's key."""
    with closing(sqlite3.connect(study.store_folder / "results.sqlite")) as connection, connection:
        first, second = (key for (key,) in connection.execute("SELECT key FROM cells ORDER BY key LIMIT 2"))
        assert connection.execute(statement, {"first": first, "second": second}).rowcount == 1
    return first


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cells SET layers = zeroblob(length(layers)) WHERE key = :first",
        "UPDATE cells SET curves = substr(curves, 1, 8) || x'41' || substr(curves, 10) WHERE key = :first",
        "UPDATE cells SET outcome = replace(outcome, 'null', '7') WHERE key = :first",
        "UPDATE cells SET layers = (SELECT layers FROM cells WHERE key = :second) WHERE key = :first",
        "UPDATE cells SET (curves, layers, outcome) = (SELECT curves, layers, outcome FROM cells WHERE key = :second) "
        "WHERE key = :first",
    ],
)
def test_a_damaged_cell_is_named_and_trained_again_to_the_same_bytes(statement, study, capsys):
    small = study("seed=[0,1,2]")
    run_study(small)
    before = bytes_of(small)
    key = change(small, statement)
    (name,) = read_results(small.results_folder).cells.set_index("key").loc[[key], "cell"]
    capsys.readouterr()
    assert run_study(small).trained == 1
    (told,) = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert told == f"{small.store_folder}: 1 of its cells are damaged and trained again: {name}"
    assert bytes_of(small) == before
    assert run_study(small).trained == 0
    assert "are damaged" not in capsys.readouterr().err


def test_a_damaged_cell_that_a_study_does_not_need_is_no_matter_to_it(study, capsys):
    run_study(study("seed=[0,1]"))
    key = change(study(), "UPDATE cells SET layers = x'00' WHERE key = :first")
    run_study(study("seed=[2]"))
    assert "are damaged" not in capsys.readouterr().err
    with open_store(study().store_folder, "one") as store:
        assert store.drop_damaged([key]) == [key]


def test_a_damaged_store_is_salvaged_and_the_rest_trained_to_the_same_bytes(study, capsys):
    small = study("seed=[0,1,2,3]", "width=64")
    run_study(small)
    before = bytes_of(small)
    path = small.store_folder / "results.sqlite"
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)
    path.write_bytes(content)
    capsys.readouterr()
    trained = run_study(small).trained
    told = capsys.readouterr().err
    assert 0 < trained < 4
    assert f"{small.store_folder}: {trained} of its cells are damaged and trained again: he_normal-relu-" in told
    assert f"the cells of it that are whole ({4 - trained}) are kept, the damaged file is results.damaged-1" in told
    assert bytes_of(small) == before
    assert run_study(small).trained == 0


@pytest.mark.parametrize("name", TABLES)
def test_damaged_results_are_refused_and_the_next_run_writes_them_again(name, study):
    small = study("seed=[0,1]")
    run_study(small)
    before = bytes_of(small)
    path = small.results_folder / name
    for place in range(0, len(before[name]), max(1, len(before[name]) // 20)):
        changed = bytearray(before[name])
        changed[place] ^= 1
        path.write_bytes(changed)
        if name != "manifest.json" or not changed[place : place + 1].isspace():
            with pytest.raises(UserError, match="run the study again"):
                read_results(small.results_folder)
    assert run_study(small).trained == 0
    assert bytes_of(small) == before
    read_results(small.results_folder)


@pytest.mark.parametrize("moved", range(len(TABLES)))
def test_killed_while_results_are_put_in_place_no_mixture_is_read_and_the_next_run_mends_it(moved, study, monkeypatch):
    run_study(study("seed=[0,1]"))
    later = study("seed=[0,1]", "activation=tanh")
    replace_file, done = os.replace, []

    def killed(source, target):
        if os.path.dirname(target) == str(later.results_folder) and os.path.basename(target) in TABLES:
            if len(done) == moved:
                raise KeyboardInterrupt
            done.append(target)
        replace_file(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            run_study(later)
    if moved == 0:
        assert read_results(later.results_folder).manifest["factors"]["activation"] == ["relu"]
    else:
        with pytest.raises(UserError, match="or of another run than its manifest; run the study again"):
            read_results(later.results_folder)
    assert run_study(later).trained == 0
    assert read_results(later.results_folder).manifest["factors"]["activation"] == ["tanh"]
    assert not list(later.results_folder.glob("*.partial"))


def made_up_images(folder, seed):
    generator = np.random.default_rng(seed)
    labels = np.tile(np.arange(10, dtype=np.uint8), 12)
    write_half(folder, "train", generator.integers(0, 256, (len(labels), 4, 3), dtype=np.uint8), labels)


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_data_that_changed_under_their_name_are_trained_on_anew(engine, study, tmp_path, capsys):
    overrides = [f"engine={engine}", "data=mnist", f"data.mnist.folder={tmp_path / 'own'}", "data.mnist.verify=false"]
    small = study(*overrides)
    made_up_images(tmp_path / "own", 1)
    assert run_study(small).trained == 1
    before = bytes_of(small)
    made_up_images(tmp_path / "own", 2)
    capsys.readouterr()
    assert run_study(small).trained == 1
    (told,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("data.mnist")]
    assert "train-images-idx3-ubyte.gz changed since it was prepared: preparing it anew in" in told
    changed = bytes_of(small)
    assert changed["curves.parquet"] != before["curves.parquet"]
    fresh = replace(
        small,
        data_folder=tmp_path / "fresh" / "data",
        results_folder=tmp_path / "fresh" / "results",
        store_folder=tmp_path / "fresh" / "store",
    )
    run_study(fresh)
    assert bytes_of(fresh) == changed
    made_up_images(tmp_path / "own", 1)
    assert run_study(small).trained == 0, "what was trained on these bytes counts again"
    assert bytes_of(small) == before


def test_a_study_killed_while_it_prepares_goes_on_with_the_same_command(study):
    small = study()
    run_study(small)
    before = bytes_of(small)
    (small.data_folder / "digits.json").unlink()
    assert run_study(small).trained == 0
    assert bytes_of(small) == before


def test_while_a_study_runs_its_store_is_closed_to_others(study):
    small = study()
    with open_store(small.store_folder, "another"), pytest.raises(UserError, match="study another"):
        run_study(small)


def test_names_of_levels_may_be_hostile(study):
    small = study()
    levels = small.levels["activation"]
    hostile = replace(small, levels={**small.levels, "activation": {'<script>"%|': levels["relu"]}})
    run_study(hostile)
    assert read_results(hostile.results_folder).cells.activation.tolist() == ['<script>"%|']
    assert len(expand(hostile)) == 1


def test_a_folder_that_results_cannot_go_to_is_refused_before_training(study, tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "run_cohorts", None)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file is no folder; paths\.results= names another"):
        run_study(study(f"paths.results={tmp_path / 'file'}"))
    # Root may write everywhere, so whether a test may is asked of the same function.
    monkeypatch.setattr(run.os, "access", lambda place, mode: False)
    with pytest.raises(UserError, match=r"cannot be written to; paths\.results= names another"):
        run_study(study(f"paths.results={tmp_path / 'new'}"))
    assert not (tmp_path / "new").exists()


def test_what_the_machine_cannot_do_is_refused_before_training(study, monkeypatch):
    with pytest.raises(UserError, match=r"training\.tf32=true: only a GPU"):
        run_study(study("training.tf32=true", "device=cpu"))
    monkeypatch.setattr(run, "has_compiler", lambda: False)
    with pytest.raises(UserError, match=r"training\.compile=layers: no C\+\+ compiler"):
        run_study(study("training.compile=layers"))
