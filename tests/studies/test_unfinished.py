"""A study that is killed half way is reported as far as it went, and as nothing else once it is finished."""

import json

import pytest

from ablation import UserError
from ablation.records.files import read_results
from ablation.records.unfinished import unfinished_text
from ablation.studies import run as run_module
from ablation.studies.run import run_study
from ablation.studies.unfinished import NAME, to_report

GRID = ["activation=[relu,tanh]", "depth=[1,2]", "lr=[0.1,0.01]", "seed=[0,1]"]


@pytest.fixture
def killed(study, monkeypatch):
    """Return a function that begins a study and ends it after so many cohorts, each of one network."""

    def begin(cohorts, *overrides):
        real = run_module.Rounds._add
        kept = []

        def stop(self, done, *rest):
            if len(kept) == cohorts:
                raise KeyboardInterrupt
            kept.extend([0] * bool(done))
            real(self, done, *rest)

        with monkeypatch.context() as patched:
            patched.setattr(run_module.Rounds, "_add", stop)
            with pytest.raises(KeyboardInterrupt):
                run_study(study(*GRID, *overrides))
        return study("seed=0")  # as the report is asked for: by the name alone

    return begin


def test_what_there_is_of_it_has_the_numbers_of_the_whole(study, killed):
    asked = killed(3)
    with to_report(asked) as there:
        partial = read_results(there.results_folder)
        folder = there.results_folder
    assert not folder.exists(), "what was gathered is taken away"
    assert len(partial.cells) == 12
    assert partial.manifest["overrides"][-1] == "seed=[0,1]", "it is the study that was begun"
    assert "of its 16 cells, 12 make whole combinations" in unfinished_text(partial.manifest)
    assert not (asked.results_folder / "cells.parquet").exists()

    run_study(study(*GRID))
    assert not (asked.results_folder / NAME).exists()
    with to_report(asked) as there:
        assert there is asked
        whole = read_results(there.results_folder)
    assert unfinished_text(whole.manifest) == ""
    both = whole.cells.set_index("cell").loc[partial.cells["cell"]].reset_index()
    assert both[partial.cells.columns].equals(partial.cells.reset_index(drop=True))
    curves = whole.curves[whole.curves["key"].isin(partial.cells["key"])].reset_index(drop=True)
    assert curves.equals(partial.curves)


def test_a_combination_without_all_its_seeds_is_left_out(study, killed):
    run_study(study("depth=1", "lr=0.1", "seed=0"))  # the store has one cell of it
    asked = killed(0)
    with pytest.raises(UserError, match=r"1 of its 16 cells are, and no combination has all .*; go on with python"):
        to_report(asked).__enter__()


def test_results_of_before_stay_as_they_are(study, killed):
    run_study(study("activation=elu"))
    before = {path.name: path.read_bytes() for path in study().results_folder.iterdir()}
    asked = killed(2)
    with to_report(asked) as there:
        assert set(read_results(there.results_folder).cells["activation"]) <= {"relu", "tanh"}
    after = {path.name: path.read_bytes() for path in asked.results_folder.iterdir()}
    assert after.pop(NAME)
    assert after == before


def test_data_that_were_prepared_anew_are_refused(killed):
    asked = killed(2)
    path = asked.results_folder / NAME
    begun = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({**begun, "data": {"digits": "another"}}), "utf-8")
    with pytest.raises(UserError, match=r"data\.digits: was prepared anew since the study was begun"):
        to_report(asked).__enter__()
    path.write_text("[]", "utf-8")
    with pytest.raises(UserError, match="says of no study what was begun"):
        to_report(asked).__enter__()
