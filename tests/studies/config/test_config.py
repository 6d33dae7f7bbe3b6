import os
import signal
import subprocess
import sys
import time

import pytest

from ablation import UserError
from ablation.studies.config import compose_command_line, stage
from tests.conftest import ROOT


def test_a_factor_takes_several_levels_and_a_preset_gives_way_to_the_command_line(compose):
    config = compose("study=smoke", "activation=[tanh,elu]", "depth=[3,4]", "activation.elu.alpha=2.0")
    assert config["activation"] == {"tanh": {}, "elu": {"alpha": 2.0}}
    assert config["depth"] == [3, 4]
    assert list(config["init"]) == ["torch_default", "he_normal"], "the preset's own"
    assert config["name"] == "smoke"


def test_a_new_level_needs_no_file(compose):
    config = compose("study=single", "+activation.elu_2={kind: elu, alpha: 2.0}")
    assert config["activation"] == {"relu": {}, "elu_2": {"kind": "elu", "alpha": 2.0}}


def test_the_default_study_is_core(compose):
    assert compose()["name"] == "core"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("activation=rellu", ["activation=rellu", "allowed: elu, gelu", "did you mean relu"]),
        ("activation=[relu,nope]", ["activation=nope", "allowed:"]),
        ("activaton=relu", ["activaton=relu", "allowed: activation", "did you mean activation"]),
        ("study=nope", ["study=nope", "core", "smoke"]),
        ("depth=[5", ["depth=[5", "key=value"]),
        ("activation=[relu,relu]", ["activation=[relu,relu]", "relu is there twice"]),
        ("depth=[5,5]", ["depth=[5,5]", "5 is there twice"]),
        ("activation.elu.alhpa=2", ["activation.elu.alhpa"]),
        ("paths.data=${nowhere}", ["paths.data", "nowhere"]),
        ("init=null", ["init=null", "string or a list"]),
        ("--multirun", ["--multirun", "lists"]),
        ("hydra.mode=MULTIRUN", ["--multirun", "lists"]),
        ("depth=1,2", ["depth=1,2", "'depth=[1,2]'"]),
        ("study=[core,smoke]", ["study", "one preset"]),
        (
            "training.epoch=3",
            ["training.epoch=3", "allowed: training.epochs, training.steps, training.evaluations"],
        ),
        ("activation.gelu.x=1", ["activation.gelu.x=1", "activation=gelu is not selected"]),
        ("engine.workers=2 engine=serial", ["engine.workers=2", "a key of engine=processes alone"]),
        ("engine.wrokers=2", ["engine.wrokers=2", "allowed: address, gpus, kind, workers"]),
        ("--config-name=nope", ["--config-name=nope", "conf/"]),
    ],
)
def test_what_cannot_be_composed_is_told_in_one_line(compose, override, told):
    with pytest.raises(UserError) as refused:
        compose(*override.split())
    for words in told:
        assert words in str(refused.value)


def test_widths_may_repeat_a_number(compose):
    assert compose("study=single", "model.mlp.widths=[9,9]")["model"]["mlp"]["widths"] == [9, 9]


def test_the_users_own_setting_of_full_errors_is_left_as_it_was(compose, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    compose("study=single")
    assert os.environ["HYDRA_FULL_ERROR"] == "0"


def test_help_shows_factors_levels_and_five_examples(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["study.py", "--help"])
    with pytest.raises(SystemExit) as left:
        compose_command_line()
    assert left.value.code == 0
    told = capsys.readouterr().out
    assert "activation: elu, gelu, identity" in told
    assert "init: he_normal" in told
    assert told.count("python pipelines/study.py") == 5


def test_a_stage_turns_a_refusal_into_one_line_and_status_2(monkeypatch, capsys):
    def refuse(config):
        raise UserError("some.key=3:\n  must be 4")

    monkeypatch.setattr(sys, "argv", ["study.py", "study=single"])
    with pytest.raises(SystemExit) as left:
        stage(refuse)()
    assert left.value.code == 2
    assert capsys.readouterr().err == "error: some.key=3: must be 4\n"


def test_an_interrupt_is_told_and_ends_with_130(monkeypatch, capsys):
    def interrupted(config):
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["study.py", "study=single"])
    with pytest.raises(SystemExit) as left:
        stage(interrupted)()
    assert left.value.code == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_a_scheduler_that_ends_it_is_told_the_same(monkeypatch, capsys):
    ended = []

    def asked(config):
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)
        finally:
            ended.append("in order")

    monkeypatch.setattr(sys, "argv", ["study.py", "study=single"])
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as left:
            stage(asked)()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert left.value.code == 143
    assert ended
    assert capsys.readouterr().err.startswith("interrupted: what was finished is kept")


def test_a_refused_command_touches_no_file_and_prints_one_line(tmp_path):
    done = subprocess.run(
        [sys.executable, ROOT / "pipelines" / "study.py", "paths.root=.", "study=smoke", "+typo=1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error: typo=1: no such key; allowed: name, init")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
