"""How a table is written: escaped for what reads it, and read back as what it was."""

import csv
import io
import math
import shutil
import subprocess

import pandas as pd
import pytest

from ablation.reporting.tables.table import LONG, Table, latex, markdown, printed, to_csv, to_latex, to_markdown

HOSTILE = ["<script>alert(1)</script>", "%", "_", "a|b", "$x^2$", "=1+1", "y" * 200, "{{ 7*7 }}", "[1]", "*"]
HOSTILE += ["\\input{/etc/passwd}", "a~b & #c", "--``x''", '"q"', "{", "…", "two\nlines", "^^41"]


@pytest.mark.parametrize(
    ("value", "column", "text"),
    [
        (math.inf, "median_epochs", ">15"),
        (math.inf, "median_steps", ">H"),
        (math.inf, "ratio", "inf"),
        (math.nan, "rmst_low", ""),
        (None, "level", ""),
        (1.23456, "rmst", "1.235"),
        (0.1, "lr", "0.1"),
        (20, "depth", "20"),
        ("relu", "activation", "relu"),
    ],
)
def test_printed(value, column, text):
    assert printed(value, column, 15) == text


def test_numbers_are_told_from_text_in_factors_too():
    frame = pd.DataFrame({"lr": pd.Categorical([0.1]), "init": pd.Categorical(["a"]), "cells": [1], "ok": [True]})
    assert Table("t", "", "", frame).columns == [("lr", True), ("init", False), ("cells", True), ("ok", False)]


def test_markdown_escapes_what_breaks_a_row_or_is_markup():
    table = Table("t", "T", "C", pd.DataFrame({"a|b": ["x|y\nz", "<script>"], "n": [1.5, math.inf]}))
    lines = to_markdown(table, 6).splitlines()
    assert lines[4:] == ["| a\\|b | n |", "| --- | --- |", "| x\\|y z | 1.5 |", "| &lt;script> | inf |"]


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ("he_normal", "he_normal"),
        ("_x_", "\\_x\\_"),
        ("*a*", "\\*a\\*"),
        ("`x`", "\\`x\\`"),
        ("$x^2$", "\\$x^2\\$"),
        ("[a](b)", "[a]\\(b)"),
        ("[0.1, 0.2]", "[0.1, 0.2]"),
    ],
)
def test_markdown_of_one_entry(entry, text):
    assert markdown(entry) == text


def test_csv_is_plain_and_read_back():
    frame = pd.DataFrame({"name": ["a,b", 'q"', "_%"], "x": [1 / 3, math.inf, math.nan], "k": [1, 2, -3]})
    frame["name"] = frame["name"].astype("category")
    rows = list(csv.reader(io.StringIO(to_csv(Table("t", "", "", frame)))))
    assert rows == [["name", "x", "k"], ["a,b", "0.333333", "1"], ['q"', "inf", "2"], ["_%", "", "-3"]]


def test_no_text_in_a_csv_file_begins_a_formula_and_numbers_stay_numbers():
    frame = pd.DataFrame({"name": ["=1+1", "+a", "-b", "@c", "\td", "e=f"], "-x": [-1.0, -2.5, 0, 1, 2, -math.inf]})
    rows = list(csv.reader(io.StringIO(to_csv(Table("t", "", "", frame)))))
    assert [row[0] for row in rows] == ["name", "'=1+1", "'+a", "'-b", "'@c", "'\td", "e=f"]
    assert [row[1] for row in rows] == ["'-x", "-1", "-2.5", "0", "1", "2", "-inf"]


def test_levels_in_a_csv_file_are_whole_and_those_that_differ_stay_so():
    frame = pd.DataFrame({"lr": pd.Categorical([0.1, 0.1000001, 1.0]), "init": ["=a", "'=a", "''=a"], "x": [1 / 3] * 3})
    table = Table("t", "", "", frame, {"lr": {0.1: "0.1", 0.1000001: "0.1000001", 1.0: "1"}, "init": {"=a": "(=a)"}})
    rows = list(csv.reader(io.StringIO(to_csv(table))))[1:]
    assert [row[0] for row in rows] == ["0.1", "0.1000001", "1"]
    assert [row[1] for row in rows] == ["'=a", "''=a", "'''=a"]
    assert [row[2] for row in rows] == ["0.333333"] * 3
    assert [line.split(" | ")[:2] for line in to_markdown(table, 6).splitlines()[6:]] == [
        ["| 0.1", "(=a)"],
        ["| 0.1000001", "'=a"],
        ["| 1", "''=a"],
    ]


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


def test_latex_is_a_booktabs_table_and_a_row_never_begins_with_an_option():
    frame = pd.DataFrame({"the_level": ["[1mm]", "*", "relu"], "rmst": [1.5, math.nan, 2.0]})
    lines = to_latex(Table("a_b", "50%", "Of 3.", frame), 6).splitlines()
    assert lines == [
        r"% \usepackage{booktabs,longtable}",
        r"\begin{table}[htbp]",
        r"\centering",
        r"\caption[{50\%}]{50\%. Of 3.}\label{tab:a-b}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"the\_level & rmst \\",
        r"\midrule",
        r"{}[1mm] & 1.5 \\",
        r"{}* &  \\",
        r"relu & 2 \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
@pytest.mark.parametrize("times", [1, LONG])
def test_latex_prints_every_name_as_it_is(times, tmp_path):
    frame = pd.DataFrame({"name": HOSTILE, "x": 0.5})
    table = Table("t_1", "Names % and _", "All of them: " + " ".join(HOSTILE), pd.concat([frame] * times))
    (tmp_path / "table.tex").write_text(to_latex(table, 6), "utf-8")
    head = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,longtable}"
    text = rf"{head}\begin{{document}}\input{{table}}\end{{document}}"
    (tmp_path / "main.tex").write_text(text, "utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in done.stdout
