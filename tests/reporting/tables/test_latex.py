"""A table as LaTeX: every character as it is, and no wider than a page by the letters' own widths."""

import math
import re
import shutil
import subprocess
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.ft2font import FT2Font

from ablation.reporting.tables import builders
from ablation.reporting.tables.latex import BETWEEN, LONG, SIZES, TURNED, UPRIGHT, latex, to_latex
from ablation.reporting.tables.table import Table
from tests.reporting.tables.test_table import HOSTILE


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("100% of a_b & c#", r"100\% of a\_b \& c\#"),
        (r"\{}", r"\textbackslash{}\{\}"),
        ("$x^2$~", r"\$x\textasciicircum{}2\$\textasciitilde{}"),
        (">15 <|", r"\textgreater{}15 \textless{}\textbar{}"),
        ("1e-3 -- ``", "1e{-}3 {-}{-} {`}{`}"),
    ],
)
def test_latex_of_one_entry(entry, text):
    assert latex(entry) == text


def test_latex_is_a_booktabs_table_with_its_intervals_and_a_row_never_begins_with_an_option():
    bounds = {"rmst_low": [1.0, math.nan, math.nan], "rmst_high": [2.0, math.nan, math.nan]}
    frame = pd.DataFrame({"the_level": ["[1mm]", "*", "relu"], "rmst": [1.5, math.nan, 2.0], **bounds, "n": [1, 2, 3]})
    lines = to_latex(Table("a_b", "50%", "Of 3.", frame), 6).splitlines()
    assert lines == [
        r"% \usepackage{booktabs,longtable,pdflscape}",
        r"\begin{table}[htbp]",
        r"\centering",
        r"\normalsize\setlength{\tabcolsep}{3pt}",
        r"\caption[{50\%}]{50\%. Of 3.}\label{tab:a-b}",
        r"\begin{tabular}{lrr}",
        r"\toprule",
        r"\shortstack[l]{the\\level} & \shortstack[r]{rmst\\{}[low, high]} & \shortstack[r]{n} \\",
        r"\midrule",
        r"{}[1mm] & 1.5 [1, 2] & 1 \\",
        r"{}* &  & 2 \\",
        r"relu & 2 & 3 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_what_finds_no_room_is_named_and_what_tells_rows_apart_stays():
    frame = pd.DataFrame({"depth": [1, 2], **{f"number_{i}": [0.123456, 1.0] for i in range(30)}, "rmst_steps": 1e5})
    text = to_latex(Table("t", "T", "C", frame, {"depth": {1: "1", 2: "2"}}), 6)
    [left] = re.findall(r"Left out for room: (.*?)\.\}", text)
    assert left.split(", ")[-1] == r"rmst\_steps", "said by another clock: the first to go"
    assert r"number\_29" in left
    assert r"number\_1," not in left
    assert r"\begin{landscape}" in text
    assert r"\shortstack[r]{depth}" in text


def measured(text: str, font: FT2Font) -> float:
    """A text's width in Computer Modern Roman at 10 points; what the font has no letter for is as wide as a digit."""
    for command, letter in (("greater", ">"), ("less", "<"), ("bar", "|"), ("backslash", "\\")):
        text = text.replace(rf"\text{command}{{}}", letter)
    text = re.sub(r"\\([&%$#_{}])", r"\1", re.sub(r"\{(.?)\}", r"\1", text))
    known = font.get_charmap()

    def advance(letter: str) -> float:
        if letter == " ":
            return 10 / 3
        return font.load_char(ord(letter)).linearHoriAdvance / 2**16 if ord(letter) in known else 5.0

    return sum(map(advance, text))


@pytest.mark.parametrize("build", builders(), ids=lambda build: build.__name__)
def test_no_table_is_wider_than_its_page_in_the_letters_of_computer_modern(build, small_analysis):
    font = FT2Font(str(Path(mpl.get_data_path(), "fonts", "ttf", "cmr10.ttf")))
    font.set_size(10, 72)
    design = small_analysis.design
    text = to_latex(build(small_analysis), design.horizon, design.unit)
    [size] = re.findall(rf"\\({'|'.join(SIZES)})\\setlength", text)
    lines = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if line.endswith(r" \\")]
    [spread] = re.findall(r"\\begin\{(?:tabular|longtable)\}\{(.*)\}", text)
    kinds = re.findall(r"p\{(\d+)pt\}|[lr]", spread)
    total = 0.0
    for place, wrapped in enumerate(kinds):
        cells = [line[place] for line in lines]
        stacked = [part for cell in cells for part in re.sub(r"\\shortstack\[.\]\{(.*)\}", r"\1", cell).split(r"\\")]
        words = [word for cell in stacked for word in cell.split()] if wrapped else stacked
        widest = max(measured(part, font) for part in words) * SIZES[size] / SIZES["normalsize"]
        assert not wrapped or widest <= float(wrapped)
        total += (float(wrapped) if wrapped else widest) + BETWEEN
    assert total <= (TURNED if r"\begin{landscape}" in text else UPRIGHT)


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@pytest.mark.parametrize("times", [1, LONG])
def test_latex_prints_every_name_as_it_is(times, tmp_path):
    frame = pd.DataFrame({"name": HOSTILE, "x": 0.5})
    table = Table("t_1", "Names % and _", "All of them: " + " ".join(HOSTILE), pd.concat([frame] * times))
    (tmp_path / "table.tex").write_text(to_latex(table, 6), "utf-8")
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,longtable,pdflscape}"
    text = rf"{head}\begin{{document}}\input{{table}}\end{{document}}"
    (tmp_path / "main.tex").write_text(text, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
