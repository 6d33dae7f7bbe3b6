"""What is known by an unclipped cell is what training gives: the store's rows and the results' bytes."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
import torch

from ablation.records.files import read_results
from ablation.studies import known, rounds, run
from ablation.studies.cells import expand
from ablation.studies.engines.losses import LostError
from ablation.studies.known import Waiting, siblings
from ablation.studies.run import run_study
from ablation.studies.store import open_store
from tests.studies.test_run import bytes_of

EVERY = (
    "clipping=[none,value,norm,global_norm]",
    "clipping.norm.threshold=0.8",
    "clipping.global_norm.threshold=2.0",
    "+clipping.tight={kind: value, threshold: 0.2}",
    "+clipping.tiny={kind: norm, threshold: 1.0e-13}",
    "activation=[relu,tanh]",
    "normalization=[none,batch]",
    "optimizer=[sgd,momentum]",
    "lr=[0.1,10000.0]",
    "training.epochs=1",
)
FEW = ("clipping=[none,value]", "clipping.value.threshold=5.0", "seed=[0,1,2]")


@pytest.fixture
def all_trained(monkeypatch):
    """Train as if no cell told anything of another."""

    def switched(off: bool) -> None:
        nothing = lambda cells, missing, device: Waiting(cells, [], device)  # noqa: E731
        monkeypatch.setattr(run, "Waiting", nothing if off else Waiting)

    return switched


def elsewhere(study, tmp_path, name="other"):
    return replace(study, results_folder=tmp_path / name / "results", store_folder=tmp_path / name / "store")


def rows_of(study):
    """Return the clipped cells' rows of the store, as they lie there."""
    with closing(sqlite3.connect(study.store_folder / "results.sqlite")) as connection:
        rows = {row[0]: row for row in connection.execute("SELECT * FROM cells")}
    return {key: row for key, row in rows.items() if json.loads(row[2])["clipping"]["kind"] != "none"}


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_what_is_known_has_every_bit_of_what_is_trained(study, tmp_path, all_trained, engine):
    knowing = study(*EVERY, f"engine={engine}")
    found = run_study(knowing)
    all_trained(True)
    trained = elsewhere(study(*EVERY), tmp_path)
    assert run_study(trained).trained == found.cells == found.trained + found.known
    assert 10 < found.known < found.cells / 2
    assert rows_of(knowing) == rows_of(trained)
    assert bytes_of(knowing) == bytes_of(trained)
    # What is equal by chance, not because nothing was clipped, is counted too.
    assert read_results(knowing.results_folder).manifest["cells"]["known"] >= found.known


def test_the_terminal_and_the_timing_say_what_was_not_trained(study, capsys):
    small = study(*FEW)
    found = run_study(small)
    assert (found.trained, found.known) == (3, 3)
    assert "0 diverged, 3 known" in capsys.readouterr().err
    timing = json.loads((small.results_folder / "timing.json").read_text("utf-8"))
    assert (timing["cells_trained"], timing["cells_known"], timing["run_steps"]) == (3, 3, 3 * 32)
    assert read_results(small.results_folder).manifest["cells"]["known"] == 3


def test_a_later_study_finds_them_like_any_other(study):
    run_study(study(*FEW))
    assert run_study(study("clipping=value", *FEW[1:], "name=later")).trained == 0


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_a_study_that_was_interrupted_goes_on_with_what_it_had(study, tmp_path, monkeypatch, kept):
    """After the first cohort of unclipped cells, after both, and within the second round."""
    overrides = ("clipping=[none,value,global_norm]", "clipping.global_norm.threshold=1.5", "activation=[relu,tanh]")
    whole = study(*overrides, "seed=[0,1,2]")
    at_once = run_study(whole)
    assert at_once.known > 3
    again, count, cohorts = elsewhere(whole, tmp_path), 0, rounds.run_cohorts

    def interrupted(*arguments):
        nonlocal count
        for trained in cohorts(*arguments):
            yield trained
            count += 1
            if count == kept:
                raise KeyboardInterrupt

    monkeypatch.setattr(rounds, "run_cohorts", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_study(again)
    with open_store(again.store_folder, "look") as store:
        there = len(store.present(read_results(whole.results_folder).cells.key))
    assert there > kept * 3 - 3
    monkeypatch.setattr(rounds, "run_cohorts", cohorts)
    rest = run_study(again)
    assert rest.trained + rest.known == at_once.cells - there
    assert rest.trained < at_once.trained
    assert bytes_of(again) == bytes_of(whole)


def test_what_an_earlier_study_noted_is_used_and_what_it_did_not_is_no_matter(study, tmp_path):
    noted = study(*FEW)
    run_study(noted)
    wider = ("clipping=[none,value]", "seed=[0,1,2]", "clipping.value.threshold=7.0", "name=wider")
    found = run_study(study(*wider))
    assert (found.trained, found.known) == (0, 3), "the unclipped cells had been asked for another threshold"
    plain = elsewhere(study("seed=[0,1,2]"), tmp_path)
    run_study(plain)
    later = elsewhere(study(*FEW), tmp_path)
    found = run_study(later)
    assert (found.trained, found.known) == (3, 0), "nothing had been asked of the unclipped cells"
    assert bytes_of(later) == bytes_of(noted), "and the results say no word of it"


def test_what_was_noted_of_another_rule_is_not_believed(study, monkeypatch):
    run_study(study(*FEW))
    monkeypatch.setattr(known, "noted_as", lambda kind: f"{kind} of another version")
    found = run_study(study(*FEW, "clipping.value.threshold=7.0"))
    assert (found.trained, found.known) == (3, 0)


def test_a_rules_name_is_its_own_and_changes_with_its_code(monkeypatch):
    names = {kind: known.noted_as(kind) for kind in known.COMPARED}
    assert len({*names.values()}) == len(names)
    for place in known.COMPARED["value"]._fields:
        changed = known.COMPARED["value"]._replace(**{place: getattr(known.COMPARED["norm"], place)})
        monkeypatch.setitem(known.COMPARED, "value", changed)
        assert known.noted_as("value") != names["value"]
    monkeypatch.undo()
    monkeypatch.setitem(known.CLIPPINGS, "value", known.CLIPPINGS["norm"])
    assert known.noted_as("value") != names["value"]


def test_without_an_unclipped_level_all_is_trained(study):
    found = run_study(study("clipping=[value,norm]"))
    assert (found.trained, found.known) == (2, 0)


OWN = """
import torch
from ablation.choices.clipping import CLIPPINGS

def mine(gradient):
    return torch.zeros(gradient.blocks[0].shape[0], dtype=torch.bool)

CLIPPINGS["mine"] = mine
"""


def test_only_eager_cells_of_rules_that_say_what_they_compare_have_a_sibling(study, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    levels = (
        "clipping=[none,value,norm,global_norm,mine]",
        f"choices={tmp_path / 'own.py'}",
        "seed=[0,1]",
        "data=digits",
    )
    cells = expand(study(*levels))
    found = siblings(cells)
    assert {cells[place].spec.clipping.kind for place in found} == {"value", "norm", "global_norm"}
    assert len(found) == 6
    for place, other in found.items():
        assert replace(cells[place].spec, clipping=cells[other].spec.clipping) == cells[other].spec
        assert cells[other].spec.clipping.kind == "none"
        assert cells[place].data == cells[other].data
    assert siblings(expand(study(*levels, "training.compile=layers"))) == {}
    places = range(len(cells))
    assert Waiting(cells, places, torch.device("cpu")).awaited
    assert not Waiting(cells, places, torch.device("cuda")).awaited, "a GPU gives a cell other bits in another cohort"


def test_cells_that_are_lost_keep_no_other_from_its_turn(study, monkeypatch):
    cohorts = rounds.run_cohorts

    def losing(asked, *rest):
        """Lose the first cohort of each round."""
        yield from cohorts(asked[1:], *rest)
        raise LostError([f"{asked[0].name} of {len(asked)}"])

    monkeypatch.setattr(rounds, "run_cohorts", losing)
    small = study("clipping=[none,value]", "clipping.value.threshold=5.0", "activation=[relu,tanh]", "depth=[2,3]")
    with pytest.raises(LostError, match=r"^not trained: 0000 of 4; 0004 of 1; all other cells are kept"):
        run_study(small)
    monkeypatch.setattr(rounds, "run_cohorts", cohorts)
    assert (lambda found: (found.trained, found.known))(run_study(small)) == (1, 1)
