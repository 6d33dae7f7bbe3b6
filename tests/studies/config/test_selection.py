"""Who selects a factor's levels last decides: every factor, every preset, and presets on top of presets."""

from pathlib import Path

import pytest
import yaml

from ablation import UserError
from ablation.studies import config as config_module
from ablation.studies.cells import expand
from ablation.studies.study import check_study
from tests.conftest import ROOT

PRESETS = sorted(path.stem for path in (ROOT / "conf" / "study").glob("*.yaml"))
FACTORS = "init activation normalization clipping optimizer schedule loss model data".split()
LEVELS = [(factor, path.stem) for factor in FACTORS for path in sorted((ROOT / "conf" / factor).glob("*.yaml"))]
LEVELS.remove(("data", "table"))  # which needs a file


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("factor", FACTORS)
def test_what_is_selected_is_the_factors_list_whatever_the_preset(compose, preset, factor):
    levels = [level for each, level in LEVELS if each == factor]
    for selected in (levels[-1:], levels):
        config = compose(f"study={preset}", f"{factor}=[{','.join(selected)}]")
        assert list(config[factor]) == selected
        assert list(check_study(config).config[factor]) == selected
    assert list(compose(f"study={preset}", f"{factor}={levels[0]}")[factor]) == levels[:1], (
        "a bare name is a list of one"
    )


@pytest.mark.parametrize(
    ("overrides", "cells"),
    [
        (["study=smoke", "normalization=none"], 64),
        (["study=core", "normalization=none"], 4500),
        (["study=phase", "init=he_normal"], 40),
        (["study=signal", "activation=relu"], 45),
        (["study=signal", "data=digits"], 270),
        (["study=smoke", "normalization={none: {}}"], 64),
        (["study=smoke", "~normalization.batch"], 64),
        (["study=smoke", "~normalization=batch"], 64),
        (["study=smoke"], 128),
    ],
)
def test_a_study_has_the_cells_of_what_was_selected(compose, overrides, cells):
    assert len(expand(check_study(compose(*overrides)))) == cells


def test_a_bare_name_is_a_list_of_one(compose):
    assert list(compose("study=course", "activation=gelu")["activation"]) == ["gelu"]


def test_a_selected_level_keeps_what_the_preset_says_of_it(compose):
    assert compose("study=core", "normalization=batch")["normalization"]["batch"]["momentum"] == 0.9
    assert compose("study=signal", "activation=[relu,leaky_relu]")["activation"]["leaky_relu"] == {"slope": 0.2}
    changed = compose("study=core", "normalization=batch", "normalization.batch.momentum=0.5")
    assert changed["normalization"]["batch"]["momentum"] == 0.5


def test_levels_that_a_preset_defines_can_be_selected_by_name(compose):
    assert compose("study=phase", "init=[sigma_w_1.2,he_normal,sigma_w_0.8]")["init"] == {
        "sigma_w_1.2": {"kind": "normal", "sigma": 0.15},
        "he_normal": {},
        "sigma_w_0.8": {"kind": "normal", "sigma": 0.1},
    }
    assert list(compose("study=course", "normalization=batch_after")["normalization"]) == ["batch_after"]
    with pytest.raises(UserError, match=r"init=sigma_w_1\.0: no such level; allowed: he_normal"):
        compose("study=single", "init=sigma_w_1.0")


@pytest.mark.parametrize(
    ("overrides", "levels"),
    [
        (["+activation.elu_2={kind: elu, alpha: 2.0}"], {"relu": {}, "elu_2": {"kind": "elu", "alpha": 2.0}}),
        (["+activation.elu_0.5={kind: elu, alpha: 0.5}"], {"relu": {}, "elu_0.5": {"kind": "elu", "alpha": 0.5}}),
        (["+activation={elu_0.5: {kind: elu}}"], {"relu": {}, "elu_0.5": {"kind": "elu"}}),
        (["+activation=gelu"], {"relu": {}, "gelu": {}}),
        (["+activation=[gelu,elu]"], {"relu": {}, "gelu": {}, "elu": {"alpha": 1.0}}),
        (["activation={gelu: {}}"], {"gelu": {}}),
        (["activation={mine: {kind: elu, alpha: 3}}"], {"mine": {"kind": "elu", "alpha": 3}}),
        (["activation=[tanh,elu]", "~activation.tanh"], {"elu": {"alpha": 1.0}}),
        (["+activation.mine={kind: elu}", "activation=tanh"], {"tanh": {}, "mine": {"kind": "elu"}}),
        (["activation=[]", "+activation.mine={kind: elu}"], {"mine": {"kind": "elu"}}),
        (
            ["+activation.v1.2={kind: elu}", "activation.v1.2.alpha=2"],
            {"relu": {}, "v1.2": {"kind": "elu", "alpha": 2}},
        ),
    ],
)
def test_levels_are_added_replaced_and_taken_away(compose, overrides, levels):
    if "activation.v1.2.alpha=2" in overrides:
        overrides = ["+activation.v1.2={kind: elu, alpha: 1}", overrides[1]]
    composed = compose("study=single", *overrides)["activation"]
    assert composed == levels
    assert list(composed) == list(levels)


def test_a_level_with_dots_in_its_name_is_set_by_its_key(compose):
    assert compose("study=phase", "init.sigma_w_1.0.sigma=0.2")["init"]["sigma_w_1.0"] == {
        "kind": "normal",
        "sigma": 0.2,
    }
    assert "sigma_w_1.0" not in compose("study=phase", "~init.sigma_w_1.0")["init"]


@pytest.mark.parametrize(
    "overrides",
    [
        ["study=core", "normalization=none", "normalization.batch.momentum=0.5"],
        ["study=signal", "activation=relu", "activation.leaky_relu.slope=0.5"],
        ["study=phase", "init=he_normal", "init.sigma_w_1.0.sigma=0.5"],
        ["study=single", "activation.elu.alpha=2"],
        ["study=single", "~activation.elu"],
        ["study=single", "activation=relu", "~activation.tanh"],
    ],
)
def test_parameters_of_a_level_that_is_not_selected_are_refused(compose, overrides):
    with pytest.raises(UserError, match=r"is not selected"):
        compose(*overrides)


@pytest.mark.parametrize("override", ["activation=[]", "~activation", "activation={}"])
def test_a_factor_without_a_level_is_refused(compose, override):
    with pytest.raises(UserError, match=r"activation=\[\]: a factor needs at least one level"):
        check_study(compose("study=core", override))


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the config folder that the command line reads."""
    import shutil

    folder = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", folder)
    monkeypatch.setattr(config_module, "CONF", folder)
    return folder


def preset(conf: Path, name: str, content: dict) -> None:
    text = yaml.safe_dump({**content, "name": name}, sort_keys=False)
    (conf / "study" / f"{name}.yaml").write_text(f"# @package _global_\n{text}", "utf-8")


def test_a_preset_on_top_of_a_preset_replaces_what_it_selects(compose, conf):
    preset(conf, "mine", {"defaults": ["core", {"override /normalization": ["none"]}, "_self_"]})
    config = compose("study=mine")
    assert (list(config["normalization"]), config["name"]) == (["none"], "mine")
    assert list(config["activation"]) == ["logistic", "tanh", "relu", "leaky_relu", "elu"], "core's"
    preset(conf, "third", {"defaults": ["mine", "_self_"], "normalization": {"again": {"kind": "batch"}}})
    assert list(compose("study=third")["normalization"]) == ["none", "again"]
    assert list(compose("study=third", "normalization=batch")["normalization"]) == ["batch"]
    assert compose("study=third", "normalization=batch")["normalization"]["batch"]["momentum"] == 0.9, "core's"
    preset(conf, "fourth", {"defaults": ["phase", {"override /init": ["he_normal"]}, "_self_"]})
    assert list(compose("study=fourth")["init"]) == ["he_normal"]


def test_settings_of_an_engine_that_is_not_selected_are_ignored(compose, conf):
    preset(conf, "mine", {"defaults": ["smoke", "_self_"], "engine": {"workers": 2}})
    assert compose("study=mine")["engine"] == {"kind": "processes", "workers": 2}
    assert compose("study=mine", "engine=serial")["engine"] == {"kind": "serial"}
    with pytest.raises(UserError, match=r"engine\.workers=3: a key of engine=processes alone"):
        compose("study=mine", "engine=serial", "engine.workers=3")


def test_a_file_may_define_several_levels(compose, conf):
    (conf / "activation" / "elus.yaml").write_text("elu_1: {kind: elu}\nelu_2: {kind: elu, alpha: 2.0}\n")
    (conf / "activation" / "more.yaml").write_text("defaults: [elus, _self_]\nelu_3: {kind: elu, alpha: 3.0}\n")
    assert list(compose("study=signal", "activation=[elus,relu]")["activation"]) == ["elu_1", "elu_2", "relu"]
    assert list(compose("study=signal", "activation=more")["activation"]) == ["elu_1", "elu_2", "elu_3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"defaults": ["nowhere"]}, "conf/study/mine.yaml: defaults: study: nowhere: no such level"),
        ({"defaults": [{"override /init": ["nope"]}]}, "conf/study/mine.yaml: init: nope: no such level"),
        ({"defaults": [{"override /nope": ["a"]}]}, "defaults: override /nope: must be"),
        ({"defaults": [{"normalization": ["none"]}]}, "mine.yaml: defaults: normalization: must be 'override /' and a"),
        ({"defaults": [{"/loss": ["mse"]}]}, "did you mean override /loss?"),
        ({"defaults": [{"override /normalisation": ["none"]}]}, "did you mean override /normalization?"),
        ({"defaults": [{"override /activation": "relu elu"}]}, "several are separated by commas, as [relu,elu]"),
        ({"depht": 3}, "conf/study/mine.yaml, line 2: depht: no such key; allowed: activation"),
        (
            {"training": {"epoch": 3}},
            "conf/study/mine.yaml, line 3: training.epoch: no such key; allowed: epochs, steps, evaluations",
        ),
        ({"defaults": 3}, "conf/study/mine.yaml: defaults: must be a list"),
        ({"defaults": ["mine"]}, "builds on itself"),
        ({"hydra": {"callbacks": {"x": {"_target_": "os.abort"}}}}, "hydra: is not for a preset"),
        ({"training": {"epoch": 3}}, "training.epoch"),
        ({"activation": 5}, "conf/study/mine.yaml, line 2: activation: must be keys"),
        ({"activation": ["relu"]}, "as '- override /activation: [relu]'"),
        ({"engine": "serial"}, "as '- override /engine: serial'"),
    ],
)
def test_a_preset_that_is_wrong_is_one_line(compose, conf, content, told):
    preset(conf, "mine", content)
    with pytest.raises(UserError) as refused:
        check_study(compose("study=mine"))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_what_is_shown_is_what_would_run(compose, monkeypatch, capsys):
    import sys

    monkeypatch.setattr(sys, "argv", ["study.py", "study=core", "normalization=none", "--cfg", "job"])
    assert config_module.compose_command_line() is None
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["normalization"] == {"none": {}}
    assert shown["name"] == "core"
