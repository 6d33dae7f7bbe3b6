"""A tensor's name ends in a letter for each of its axes: every letter is explained where it is used, and no other."""

import ast
import re

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "ablation"

NAME = re.compile(r"_?[a-z]\w*_(?=1*[A-Z])([A-Z1]+)")
"""A name in small letters with a suffix of capitals, in which 1 is an axis of length one; so no constant's name."""


def letters(text: str) -> set[str]:
    """Return the letters of all suffixes in a file's code, names that stand in quotes among it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        for kind, field in (
            (ast.Name, "id"),
            (ast.arg, "arg"),
            (ast.Attribute, "attr"),
            (ast.keyword, "arg"),
            (ast.Constant, "value"),
        ):
            name = getattr(node, field) if isinstance(node, kind) else None
            suffix = NAME.fullmatch(name) if isinstance(name, str) else None
            found |= set(suffix[1]) if suffix else set()
    return found


def legend(text: str) -> set[str]:
    """Return the letters that a file's docstring explains, in the paragraph that begins with the word Legend."""
    told = ast.get_docstring(ast.parse(text)) or ""
    paragraph = next((part for part in told.split("\n\n") if part.startswith("Legend")), "")
    return set(re.findall(r"[:,] ([A-Z1]) [a-z]", " ".join(paragraph.split())))


TEXTS = {path: path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
USING = [path for path, text in TEXTS.items() if letters(text)]
TELLING = [path for path, text in TEXTS.items() if legend(text)]


def name(path):
    return str(path.relative_to(PACKAGE))


def test_suffixes_are_told_from_constants_and_other_names():
    text = 'def f(x_SBI, *, loss_S: float): LARGEST_NORM = _row_S; self.std_S1O.T; g(flat_1P=LOSS_S1); a_b = {"in_SC"}'
    assert letters(text) == set("SBI1OPC")
    assert legend('"""A file.\n\nLegend: S cells, O fan-out\nof a layer, 1 an axis of [S, P]. B.\n"""') == set("SO1")


@pytest.mark.parametrize("path", USING, ids=name)
def test_a_file_or_its_folder_explains_every_letter_that_the_file_uses(path):
    told = legend(TEXTS[path]) | legend(TEXTS[path.parent / "__init__.py"])
    assert letters(TEXTS[path]) <= told, f"{name(path)}: no legend of {sorted(letters(TEXTS[path]) - told)}"


@pytest.mark.parametrize("path", TELLING, ids=name)
def test_a_legend_explains_no_letter_that_is_not_used(path):
    beside = path.parent.glob("*.py") if path.name == "__init__.py" else [path]
    used = set().union(*(letters(TEXTS[each]) for each in beside))
    assert legend(TEXTS[path]) <= used, f"{name(path)}: nothing has {sorted(legend(TEXTS[path]) - used)}"


def test_the_glossary_has_all_letters_and_no_other():
    page = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    assert set(re.findall(r"^\| `([A-Z1])` \|", page, re.MULTILINE)) == set().union(*map(letters, TEXTS.values()))
