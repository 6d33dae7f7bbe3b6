"""What a study would cost is what it then costs, with nothing left behind and nothing taken that a study refuses."""

import json
import re

import pytest

from ablation import UserError
from ablation.studies import plan, run
from ablation.studies.engines.duration import Sample
from ablation.studies.plan import cost_lines, look_ahead
from ablation.studies.run import run_study

KIND = "classification"
CLIPPED = ("clipping=[none,value,global_norm]", "activation=[relu,tanh]", "seed=[0,1]")


def test_it_counts_what_a_study_then_trains(study, tmp_path):
    small = study(*CLIPPED)
    before = look_ahead(small)
    assert (before.cells, before.held, before.perhaps_known) == (12, 0, 8)
    assert before.levels == {"activation": 2, "clipping": 3, "seed": 2}
    assert before.steps == before.steps_to_train == 12 * 32, "2 epochs of 16 steps"
    assert 0 < before.seconds[0] <= before.seconds[1]
    assert list(tmp_path.iterdir()) == [], "it has written nothing"

    summary = run_study(small)
    assert summary.trained + summary.known == 12
    assert summary.known <= before.perhaps_known
    timing = json.loads((small.results_folder / "timing.json").read_text("utf-8"))
    assert timing["run_steps"] == summary.trained * 32 <= before.steps

    after = look_ahead(small)
    assert (after.held, after.perhaps_known, after.steps, after.steps_to_train) == (12, 0, 12 * 32, 0)
    assert (after.seconds, after.memory, after.disk) == ((0.0, 0.0), 0.0, 0.0)
    more = look_ahead(study(*CLIPPED[:2], "seed=[1,2]"))
    assert (more.cells, more.held, more.perhaps_known, more.steps_to_train) == (12, 6, 4, 6 * 32)


def test_of_equal_steps_it_counts_as_many_for_every_batch_size(study):
    equal = study("batch_size=[32,512]", "training.epochs=2", "training.steps=20", "training.gradient_batches=2")
    before = look_ahead(equal)
    assert before.steps == before.steps_to_train == 2 * 20
    run_study(equal)
    timing = json.loads((equal.results_folder / "timing.json").read_text("utf-8"))
    assert timing["run_steps"] == 2 * 20


def test_steps_are_those_of_the_examples_that_a_cell_has(study):
    before = look_ahead(study("examples=[null,256]", "order=[random,fixed,sorted]"))
    assert before.levels == {"order": 3, "examples": 2}
    assert before.steps == 3 * (32 + 8)
    with pytest.raises(UserError, match="examples=2000: data digits has 1079 training examples; allowed: null or 1 to"):
        look_ahead(study("examples=[null,2000]"))


def test_the_pace_is_measured_however_short_the_study_is(study, monkeypatch):
    def pace(factor):
        monkeypatch.setattr(run, "pace", lambda engine, sample, device, choices: factor * sample.reckoned)
        return look_ahead(study("engine=processes", "engine.workers=1")).seconds[1]

    once, thrice, four = (pace(factor) for factor in (1, 3, 4))
    assert four - thrice == pytest.approx((thrice - once) / 2)
    assert four > thrice > once


def test_at_least_those_are_trained_that_wait_for_no_other(study, monkeypatch):
    monkeypatch.setattr(run, "pace", lambda engine, sample, device, choices: sample.reckoned)
    alone = look_ahead(study(*CLIPPED[1:], "training.epochs=2000")).seconds
    clipped = look_ahead(study(*CLIPPED, "training.epochs=2000")).seconds
    assert alone[0] == alone[1]
    assert clipped[0] == pytest.approx(alone[0], rel=0.1)
    assert clipped[1] > 2.5 * alone[1]


@pytest.mark.parametrize(
    "override",
    [
        "batch_size=2000",
        "training.tf32=true",
        "width=100000",
        "data=gaussian data.gaussian.examples=10000000 data.gaussian.features=100",
        "seed=[" + ",".join(map(str, range(3000))) + "] lr=[" + ",".join(str(1 + n) for n in range(3000)) + "]",
    ],
    ids=lambda override: override[:30],
)
def test_it_refuses_what_a_study_refuses_by_the_same_line(study, override, monkeypatch):
    # However much this machine has just now.
    monkeypatch.setattr("ablation.studies.machine.fits.memory", lambda: 1e9)
    refused = study(*override.split())
    with pytest.raises(UserError) as planned:
        look_ahead(refused)
    with pytest.raises(UserError) as trained:
        run_study(refused)
    assert str(planned.value) == str(trained.value)


def test_it_is_told_in_lines(study):
    outlook = plan.Outlook({"init": 2, "seed": 3}, 1200, 200, 400, 12_000, 10_000, (50.0, 130.0), 2, 3e8, 2e6, KIND)
    lines = cost_lines(study(), outlook)
    assert lines[0] == "single: 1,200 cells: 2 init x 3 seed"
    assert lines[1] == "in the store: 200; to train: 1,000, of which 400 clipped ones may be known without"
    assert lines[2] == "run-steps: 12,000, of which 10,000 to train"
    assert lines[3].startswith("time: about 50 seconds to 2 minutes on 2 workers")
    assert "300 MB" in lines[4]
    assert "2 MB in the store" in lines[4]
    whole = plan.Outlook({}, 1, 1, 0, 160, 0, (0.0, 0.0), 0, 0.0, 0.0, KIND)
    assert cost_lines(study(), whole) == ["single: 1 cell", "in the store: 1; to train: 0", "run-steps: 160"]
    same = plan.Outlook({}, 1, 0, 0, 160, 160, (7200.0, 3 * 7200.0), 1, 1e6, 1e6, KIND)
    assert re.match("time: about 2.0 to 6 hours on 1 worker,", cost_lines(study(), same)[3])


def test_what_it_measures_is_small(study, monkeypatch):
    asked: list[Sample] = []

    def pace(engine, sample, device, choices):
        asked.append(sample)
        return sample.reckoned

    monkeypatch.setattr(run, "pace", pace)
    look_ahead(study("activation=[relu,tanh,elu,selu,gelu]", "training.epochs=1000000", "depth=[2,10]"))
    assert 0 < sum(sample.reckoned for sample in asked) < 2
