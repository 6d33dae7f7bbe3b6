"""A user's own file of choices, from the command line to results, keys, workers and manifest."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.studies.cells import expand, keys, resolve_device
from ablation.studies.config.words import absolute
from ablation.studies.own import files as own
from ablation.studies.run import run_study
from tests.conftest import ROOT

MISH = '''
"""Mish (Misra 2019)."""
from typing import Annotated

import torch

from ablation.choices.activations import ACTIVATIONS

STEEP = 1.0


def mish(x, *, beta: Annotated[float, "(0, inf)"] = 1.0):
    """x tanh(softplus(beta x))."""
    e = torch.exp(-torch.abs(beta * x))
    t = torch.exp(-2.0 * (torch.clamp_min(beta * x, 0.0) + torch.log1p(e)))
    tanh = (1.0 - t) / (1.0 + t)
    share = torch.where(x > 0, 1.0 / (1.0 + e), e / (1.0 + e))
    return STEEP * x * tanh, STEEP * (tanh + x * beta * share * (1.0 - tanh * tanh))


ACTIVATIONS["mish"] = mish
'''


@pytest.fixture
def mish(tmp_path):
    path = tmp_path / "my choices (new).py"
    path.write_text(MISH)
    return path


def cell_keys(checked):
    cells = expand(checked)
    found = keys(cells, dict.fromkeys(checked.data, "digest"), resolve_device("cpu"))
    return {cell.factors["activation"]: key for cell, key in zip(cells, found, strict=True)}


def test_it_is_selected_by_name_and_set_as_any_other(study, mish):
    checked = study(f"choices=['{mish}']", "activation=[relu,mish]", "activation.mish.beta=1.5")
    assert checked.levels["activation"]["mish"].settings == {"beta": 1.5}
    (file,) = checked.choices
    assert (file.given, file.path) == (str(mish), str(mish))


def test_one_path_needs_no_list_and_home_is_a_folder(study, mish, monkeypatch):
    monkeypatch.setenv("HOME", str(mish.parent))
    assert study(f"choices={mish}", "activation=mish").levels["activation"]["mish"].settings == {"beta": 1.0}
    assert study(f"choices=['~/{mish.name}']", "activation=mish").choices[0].path == str(mish)


def test_what_is_not_asked_for_again_is_taken_back(study, mish):
    study(f"choices=['{mish}']", "activation=mish")
    assert "mish" in ACTIVATIONS
    with pytest.raises(UserError, match="activation=mish: no such level"):
        study("activation=mish")
    assert "mish" not in ACTIVATIONS
    assert own.files() == ()


def test_its_cells_alone_are_trained_and_everyone_else_keeps_its_key(study, mish):
    before = cell_keys(study("activation=[relu,elu]"))
    after = cell_keys(study(f"choices=['{mish}']", "activation=[relu,elu,mish]"))
    assert {name: after[name] for name in before} == before
    assert run_study(study("activation=[relu,elu]")).trained == 2
    assert run_study(study(f"choices=['{mish}']", "activation=[relu,elu,mish]")).trained == 1


OTHER = '\n\ndef other(x):\n    return x, torch.ones_like(x)\n\n\nACTIVATIONS["other"] = other\n'


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (lambda text: text + OTHER, True),
        (lambda text: text.replace("(Misra 2019)", "of 2019") + "# a remark\n", True),
        (lambda text: text.replace("tanh(softplus(beta x))", "..."), True),
        (lambda text: text.replace("STEEP = 1.0", "STEEP = 2.0"), False),
        (lambda text: text.replace("= 1.0):", "= 2.0):"), False),
        (lambda text: text.replace("import torch\n", "import math\nimport torch\n"), True),
        (lambda text: text.replace('["mish"] = mish', '["mish"] = lambda x: mish(x, beta=2.0)'), False),
    ],
    ids=["another registered", "comments", "docstring", "constant", "default", "an import", "what is registered"],
)
def test_a_key_goes_by_the_code_that_is_reached(study, mish, change, same):
    before = cell_keys(study(f"choices=['{mish}']", "activation=[relu,mish]"))
    mish.write_text(change(MISH))
    after = cell_keys(study(f"choices=['{mish}']", "activation=[relu,mish]"))
    assert after["relu"] == before["relu"]
    assert (after["mish"] == before["mish"]) == same


def test_a_key_does_not_go_by_the_path(study, mish, tmp_path):
    before = cell_keys(study(f"choices=['{mish}']", "activation=[mish]"))
    moved = tmp_path / "elsewhere.py"
    mish.rename(moved)
    assert cell_keys(study(f"choices=['{moved}']", "activation=[mish]")) == before


def test_files_beside_it_are_imported_and_count(study, tmp_path):
    helper, mine = tmp_path / "my_maths.py", tmp_path / "mine.py"
    helper.write_text("FACTOR = 2.0\n\n\ndef double(x):\n    return x * FACTOR, x * 0.0 + FACTOR\n")
    mine.write_text(
        "from my_maths import double\nfrom ablation.choices.activations import ACTIVATIONS\n"
        "ACTIVATIONS['double'] = double\n"
    )
    before = cell_keys(study(f"choices=['{mine}']", "activation=double"))
    assert "my_maths" not in sys.modules
    helper.write_text(helper.read_text().replace("2.0", "3.0"))
    checked = study(f"choices=['{mine}']", "activation=double", "lr=1e-3")
    assert cell_keys(checked) != before
    # What was read is what runs, whatever becomes of the files.
    helper.unlink()
    mine.unlink()
    own.install(())
    own.install(checked.choices)
    assert ACTIVATIONS["double"](torch.ones(1))[0].tolist() == [3.0]


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_workers_train_with_it_to_the_same_bits(study, mish, tmp_path, engine):
    common = (f"choices=['{mish}']", "activation=[mish]", "seed=[0,1,2]")
    files = []
    for name, workers in (("here", "serial"), ("there", engine)):
        places = (f"paths.store={tmp_path / name}", f"paths.results={tmp_path / name}")
        checked = study(*common, f"engine={workers}", *places)
        assert run_study(checked).trained == 3
        files.append((checked.results_folder / "cells.parquet").read_bytes())
    assert files[0] == files[1]


def test_its_origin_stands_in_the_manifest(study, mish):
    checked = study(f"choices=['{mish}']", "activation=[relu,mish]")
    run_study(checked)
    manifest = json.loads((checked.results_folder / "manifest.json").read_text())
    origin = manifest["choices"]["activation"]["mish"]
    assert origin["file"] == str(mish)
    assert len(origin["digest"]) == 64
    assert "choices" not in manifest["config"]
    plain = study("activation=[relu]")
    run_study(plain)
    assert "choices" not in json.loads((plain.results_folder / "manifest.json").read_text())


def test_theory_knows_it(study, mish):
    checked = study(f"choices=['{mish}']", "activation=[mish]")
    run_study(checked)
    table = pd.read_parquet(checked.results_folder / "activations.parquet")
    near = table.iloc[(table["x"] - 1.0).abs().argmin()]
    assert near["value"] == pytest.approx(0.8651 * near["x"], rel=0.05)


def test_a_preset_names_its_file_and_selects_its_levels(tmp_path, mish):
    """With a config of its own: a copy of the project's, with one preset more."""
    project = tmp_path / "project"
    for part in ("conf", "src", "pipelines"):
        shutil.copytree(ROOT / part, project / part, ignore=shutil.ignore_patterns("__pycache__"))
    (project / "conf" / "study" / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - single\n  - override /activation: [relu, mish]\n"
        f"name: mine\nchoices: ['{mish}']\nactivation:\n  mish:\n    beta: 2.0\n"
    )
    command = [sys.executable, "pipelines/study.py", "study=mine", "--cfg", "job"]
    told = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout
    assert "activation:\n  relu: {}\n  mish:\n    beta: 2.0\n" in told


HEAD = """
from typing import Annotated

import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES

"""
REFUSED = {
    "a name that is taken": (
        "def relu(x): return x, x\nACTIVATIONS['relu'] = relu",
        r"mine\.py: activation relu: is taken, by the project; a choice of your own has another name",
    ),
    "a name that is taken away": ("del ACTIVATIONS['elu']", r"mine\.py: activation elu: is taken, by the project"),
    "no Python": ("def m(x:\n  return", r"mine\.py, line 11: is no Python that can be read \('\(' was never closed\)"),
    "what fails": ("\n1 / 0", r"mine\.py, line 12: ZeroDivisionError: division by zero"),
    "what leaves": ("raise SystemExit(3)", r"mine\.py, line 11: SystemExit: 3"),
    "what registers nothing": ("def m(x): return x, x", r"mine\.py: registers nothing; a line such as ACTIVATIONS"),
    "no function": ("ACTIVATIONS['m'] = 3", r"mine\.py: activation m: must be a function, and is of type int"),
    "no name": ("ACTIVATIONS['m m'] = lambda x: (x, x)", r"activation m m: a name begins with a letter and has a-z"),
    "a word of YAML": ("ACTIVATIONS['null'] = lambda x: (x, x)", r"activation null: means something else"),
    "an exception that fails": (
        "class E(Exception):\n    def __str__(self): raise ValueError\n\n\nraise E",
        r"mine\.py, line 15: E$",
    ),
    "an annotation that says nothing": (
        "def m(x, beta: list = [1]): return x, x\nACTIVATIONS['m'] = m",
        r"its setting beta is annotated as .*list.*, which says nothing here; allowed: float, int, bool",
    ),
    "an interval that is none": (
        "def m(x, beta: Annotated[float, '0..1'] = 1.0): return x, x\nACTIVATIONS['m'] = m",
        r"its setting beta is annotated as .*0\.\.1.*, which says nothing here",
    ),
    "no annotation": (
        "def m(x, beta=1.0): return x, x\nACTIVATIONS['m'] = m",
        r"activation m: its setting beta has no annotation, .* Annotated\[float, \"\(0, inf\)\"\] = 1\.0",
    ),
    "a default out of range": (
        "def m(x, beta: Annotated[float, '(0, 1)'] = 1.0): return x, x\nACTIVATIONS['m'] = m",
        r"activation m: the default of its setting beta=1\.0: must be a finite number in \(0, 1\)",
    ),
    "too many arguments": (
        "def m(x, y): return x, x\nACTIVATIONS['m'] = m",
        r"activation m: takes \(x, y\) without defaults, and is handed \(x\); a setting has a default",
    ),
    "too few arguments": (
        "def m(p, g, lr): pass\nOPTIMIZERS['m'] = m",
        r"optimizer m: takes \(p, g, lr\) without defaults, and is handed \(param_SP, grad_SP, lr_S1, state\)",
    ),
    "an ingredient that there is not": (
        "def m(p, g, lr, state, *, temperature): pass\nOPTIMIZERS['m'] = m",
        r"optimizer m: asks for temperature, which no optimizer is handed; offered: input_SBI, error_SBO",
    ),
    "a setting that every optimizer has": (
        "def m(p, g, lr, state, *, weight_decay: float = 0.1): pass\nOPTIMIZERS['m'] = m",
        r"optimizer m: its setting weight_decay is one that every optimizer has already",
    ),
    "a setting that is called kind": (
        "def m(x, *, kind: str = 'a'): return x, x\nACTIVATIONS['m'] = m",
        r"activation m: no setting can be called kind",
    ),
    "a setting of an optimizer that is called lr": (
        "def m(p, g, rate, state, *, lr: float = 1.0): pass\nOPTIMIZERS['m'] = m",
        r"optimizer m: no setting of an optimizer can be called lr, by which a level brings its learning rates",
    ),
    "an annotation that means nothing": (
        "def m(x, beta: 'Nothing' = 1.0): return x, x\nACTIVATIONS['m'] = m",
        r"activation m: its signature cannot be read \(name 'Nothing' is not defined\)",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_is_refused_in_a_line_and_leaves_nothing(study, tmp_path, case):
    text, told = REFUSED[case]
    (tmp_path / "mine.py").write_text(HEAD + text + "\n")
    before = {factor: dict(registry) for factor, registry in own.ALL.items()}
    with pytest.raises(UserError, match=told) as caught:
        study(f"choices=['{tmp_path / 'mine.py'}']", "activation=m")
    assert "\n" not in str(caught.value)
    assert before == {factor: dict(registry) for factor, registry in own.ALL.items()}
    assert own.files() == ()
    assert not own.owners()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("choices=nowhere.py", r"choices=nowhere\.py: cannot be read \(No such file or directory\)"),
        ("choices=[conf]", r"choices=conf: cannot be read \(.*\); it must be a file of Python"),
        ("choices={a: 1}", r"choices=\{'a': 1\}: must be files of Python, as choices=\[my_choices\.py\]"),
        ("choices=[a.py,~/b.py]", r"choices=\[a\.py,~/b\.py\]: not an override .* stands in quotes of its own"),
        ("choices=[3]", r"choices=\[3\]: must be files of Python"),
        ("choices=[a.py,./a.py]", r"choices=.*: \./a\.py is there twice; each file may stand once"),
        ("choices.0=a.py", r"choices\.0=a\.py: no such key; files are given as choices="),
    ],
)
def test_what_names_no_file_is_refused(study, word, told):
    with pytest.raises(UserError, match=told):
        study(word)


LATE = """
from ablation.choices.optimizers import OPTIMIZERS

def late(param_SP, grad_SP, lr_S1, state, *, step):
    if step == 40:
        raise ArithmeticError("enough")
    param_SP.sub_(lr_S1 * grad_SP)

OPTIMIZERS["late"] = late
"""


def test_what_raises_in_training_is_told_with_the_level_the_place_and_the_step(study, tmp_path):
    (tmp_path / "mine.py").write_text(LATE)
    checked = study(f"choices=['{tmp_path / 'mine.py'}']", "optimizer=late", "training.steps=50", "training.epochs=1")
    with pytest.raises(
        UserError, match=r"^optimizer late in training: .*mine\.py, line 6: Arith.*: enough, at step 40"
    ):
        run_study(checked)


def test_two_files_cannot_have_one_name(study, tmp_path, mish):
    other = tmp_path / "other.py"
    other.write_text(MISH)
    with pytest.raises(UserError, match=r"other\.py: activation mish: is taken, by .*my choices \(new\)\.py"):
        study(f"choices=['{mish}','{other}']")
    assert "mish" not in ACTIVATIONS


def test_in_a_folder_of_the_project_a_path_is_of_that_folder(monkeypatch):
    monkeypatch.chdir(Path(ROOT) / "conf")
    assert absolute(["choices=[a.py,'~/b.py',/c.py]", "choices=d.py", "depth=3"]) == [
        f"choices=['{ROOT}/conf/a.py','~/b.py','/c.py']",
        f"choices={ROOT}/conf/d.py",
        "depth=3",
    ]
