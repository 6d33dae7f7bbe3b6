from pathlib import Path

import pytest
import yaml

from ablation import UserError
from ablation.datasets.settings import check_level, complete, content_parameters, written
from ablation.datasets.sources import SOURCES

CONF = Path(__file__).resolve().parents[2] / "conf" / "data"


@pytest.mark.parametrize("kind", SOURCES)
def test_the_config_holds_the_defaults(kind):
    level = yaml.safe_load((CONF / f"{kind}.yaml").read_text("utf-8"))
    assert level == {kind: dict(SOURCES[kind].defaults)}
    given = {**level[kind], "file": "my.csv"} if "file" in level[kind] else level[kind]  # which one must be told
    assert complete(kind, given) == (kind, given)


def test_every_config_file_has_a_source():
    assert {path.stem for path in CONF.glob("*.yaml")} == set(SOURCES)


@pytest.mark.parametrize(
    ("label", "params", "message"),
    [
        ("mnist", {"part": "half"}, "data.mnist.part=half: must be full or t10k"),
        ("mine", {"kind": "mnist", "part": None}, "data.mine.part=null: must be full or t10k"),
        ("mnist", {"folder": 3}, "data.mnist.folder=3: must be a folder or null"),
        ("mnist", {"folder": "~nouser/x"}, "data.mnist.folder=~nouser/x: ~nouser is nobody's folder"),
        ("mnist", {"folder": "x" * 300}, "data.mnist.folder=xxx"),
        ("mnist", {"folder": "/x" * 3000}, "data.mnist.folder=/x/x"),
        ("gaussian", {"examples": 10**400}, "data.gaussian.examples=(a whole number of some 401 digits): must be"),
        ("mnist", {"folder": ""}, "data.mnist.folder=: must be a folder or null"),
        ("mnist", {"mirror": "ftp://host/"}, "data.mnist.mirror=ftp://host/: must be an address that starts with http"),
        ("mnist", {"verify": "no"}, "data.mnist.verify=no: must be true or false"),
        ("mnist", {"verify": False}, "data.mnist.verify=false: goes with data.mnist.folder only"),
        ("digits", {"validation_fraction": 0}, "data.digits.validation_fraction=0: must be a number between 0 and 1"),
        ("digits", {"validation_fraction": 1}, "data.digits.validation_fraction=1: must be a number between 0 and 1"),
        ("digits", {"validation_fraction": float("nan")}, "data.digits.validation_fraction=nan: must be a number"),
        ("digits", {"validation_fraction": "0.2"}, "data.digits.validation_fraction=0.2: must be a number"),
        ("digits", {"test_fraction": 0}, "data.digits.test_fraction=0: must be a number between 0 and 1"),
        ("digits", {"test_fraction": 1.0}, "data.digits.test_fraction=1.0: must be a number between 0 and 1"),
        ("mnist", {"test_fraction": True}, "data.mnist.test_fraction=true: must be a number between 0 and 1"),
        (
            "digits",
            {"test_fraction": 0.8},
            "data.digits.validation_fraction=0.2 data.digits.test_fraction=0.8: must be below 1 together",
        ),
        (
            "gaussian",
            {"test_fraction": 0.2},
            "data.gaussian.test_fraction=0.2: unknown, gaussian takes classes, examples",
        ),
        ("digits", {"targets": [0.5, 0.6]}, "data.digits.targets=[0.5,0.6]: must be three increasing numbers"),
        ("digits", {"targets": [0.5, 0.5, 0.6]}, "data.digits.targets=[0.5,0.5,0.6]: must be three increasing numbers"),
        ("digits", {"targets": [0, 0.5, 0.6]}, "data.digits.targets=[0,0.5,0.6]: must be three increasing numbers"),
        ("digits", {"targets": [0.5, 0.6, 1.1]}, "data.digits.targets=[0.5,0.6,1.1]: must be three increasing numbers"),
        ("digits", {"targets": 0.9}, "data.digits.targets=0.9: must be three increasing numbers"),
        ("digits", {"targets": "abc"}, "data.digits.targets=abc: must be three increasing numbers"),
        ("digits", {"part": "full"}, "data.digits.part=full: unknown, digits takes targets, test_fraction, valid"),
        ("gaussian", {"examples": 1}, "data.gaussian.examples=1: must be a whole number from 2 to 10000000"),
        ("gaussian", {"features": 0.5}, "data.gaussian.features=0.5: must be a whole number from 1 to 100000"),
        ("gaussian", {"classes": True}, "data.gaussian.classes=true: must be a whole number from 2 to 1000"),
        ("gaussian", {"seed": -1}, "data.gaussian.seed=-1: must be a whole number from 0"),
        ("gaussian", {"split": 0}, "data.gaussian.split=0: unknown, gaussian takes classes, examples"),
        ("digits", {"split_seed": 3}, "data.digits.split_seed=3: is no key of the data any more; give split=3"),
        ("letters", {}, "data.letters.kind=letters: must be one of breast_cancer, cifar10, diabetes, digits, "),
        ("digits", {"kind": ["mnist"]}, "data.digits.kind=[mnist]: must be one of"),
        ("../up", {"kind": "digits"}, "data.../up: a level's name may hold letters, digits"),
        ("digits", 0.2, "data.digits=0.2: must be a mapping"),
    ],
)
def test_refused_levels(label, params, message):
    with pytest.raises(UserError) as caught:
        complete(label, params)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_check_level_takes_kind_beside_or_within():
    check_level("mine", "mnist", {"part": "t10k"})
    check_level("mine", "mnist", {"kind": "mnist", "part": "t10k", "targets": [0.1, 0.2, 1]})


def test_what_is_left_out_is_filled_in():
    kind, params = complete("mine", {"kind": "mnist", "part": "t10k"})
    assert kind == "mnist"
    assert params == {**SOURCES["mnist"].defaults, "part": "t10k"}
    assert complete("digits", None) == ("digits", dict(SOURCES["digits"].defaults))


@pytest.mark.parametrize(
    ("params", "deciding"),
    [
        ({"kind": "digits", "test_fraction": 0.3}, {"validation_fraction": 0.2, "test_fraction": 0.3}),
        (
            {"kind": "table", "file": "a.csv", "target": "b"},
            {"target": "b", "task": "auto", "validation_fraction": 0.2, "test_fraction": 0.2},
        ),
        ({"kind": "gaussian", "targets": [0.1, 0.2, 1]}, {"examples": 2048, "features": 64, "classes": 10, "seed": 0}),
        (
            {"kind": "mnist", "folder": "a", "test_fraction": 0.3},
            {"part": "full", "verify": True, "validation_fraction": 0.2, "test_fraction": 0.3},
        ),
        (
            {"kind": "mnist", "part": "t10k", "mirror": "http://b/"},
            {"part": "t10k", "verify": True, "validation_fraction": 0.2, "test_fraction": 0.2},
        ),
        (
            {"kind": "fashion_mnist", "folder": "a", "verify": False},
            {"part": "full", "verify": False, "validation_fraction": 0.2, "test_fraction": 0.2},
        ),
    ],
)
def test_content_parameters(params, deciding):
    assert content_parameters(complete("mine", params)[1]) == deciding


def test_written_as_on_the_command_line():
    assert [written(value) for value in (None, True, 0.5, "a b", [0.5, None])] == [
        "null",
        "true",
        "0.5",
        "a b",
        "[0.5,null]",
    ]
