"""A key sees the code that a cell uses, whatever it is called through, and no other."""

import importlib.util
import shutil
import sys
from functools import partial
from pathlib import Path

import pytest

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.initializers import INITIALIZERS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies import code
from ablation.studies.code import choice_digest, training_digest

SHARED = '''
import math
from functools import partial
from torch import Tensor, nn
import helper

FACTOR, UNUSED = 2.0, 3.0
TABLE = {"one": 1.0}


def scaled(x, by=1.0):
    """Return it scaled."""
    return x * by * FACTOR


def one(x, *, slope: float = 0.5):
    """Say."""
    return scaled(x), math.pi * slope  # why


def other(x):
    return scaled(x, 2.0), helper.half(x)


class Kind:
    """A choice that is a class."""

    def apply(self, x):
        return TABLE["one"] * x


def alone(x):
    return x, x


PART = partial(other, 3)
REGISTRY = {"one": one, "other": other, "kind": Kind, "alone": alone, "part": PART, "little": lambda x: (x, x)}
'''


@pytest.fixture
def digests(tmp_path, monkeypatch):
    """Return the digests of a file's choices, given changes to its text, and to that of the file it imports."""
    (tmp_path / "helper.py").write_text("def half(x):\n    return x / 2\n\n\ndef third(x):\n    return x / 3\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def read(*changes: tuple[str, str], helper: tuple[str, str] = ("", "")) -> dict[str, str]:
        text = SHARED
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (tmp_path / "shared.py").write_text(text)
        beside = (tmp_path / "helper.py").read_text().replace(*helper) if helper[0] else None
        if beside:
            (tmp_path / "helper.py").write_text(beside)
        code._module.cache_clear()
        code._digest_of.cache_clear()
        monkeypatch.delitem(sys.modules, "helper", raising=False)
        spec = importlib.util.spec_from_file_location("shared", tmp_path / "shared.py")
        loaded = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, "shared", loaded)
        spec.loader.exec_module(loaded)
        return {kind: choice_digest(loaded.REGISTRY, kind) for kind in loaded.REGISTRY}

    yield read
    code._module.cache_clear()


NAMED = {"one", "other", "kind", "alone", "part"}
CHANGES = {
    "a comment": ((("# why", "# because"),), set()),
    "a docstring": ((('"""Say."""', '"""Say more."""'),), set()),
    "a helper's docstring": ((("Return it scaled", "Scale it"),), set()),
    "a blank line, and the order": (
        (("FACTOR, UNUSED = 2.0, 3.0\n", ""), ("class Kind", "FACTOR, UNUSED = 2.0, 3.0\n\n\nclass Kind")),
        set(),
    ),
    "the function itself": ((("math.pi * slope", "math.tau * slope"),), {"one"}),
    "another function": ((("return x, x\n", "return x, 2 * x\n"),), {"alone"}),
    "a helper that two share": ((("x * by", "x + by"),), {"one", "other", "part"}),
    "a helper's default": ((("by=1.0", "by=1.5"),), {"one", "other", "part"}),
    "a constant that a helper uses": ((("2.0, 3.0", "2.5, 3.0"),), {"one", "other", "part"}),
    "a setting's default": ((("slope: float = 0.5", "slope: float = 0.6"),), {"one"}),
    "a table that a class uses": ((('"one": 1.0', '"one": 1.5'),), {"kind"}),
    "a helper renamed": ((("scaled", "stretched"),), {"one", "other", "part"}),
    "an import under another name": ((("import math\n", "import cmath as math\n"),), {"one"}),
    "an import that nothing here uses": ((("Tensor, nn", "Tensor"),), set()),
    "a new choice": (
        (
            ("def alone", "def new(x):\n    return x, x\n\n\ndef alone"),
            ('"alone": alone', '"alone": alone, "new": new'),
        ),
        set(),
    ),
    "what is done beside": ((("REGISTRY =", "TABLE.update(one=2.0)\nREGISTRY ="),), NAMED),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen_by_those_that_reach_it_alone(digests, what):
    changes, seen_by = CHANGES[what]
    before, after = digests(), digests(*changes)
    assert {kind for kind in NAMED if before[kind] != after[kind]} == seen_by


def test_the_file_that_is_imported_is_followed(digests):
    before = digests()
    assert digests(helper=("x / 3", "x / 4"))["one"] == before["one"]
    changed = digests(helper=("x / 2", "x / 5"))
    assert {kind for kind in NAMED if before[kind] != changed[kind]} == {"other", "part"}


def test_what_has_no_name_of_its_own_counts_with_all_of_its_file(digests):
    before = digests()
    assert digests(("return x, x\n", "return x, 2 * x\n"))["little"] != before["little"]


def test_a_partial_counts_its_arguments(digests):
    digests()
    other = sys.modules["shared"].other
    parts = [choice_digest({"mine": choice}, "mine") for choice in (other, partial(other, 3), partial(other, x=3))]
    assert len(set(parts)) == 3


def test_a_function_of_no_file_counts_by_what_it_does():
    def made(text):
        space = {"__name__": __name__}
        exec(compile(text, "<cell>", "exec"), space)
        return choice_digest({"mine": space["f"]}, "mine")

    base = made("def f(x):\n    return x * 2\n")
    assert made("def f(x):\n    # why\n    return x * 2\n") == base
    assert made("def f(x):\n    return x * 3\n") != base
    assert made("def f(x):\n    return (lambda y: y * 2)(x)\n") != base


def test_every_choice_of_ours_has_a_digest_of_its_own():
    for registry in (ACTIVATIONS, INITIALIZERS, OPTIMIZERS):
        assert len({choice_digest(registry, kind) for kind in registry}) == len(registry)


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Return the digest of the code that trains and of elu, after a change to a copy of a file of ours."""
    root = tmp_path / "ablation"
    for folder in ("choices", "training"):
        shutil.copytree(code.PACKAGE / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    files = {name: root / name for name in code.sources()}
    monkeypatch.setattr(code, "sources", lambda: files)
    taken = [(root / file.relative_to(code.PACKAGE), name, value) for file, name, value in code._taken()]
    monkeypatch.setattr(code, "_taken", lambda: taken)

    def changed(name: str, before: str, after: str) -> str:
        text = files[name].read_text("utf-8")
        assert before in text
        files[name].write_text(text.replace(before, after), "utf-8")
        code._module.cache_clear()
        found = training_digest.__wrapped__()
        files[name].write_text(text, "utf-8")
        return found

    yield changed
    code._module.cache_clear()


def test_the_code_that_trains_is_seen_whole_and_of_the_choices_what_it_takes_by_itself(copied):
    base = copied("training/probes.py", '"""', '"""')
    assert copied("training/probes.py", "SATURATED_BELOW =", "# why\nSATURATED_BELOW =") == base
    for name, before, after in (
        ("training/probes.py", "SHARP = ", "SHARP = 2 * "),
        ("training/compiled/tracing.py", "import torch\n", "import torch\nimport math\n"),
        ("choices/clipping.py", "class Gradient(NamedTuple):", "class Gradient(NamedTuple):\n    more: int"),
        ("choices/initializers.py", "return sigma * self.weight_IO", "return 2 * sigma * self.weight_IO"),
        ("choices/normalization.py", "mean_S1O: Tensor\n", "mean_S1O: Tensor\n    more: Tensor\n"),
    ):
        assert copied(name, before, after) != base, name
    for name, before, after in (
        ("choices/activations.py", "def elu(", "def new(x):\n    return x, x\n\n\ndef elu("),
        ("choices/activations.py", '    "elu": elu,\n', '    "elu": elu,\n    "new": elu,\n'),
        ("choices/clipping.py", "block_SN.clamp_(-threshold, threshold)", "block_SN.clamp_(-threshold, 2 * threshold)"),
        ("choices/optimizers/momentum.py", "value=-1.0", "value=-2.0"),
        ("choices/losses.py", "2.0 /", "3.0 /"),
    ):
        assert copied(name, before, after) == base, name


BY_ROOT = {"adagrad", "rmsprop", "adam", "adamw", "nadam", "amsgrad", "muon"}
BY_ADAM = {"adam", "adamw", "amsgrad", "muon"}
IN_A_ROOM = {
    "the rule itself": ("momentum.py", "grad_SP.addcmul_(velocity_SP, momentum_S1)", "velocity_SP", {"nesterov"}),
    "a rule that others take": ("adam.py", "grad_SP.square()", "grad_SP * grad_SP", {"nadam"}),
    "what some of a file share": ("adam.py", 'state, "mean_weight"', 'state, "other"', BY_ADAM),
    "what some of a room share": ("moments.py", "epsilon * scale_S1", "scale_S1 * epsilon", BY_ROOT),
    "what nearly all share": (
        "moments.py",
        "out=total",
        "out=total, value=1",
        set(OPTIMIZERS) - {"sgd", "sign_sgd", "adagrad"},
    ),
    "a setting's range": ("moments.py", '"(0, inf)"', '"(0, 1)"', BY_ROOT | {"adadelta"}),
    "the registry": ("adam.py", '"adam": adam', '"adam": adam, "other": adam', set()),
}


@pytest.mark.parametrize("what", IN_A_ROOM)
def test_a_choice_of_a_room_of_several_files_is_followed_through_all_of_them(monkeypatch, what):
    name, before, after, seen_by = IN_A_ROOM[what]
    place, read = code.PACKAGE / "choices" / "optimizers" / name, Path.read_text

    def digests() -> dict[str, str]:
        code._digest_of.cache_clear()
        return {kind: choice_digest(OPTIMIZERS, kind) for kind in OPTIMIZERS}

    def changed(path: Path, *arguments: str) -> str:
        text = read(path, *arguments)
        assert path != place or before in text
        return text.replace(before, after) if path == place else text

    base = digests()
    monkeypatch.setattr(Path, "read_text", changed)
    found = digests()
    code._digest_of.cache_clear()
    assert {kind for kind in OPTIMIZERS if found[kind] != base[kind]} == seen_by
