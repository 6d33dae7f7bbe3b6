"""How cells are computed: natively where that can be, else eagerly and told; and what of that is in their keys."""

import pytest
import torch

from ablation import UserError
from ablation.studies import forms
from ablation.studies.cells import expand, keys
from ablation.studies.forms import told_of_forms
from ablation.studies.machine.environment import compiled_in, environment, environment_for
from ablation.training.native import building
from ablation.training.native import form as native_form
from tests.compiler import needs_native

CPU = torch.device("cpu")


def compiled(study) -> list[str]:
    return [cell.spec.compile for cell in expand(study)]


@needs_native
def test_auto_is_native_but_for_what_has_no_form_which_is_told(study):
    mixed = study("optimizer=[sgd,muon]", "seed=[0,1]", "training.compile=auto")
    assert compiled(mixed) == ["native", "native", "eager", "eager"]
    said = told_of_forms(mixed, [cell.spec for cell in expand(mixed)])
    assert said is not None
    assert said.startswith("2 cells are trained eagerly, which takes two to three times as long: ")
    assert said.endswith("optimizer muon asks for shape")
    plain = study("optimizer=[sgd]", "training.compile=auto")
    assert told_of_forms(plain, [cell.spec for cell in expand(plain)]) is None


@needs_native
def test_what_must_be_native_and_cannot_is_refused_in_a_line(study):
    with pytest.raises(UserError, match=r"^training\.compile=native: .* muon asks for shape; allowed here: auto, "):
        expand(study("optimizer=muon", "training.compile=native"))


def test_on_a_gpu_nothing_is_native(study, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    for device in ("cuda", "auto"):
        there = study(f"device={device}", "training.compile=auto")
        assert compiled(there) == ["eager"]
        assert told_of_forms(there, [cell.spec for cell in expand(there)]) is None
    with pytest.raises(UserError, match="only a processor has it"):
        expand(study("device=cuda", "training.compile=native"))
    assert forms.on_gpu(study("device=cuda"))
    assert not forms.on_gpu(study("device=cpu"))


def test_without_a_compiler_all_are_eager_and_that_is_told(study, monkeypatch):
    monkeypatch.setattr(native_form, "compiler", lambda: None)
    plain = study("seed=[0,1]", "training.compile=auto")
    assert compiled(plain) == ["eager", "eager"]
    said = told_of_forms(plain, [cell.spec for cell in expand(plain)])
    assert said is not None
    assert "no C++ compiler was found" in said


@pytest.mark.parametrize("how", ["eager", "layers"])
def test_what_is_asked_for_is_done(study, how):
    asked = study(f"training.compile={how}")
    assert compiled(asked) == [how]
    assert told_of_forms(asked, [cell.spec for cell in expand(asked)]) is None


@needs_native
def test_the_compiler_is_part_of_the_keys_of_native_cells_alone(study, monkeypatch):
    cells = expand(study("optimizer=[sgd,muon]", "training.compile=auto"))
    before = keys(cells, {"digits": ""}, CPU)
    monkeypatch.setattr("ablation.studies.machine.environment.identity", lambda: "another compiler")
    after = keys(cells, {"digits": ""}, CPU)
    assert before[0] != after[0]
    assert before[1] == after[1]
    alone = keys([cell for cell in cells if cell.spec.compile == "eager"], {"digits": ""}, CPU)
    assert alone == [before[1]], "what else a study trains is none of a cell's"


def test_an_environment_says_how_it_was_asked_for():
    found = environment(CPU, ["native"])
    assert compiled_in(found) == ["native"]
    assert compiled_in(environment(CPU)) == []
    assert environment_for(found, "eager") == environment(CPU)
    assert environment_for(found, "native") == found


@needs_native
def test_a_compilers_identity_changes_with_its_flags(monkeypatch):
    one = building.identity()
    monkeypatch.setattr(building, "FLAGS", (*building.FLAGS, "-DOTHER"))
    assert building.identity() != one
    assert building.identity().split()[0] == one.split()[0]
