"""How a table is written: escaped for what reads it, and read back as what it was."""

import csv
import io
import math

import pandas as pd
import pytest

from ablation.reporting.tables.table import Table, markdown, printed, to_csv, to_markdown

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
