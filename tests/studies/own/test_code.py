"""A user's own choice whose code stands elsewhere than what registers it, or that fails only when it is called."""

import sys

import pytest

from ablation import UserError
from ablation.studies.own import files as own
from ablation.studies.run import run_study
from tests.studies.own.test_files import cell_keys

HEAD = """import functools
import torch
from ablation.choices.activations import ACTIVATIONS as A
from ablation.choices.schedules import SCHEDULES
"""
DIRECT = """
def f(x):
    return x * 2.0, x * 0.0 + 2.0

A["m"] = f
"""
FACTORY = """
def make(k):
    def f(x):
        return x * k, x * 0.0 + k
    return f
"""
WRAPPER = """
import functools

def deco(g):
    @functools.wraps(g)
    def w(x):
        return g(x * 1.0)
    return w
"""
METHOD = """
class M:
    def __init__(self, k):
        self.k = k

    def go(self, x):
        return x * self.k, x * 0.0 + self.k
"""
ELSEWHERE = {
    "a decorator of torch": (DIRECT.replace("def f", "@torch.no_grad()\ndef f"), ""),
    "a factory beside": ("from beside import make\nA['m'] = make(2.0)\n", FACTORY),
    "a decorator beside": ("from beside import deco\n" + DIRECT.replace("def f", "@deco\ndef f"), WRAPPER),
    "a method beside": ("from beside import M\nA['m'] = M(2.0).go\n", METHOD),
    "a partial": ("def g(k, x):\n    return x * k, x * 0.0 + k\nA['m'] = functools.partial(g, 2.0)\n", ""),
    "a call of update": (DIRECT.replace('A["m"] = f', "A.update(m=f)"), ""),
    "a loop": (FACTORY + "for k in (2.0,):\n    A['m'] = make(k)\n", ""),
    "what is done beside": (
        "K = {}\ndef fill():\n    K['k'] = 2.0\nfill()\n" + FACTORY + "A['m'] = make(K['k'])\n",
        "",
    ),
    "an instance": (
        "class C:\n    def __call__(self, x):\n        return x * 2.0, x * 0.0 + 2.0\nA['m'] = C()\n",
        "",
    ),
}


@pytest.fixture
def mine(tmp_path):
    """Write a file of one's own, and return it as an override."""

    def written(text, beside=""):
        (tmp_path / "mine.py").write_text(HEAD + text)
        (tmp_path / "beside.py").write_text(beside)
        return f"choices=['{tmp_path / 'mine.py'}']"

    return written


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_key_goes_by_what_registers_a_choice(study, mine, case):
    text, beside = ELSEWHERE[case]

    def key(*texts):
        return cell_keys(study(mine(*texts), "activation=[relu,m]"))["m"]

    first = key(text, beside)
    assert key(text, beside) == first
    assert key(text + "# a remark\n", beside) == first
    assert key(text.replace("2.0", "3.0"), beside) != first
    if beside:
        changed = beside.replace("x * ", "2.0 * x * ")
        assert changed != beside
        assert key(text, changed) != first


def test_what_is_imported_when_it_is_called_is_found(study, mine):
    text = "def lazy(x):\n    from beside import double\n    return double(x)\nA['m'] = lazy\n"
    beside = "def double(x):\n    return x * 2.0, x * 0.0 + 2.0\n"
    assert run_study(study(mine(text, beside), "activation=[m]", "lr=1e-3")).trained == 1
    own.install(())
    assert "beside" not in sys.modules


LATE = {
    "an activation": (
        "def m(x):\n    if x.numel() > 5000:\n        raise ValueError('late\\nboom')\n    return x, x * 0.0 + 1.0\n"
        "A['m'] = m\n",
        "activation=m",
        r"mine\.py, line 7: ValueError: late boom",
    ),
    "a table that is too short": (
        "def m(step, steps):\n    return ([1.0] * 15)[int(step)]\nSCHEDULES['m'] = m\n",
        "schedule=m",
        r"mine\.py, line 6: IndexError: list index out of range",
    ),
    "what leaves": (
        "def m(x):\n    if x.numel() > 5000:\n        exit(4)\n    return x, x * 0.0 + 1.0\nA['m'] = m\n",
        "activation=m",
        r"mine\.py, line 7: SystemExit: 4",
    ),
}


@pytest.mark.parametrize("engine", ["serial", "processes"])
@pytest.mark.parametrize("case", LATE)
def test_what_fails_in_training_alone_is_a_line_too(study, mine, case, engine):
    text, word, told = LATE[case]
    large = ("training.epochs=3", "training.probe_size=500", "width=32")
    checked = study(mine(text), word, *large, f"engine={engine}")
    with pytest.raises(UserError, match=told) as caught:
        run_study(checked)
    assert "\n" not in str(caught.value)
    assert not checked.results_folder.exists()


AUTO = """
def auto(x):
    with {}:
        y = x.clone().requires_grad_(True)
        value = y * y
        (g,) = torch.autograd.grad(value.sum(), y)
        return value.detach(), g

A["m"] = auto
"""
TRIED = {
    "what leaves": ("A['m'] = lambda x: exit(4)\n", r"m fails when it is tried: .*mine\.py, line 5: SystemExit: 4"),
    "torch's own derivative": (
        AUTO.format("torch.enable_grad()"),
        r"mine\.py, line \d+: RuntimeError: .*grad.*; torch differentiates within torch\.inference_mode\(False\) and",
    ),
}


@pytest.mark.parametrize("case", TRIED)
def test_what_fails_in_its_trial_is_told_with_the_remedy(study, mine, case):
    text, told = TRIED[case]
    checked = study(mine(text), "activation=m")
    with pytest.raises(UserError, match=told):
        run_study(checked)
    assert not checked.store_folder.exists()


def test_torch_may_differentiate_where_it_is_told_to(study, mine):
    text = AUTO.format("torch.inference_mode(False), torch.enable_grad()")
    assert run_study(study(mine(text), "activation=m", "lr=1e-4")).trained == 1


def test_only_the_annotations_of_settings_must_be_known(study, tmp_path):
    (tmp_path / "typed.py").write_text(
        """from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.optimizers import OPTIMIZERS

if TYPE_CHECKING:
    from torch import Tensor


def m(x: Tensor, *, k: Annotated[float, "(0, inf)"] = 2.0) -> tuple[Tensor, Tensor]:
    return x * k, x * 0.0 + k


def s(p: Tensor, g: Tensor, lr: Tensor, state: dict) -> None:
    p.sub_(lr * g)


ACTIVATIONS["m"] = m
OPTIMIZERS["s"] = s
"""
    )
    typed = f"choices=['{tmp_path / 'typed.py'}']"
    with pytest.raises(UserError, match=r"activation\.m\.k=-1: must be a finite number in \(0, inf\)"):
        study(typed, "activation=m", "activation.m.k=-1")
    assert run_study(study(typed, "activation=m", "optimizer=s", "lr=1e-4")).trained == 1
