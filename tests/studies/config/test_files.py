"""YAML files are data: whatever stands in one, it is read or refused in one line with its name and the line."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.studies import config as config_module
from ablation.studies.config.files import read
from ablation.studies.study import check_study
from tests.conftest import ROOT

BOMB = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])

REFUSED = {
    "tab": ("relu:\n\tslope: 1", "line 2"),
    "open bracket": ("depth: [1, 2", "line 1"),
    "open brace": ("relu: {a: 1", "line 1"),
    "open quote": ("relu: 'a", "line 1"),
    "duplicate key": ("relu: {}\ntanh: {}\nrelu: {}", "line 3: has the key relu a second time"),
    "duplicate key inside": ("relu:\n  a: 1\n  a: 2", "line 3: has the key a a second time"),
    "byte-order mark": ("\ufeffrelu: {}", "line 1: begins with a byte-order mark"),
    "octal": ("a: 1\ndepth: 010", "line 2: 010 is a number to the base 8"),
    "octal in a list": ("depth: [1, 007]", "007 is a number to the base 8"),
    "negative octal": ("depth: -010", "base 8"),
    "octal key": ("010: 1", "base 8"),
    "sexagesimal": ("width: 1:30", "1:30 is a number to the base 60"),
    "sexagesimal fraction": ("width: 1:30.5", "base 60"),
    "bomb": (BOMB, "more than 100,000 values, its aliases written out"),
    "recursive alias": ("a: &a [*a]", "line 1: holds itself"),
    "recursive alias in a mapping": ("a: &a {b: {c: *a}}", "holds itself"),
    "python tag": ("a: !!python/object/apply:os.system ['true']", "has the tag"),
    "own tag": ("a: !mine 1", "has the tag !mine"),
    "tagged number": ("a: !!int '3'", "has the tag"),
    "deep nesting": ("a: " + "[" * 500 + "]" * 500, "nested more than 20"),
    "very deep nesting": ("a: " + "[" * 50_000 + "]" * 50_000, "nested more than 20"),
    "deep mappings": ("\n".join(" " * n + "a:" for n in range(500)), "nested more than 20"),
    "two documents": ("a: 1\n---\nb: 2", "line 2: begins a second document"),
    "list as a key": ("? [a, b]\n: 1", "line 1: has a list or a mapping for a key"),
    "mapping as a key": ("{a: 1}: 2", "for a key"),
    "lone surrogate": ('a: "\\ud800"', "line 1"),
    "character 0": ('a: "\\0"', "line 1: holds text that is not Unicode, or the character 0"),
    "a list": ("- relu\n- tanh", "line 1: must hold keys"),
    "a word": ("relu", "line 1: must hold keys"),
    "unknown alias": ("a: *b", "line 1"),
    "endless number": ("seed: " + "1" * 400, "a number of 400 digits"),
    "control character": ("a: \x01", ""),
    "too many values": ("a: [" + "1," * 200_000 + "]", "more than 100,000 values"),
    "too large": ("# " + "x" * 2**20, "bytes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_is_refused_in_one_line_that_names_the_file(tmp_path, name):
    text, told = REFUSED[name]
    path = tmp_path / "x.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(UserError) as refused:
        read(path, "conf/activation/x.yaml")
    assert str(refused.value).startswith("conf/activation/x.yaml")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("content", [b"a: \xff", b"\xff\xfea\x00", "a: é".encode("latin-1")])
def test_another_encoding_is_refused(tmp_path, content):
    (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"conf/x\.yaml, line 1: is not written in UTF-8"):
        read(tmp_path / "x.yaml", "conf/x.yaml")


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "folder.yaml").mkdir()
    for name in ("folder", "missing"):
        with pytest.raises(UserError, match=rf"conf/{name}\.yaml: cannot be read"):
            read(tmp_path / f"{name}.yaml", f"conf/{name}.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "conf").rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_projects_own_files_are_read_as_yaml_reads_them(path):
    assert read(path, path.name) == yaml.safe_load(path.read_text("utf-8"))


@pytest.mark.parametrize(
    "text", ["", "# only a remark\n", "a: '010'", "a: 0", "a: 1_000", "a: {b: &x {c: 1}, d: *x}", "a: |\n  010\n"]
)
def test_what_is_harmless_is_read(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    assert read(tmp_path / "x.yaml", "x") == (yaml.safe_load(text) or {})


@given(st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!|>'\"#%@`,? \n\t0123\\~.\x07é")), max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_read_or_refused_in_one_line(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("any") / "x.yaml"
    path.write_text(text, "utf-8")
    try:
        told = None
        assert isinstance(read(path, "conf/x.yaml"), dict)
    except UserError as error:
        told = str(error)
    assert told is None or (told.startswith("conf/x.yaml") and "\n" not in told)


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the config folder that the command line reads."""
    folder = tmp_path / "conf"
    shutil.copytree(ROOT / "conf", folder)
    monkeypatch.setattr(config_module, "CONF", folder)
    monkeypatch.setattr(sys, "argv", ["study.py", "study=mine"])
    return folder


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("place", ["study/mine", "activation/relu"])
def test_no_such_file_reaches_hydra(compose, conf, name, place):
    (conf / "study" / "mine.yaml").write_text("# @package _global_\nname: mine\n", "utf-8")
    text, _ = REFUSED[name]
    head = "# @package _global_\nname: mine\n" if place == "study/mine" and not text.startswith("\ufeff") else ""
    (conf / f"{place}.yaml").write_text(head + text, "utf-8")
    with pytest.raises(UserError, match=rf"conf/{place}\.yaml"):
        compose("study=mine")


def test_a_preset_without_its_head_is_told_what_to_write(compose, conf):
    (conf / "study" / "mine.yaml").write_text("# a remark\nname: mine\n")
    with pytest.raises(UserError, match=r"conf/study/mine\.yaml, line 1: must have the line '# @package _global_'"):
        compose("study=mine")


def test_a_level_file_without_a_level_is_told(compose, conf):
    (conf / "activation" / "softsign.yaml").write_text("# to be written\n")
    with pytest.raises(UserError, match=r"conf/activation/softsign\.yaml: holds no key"):
        compose("study=single", "activation=softsign")


@pytest.mark.parametrize("text", ["yes: {}", "1: {}", "1.5: {}", "~: {}", "2024-01-01: {}", "'': {}", "'a\\nb': {}"])
def test_a_levels_name_is_a_word(compose, conf, text):
    (conf / "activation" / "relu.yaml").write_text(text)
    with pytest.raises(UserError) as refused:
        check_study(compose("study=single"))
    assert "activation" in str(refused.value)


def test_what_others_left_in_unused_files_is_nobodys_trouble(compose, conf):
    (conf / "study" / "half_written.yaml").write_text("a: [")
    (conf / "activation" / "elu.yaml").write_text("elu: {")
    assert compose("study=single")["name"] == "single"
