from dataclasses import replace
from itertools import product

import pytest
import torch

from ablation import UserError
from ablation.records.columns import FACTORS
from ablation.studies import cells
from ablation.studies.cells import count_cells, expand, keys, resolve_device

CPU = torch.device("cpu")
DIGESTS = {"digits": "0" * 64, "mnist": "1" * 64}


def test_a_study_is_the_full_product_of_its_levels(study):
    found = expand(study("activation=[tanh,elu]", "depth=[1,3]", "lr=[0.1,1]", "seed=[4,5]", "clipping=[none,value]"))
    wanted = set(product(["tanh", "elu"], ["none", "value"], [1, 3], [0.1, 1.0], [4, 5]))
    varied = ("activation", "clipping", "depth", "lr", "seed")
    assert [len(found), len({cell.name for cell in found})] == [32, 32]
    assert {tuple(cell.factors[factor] for factor in varied) for cell in found} == wanted
    assert all(list(cell.factors) == FACTORS for cell in found)
    for cell in found:
        assert cell.spec.widths == (8,) * cell.factors["depth"]
        assert cell.spec.activation.kind == cell.factors["activation"]
        assert (cell.spec.lr, cell.spec.seed) == (cell.factors["lr"], cell.factors["seed"])


def test_a_split_decides_the_data_and_nothing_of_the_specification(study):
    found = expand(study("split=[0,7]", "seed=[0,1]"))
    assert [cell.data for cell in found] == ["digits", "digits", "digits.split7", "digits.split7"]
    assert [cell.name.split("-", 12)[-1] for cell in found] == [
        "lr0.1-split0-s0",
        "lr0.1-split0-s1",
        "lr0.1-split7-s0",
        "lr0.1-split7-s1",
    ]
    assert found[0].spec == found[2].spec
    assert len(set(keys(found, {"digits": "0" * 64, "digits.split7": "1" * 64}, CPU))) == 4
    assert count_cells(study("split=[0,7]", "seed=[0,1,2]")) == 6


def test_a_name_has_order_examples_and_noise_only_where_they_are_no_default(study):
    found = expand(study("order=[random,sorted]", "examples=[null,256]", "label_noise=[0,0.5]"))
    ends = [cell.name.split("-d2-w8-b64-")[1] for cell in found]
    assert ends[:4] == [
        "lr0.1-split0-s0",
        "lr0.1-split0-noise0.5-s0",
        "lr0.1-split0-n256-s0",
        "lr0.1-split0-n256-noise0.5-s0",
    ]
    assert ends[4:] == [f"sorted-{end}" for end in ends[:4]]
    assert [cell.spec.order for cell in found] == ["random"] * 4 + ["sorted"] * 4
    assert [cell.data for cell in found[:4]] == [
        "digits",
        "digits.noise0.5",
        "digits.examples256",
        "digits.examples256.noise0.5",
    ]
    assert count_cells(study("order=[random,sorted]", "examples=[null,256]", "label_noise=[0,0.5]")) == 8


def test_one_level_per_factor_is_one_run(study):
    assert len(expand(study())) == 1


def test_explicit_widths_stand_for_depth_and_width(study):
    (cell,) = expand(study("model.mlp.widths=[12,5,7]", "depth=[2,3]", "width=[8,9]"))
    assert cell.spec.widths == (12, 5, 7)
    assert (cell.factors["depth"], cell.factors["width"]) == (3, 12)


def test_names_stay_unique_where_labels_run_together(study):
    levels = ("+activation.a={kind: elu, alpha: 2}", "+activation.a-none={kind: elu, alpha: 3}")
    norms = ("normalization=none", "+normalization.none-none={kind: batch}")
    found = expand(study(*levels, *norms))
    assert len({cell.name for cell in found}) == len(found) == 6


def test_two_names_for_one_run_are_refused(study):
    both = expand(study("+model.wide={kind: mlp, widths: [8,8]}"))
    with pytest.raises(UserError, match="the same run as"):
        keys(both, DIGESTS, CPU)


def test_a_key_changes_with_all_that_decides_the_numbers_and_with_nothing_else(study, monkeypatch):
    def key(*overrides, digests=DIGESTS, device=CPU):
        (found,) = keys(expand(study(*overrides)), digests, device)
        return found

    base = key()
    assert key() == base
    assert key("name=other", "engine=processes", "tracking=mlflow", "data.digits.targets=[0.1,0.2,0.3]") == base
    assert key("activation=[]", "+activation.mine={kind: relu}") == base, "a label is only a name"
    changed = [
        key("lr=0.2"),
        key("seed=1"),
        key("depth=3"),
        key("width=9"),
        key("batch_size=32"),
        key("init=xavier_normal"),
        key("activation=tanh"),
        key("activation=leaky_relu"),
        key("activation=leaky_relu", "activation.leaky_relu.slope=0.2"),
        key("normalization=batch"),
        key("clipping=value"),
        key("optimizer=momentum"),
        key("order=fixed"),
        key("order=sorted"),
        key("loss=mse"),
        key("training.epochs=3"),
        key("training.probe_size=33"),
        key("training.evaluations=[]"),
        key("training.evaluations=[0.5]"),
        key("training.compile=layers"),
        key("training.tf32=true"),
        key(digests={"digits": "2" * 64}),
        key(device=torch.device("cuda")),
    ]
    monkeypatch.setattr(torch, "__version__", "9.9.9")
    changed.append(key())
    monkeypatch.setattr(cells, "training_digest", lambda: "changed")
    changed.append(key())
    monkeypatch.setattr(cells, "choice_digest", lambda registry, kind: "changed")
    changed.append(key())
    assert len({base, *changed}) == len(changed) + 1


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == resolve_device("cpu") == CPU
    with pytest.raises(UserError, match="device=cuda"):
        resolve_device("cuda")


def test_cells_of_a_cohort_differ_in_data_alone(study):
    (cell,) = expand(study())
    spec = cell.spec
    assert replace(spec, lr=9.0, seed=9).shared() == spec.shared()
    assert replace(spec, widths=(8, 9)).shared() != spec.shared()
