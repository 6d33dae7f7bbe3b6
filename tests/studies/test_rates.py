"""A level of optimizer brings its own learning rates, or takes the factor's; either way they are no setting of it."""

import json

import pytest
import torch

from ablation import UserError
from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies.cells import count_cells, expand, keys
from ablation.studies.plan import cost_lines, look_ahead
from ablation.studies.registries import settings_of
from ablation.studies.run import run_study

TWO = ("optimizer=[sgd,momentum]", "lr=[0.1,1.0,3.0]", "optimizer.momentum.lr=[0.01,0.1]")


def pairs(found):
    return [(cell.factors["optimizer"], cell.factors["lr"]) for cell in found]


@pytest.mark.parametrize(
    ("overrides", "wanted"),
    [
        (TWO, {"sgd": [0.1, 1.0, 3.0], "momentum": [0.01, 0.1]}),
        ((TWO[0], TWO[2], "optimizer.sgd.lr=5"), {"sgd": [5.0], "momentum": [0.01, 0.1]}),
        ((*TWO, "optimizer.momentum.lr=null"), {"sgd": [0.1, 1.0, 3.0], "momentum": [0.1, 1.0, 3.0]}),
        ((*TWO, "~optimizer.momentum.lr"), {"sgd": [0.1, 1.0, 3.0], "momentum": [0.1, 1.0, 3.0]}),
        ((*TWO, "~optimizer.momentum"), {"sgd": [0.1, 1.0, 3.0]}),
        (
            ("lr=1", "+optimizer.mine={kind: momentum, momentum: 0.5, lr: [2, 3]}"),
            {"sgd": [1.0], "mine": [2.0, 3.0]},
        ),
        (("lr=1", "+optimizer.v1.5={kind: momentum}", "optimizer.v1.5.lr=[2,3]"), {"sgd": [1.0], "v1.5": [2.0, 3.0]}),
        (("+optimizer.sgd.lr=[2,3]",), {"sgd": [2.0, 3.0]}),
    ],
    ids=str,
)
def test_each_level_is_crossed_with_its_own_rates_or_else_with_the_factors(study, overrides, wanted):
    built = study(*overrides, "seed=[0,1]", "depth=[1,2]")
    found = expand(built)
    assert len(found) == count_cells(built) == 4 * sum(map(len, wanted.values()))
    assert {name: list(dict.fromkeys(lr for each, lr in pairs(found) if each == name)) for name in wanted} == wanted
    assert len(set(keys(found, {"digits": "0" * 64}, torch.device("cpu")))) == len(found)


def test_a_rate_of_its_own_is_the_same_run_as_one_of_the_factor(study):
    (own,), (factor,) = (
        expand(study("optimizer=momentum", rate)) for rate in ("optimizer.momentum.lr=[0.3]", "lr=[0.3]")
    )
    assert own == factor
    assert dict(own.spec.optimizer.settings) == settings_of("optimizer", "momentum")
    assert own.spec.lr == 0.3


def test_a_preset_brings_rates_that_the_command_line_replaces(compose, monkeypatch, tmp_path):
    import shutil

    from ablation.studies import config
    from ablation.studies.study import check_study
    from tests.conftest import ROOT

    conf = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", conf)
    preset = "# @package _global_\ndefaults:\n  - override /optimizer: [sgd, momentum]\n  - _self_\nname: mine\n"
    preset += "optimizer:\n  sgd: {lr: [1, 2, 3]}\n  momentum: {lr: [0.1, 0.2]}\n"
    (conf / "study" / "mine.yaml").write_text(preset)
    monkeypatch.setattr(config, "CONF", conf)

    def rates(*words):
        return check_study(compose("study=mine", *words)).rates

    assert rates() == {"sgd": [1, 2, 3], "momentum": [0.1, 0.2]}
    assert rates("optimizer.momentum.lr=7") == {"sgd": [1, 2, 3], "momentum": [7]}
    assert rates("optimizer=momentum") == {"momentum": [0.1, 0.2]}, "what a preset says of a level still holds"
    assert rates("~optimizer.sgd.lr", "lr=[4,5]") == {"momentum": [0.1, 0.2]}
    with pytest.raises(UserError, match=r"lr=4: every level of optimizer brings its own rates; allowed are optimizer"):
        rates("lr=4")


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["optimizer.sgd.lr=[]"], "optimizer.sgd.lr=[]: a factor needs at least one level"),
        (["optimizer.sgd.lr=[0]"], "optimizer.sgd.lr=0: must be a finite number in (0, inf)"),
        (["optimizer.sgd.lr=fast"], "optimizer.sgd.lr=fast: must be a finite number in (0, inf)"),
        (["optimizer.sgd.lr=[1,1.0]"], "optimizer.sgd.lr=[1, 1.0]: 1.0 is there twice"),
        (["optimizer.sgd.lr=1e-46"], "optimizer.sgd.lr=1e-46: too small for float32"),
        (["optimizer.sgd.lr=[0.1,0.10000000001]"], "are the same number in float32"),
        (["optimizer.sgd.lr=[0.1]", "lr=0.2"], "lr=0.2: every level of optimizer brings its own rates"),
        (["optimizer.momentum.lr=[0.1]"], "optimizer=momentum is not selected"),
        (
            ["optimizer.sgd.rate=[0.1]"],
            "sgd has no such parameter; allowed: weight_decay, decoupled, decay_vectors, lr",
        ),
        (
            ["+optimizer.mine={kind: momentum, rate: 1}"],
            "momentum has no such parameter; allowed: momentum, weight_decay, decoupled, decay_vectors, lr",
        ),
        (["+activation.mine={kind: elu, lr: [1]}"], "elu has no such parameter; allowed: alpha"),
        (
            ["+optimizer.again={kind: sgd, lr: [1, 2]}"],
            "optimizer.again: the same level as optimizer.sgd; levels must differ in more than lr",
        ),
    ],
)
def test_wrong_rates_are_refused_by_their_key(study, overrides, told):
    with pytest.raises(UserError) as refused:
        study(*overrides)
    assert told in str(refused.value)


def test_no_rule_has_a_setting_of_that_name():
    """It could not be set: a level's lr is its rates. One of a user's own is refused (tests/studies/own)."""
    assert all("lr" not in settings_of("optimizer", rule) for rule in OPTIMIZERS)


def test_the_manifest_says_which_rates_a_level_has(study):
    built = study(*TWO)
    run_study(built)
    manifest = json.loads((built.results_folder / "manifest.json").read_text("utf-8"))
    assert manifest["factors"]["lr"] == [0.1, 1.0, 3.0, 0.01]
    wanted = {"kind": "momentum", **settings_of("optimizer", "momentum"), "lr": [0.01, 0.1]}
    assert manifest["levels"]["optimizer"]["momentum"] == wanted
    assert "lr" not in manifest["levels"]["optimizer"]["sgd"]


def test_a_plan_counts_pairs_where_there_is_no_product(study):
    built = study(*TWO, "seed=[0,1]")
    outlook = look_ahead(built)
    assert cost_lines(built, outlook)[0] == "single: 10 cells: 5 optimizer and lr x 2 seed"
    assert outlook.combinations(["optimizer"]) == 2, "what is left when the rates are tuned over"
    assert outlook.combinations(["optimizer", "lr", "seed"]) == 10
    plain = look_ahead(study("optimizer=momentum", "optimizer.momentum.lr=[1,2]"))
    assert plain.levels == {"lr": 2}
    assert (plain.rates, plain.combinations(["lr"])) == (None, 2)
