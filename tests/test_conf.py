"""The config folder and the registries name the same things."""

import re

import pytest
import yaml

from ablation.choices.optimizers import OPTIMIZERS
from ablation.datasets.sources import SOURCES
from ablation.studies.cells import count_cells
from ablation.studies.choosing import check_level
from ablation.studies.study import REGISTRIES, check_study
from ablation.training.networks import NETWORKS
from tests.conftest import ROOT

CONF = ROOT / "conf"
KINDS = {**REGISTRIES, "data": SOURCES, "model": NETWORKS}


@pytest.mark.parametrize("factor", KINDS)
def test_every_kind_has_one_file_of_its_name(factor):
    files = {path.stem for path in (CONF / factor).glob("*.yaml")}
    # A network's level has the same keys for all of them, and needs no file.
    assert files <= set(KINDS[factor]) if factor == "model" else files == set(KINDS[factor])


def test_what_is_registered_can_be_selected_without_a_file(monkeypatch, compose):
    monkeypatch.setitem(NETWORKS, "another", NETWORKS["mlp"])
    monkeypatch.setitem(OPTIMIZERS, "another", OPTIMIZERS["momentum"])
    config = compose("study=single", "model=[mlp,another]", "optimizer=another", "optimizer.another.momentum=0.5")
    assert config["model"] == {"mlp": {"widths": None}, "another": {"widths": None}}
    decay = {"weight_decay": 0.0, "decoupled": False, "decay_vectors": False}
    assert config["optimizer"] == {"another": {"momentum": 0.5, **decay}}


@pytest.mark.parametrize(
    ("factor", "label"), [(factor, label) for factor, registry in REGISTRIES.items() for label in registry]
)
def test_a_levels_file_writes_out_the_functions_own_defaults(factor, label):
    content = yaml.safe_load((CONF / factor / f"{label}.yaml").read_text("utf-8"))
    assert list(content) == [label]
    written = check_level(factor, label, content[label], REGISTRIES[factor])
    assert written == check_level(factor, label, {}, REGISTRIES[factor])
    assert set(content[label]) == set(written.settings)


def test_the_readme_lists_every_study_with_its_cells(compose):
    page = (ROOT / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| .* \| ([\d,]+) \| [^|]* \|$", page, re.MULTILINE)
    assert {name for name, _ in rows} == {path.stem for path in (CONF / "study").glob("*.yaml")}
    for name, cells in rows:
        assert cells == f"{count_cells(check_study(compose(f'study={name}'))):,}", name
