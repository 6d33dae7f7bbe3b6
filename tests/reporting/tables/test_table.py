"""How a table is written."""

import csv
import io
import math

import pandas as pd
import pytest

from ablation.reporting.tables.table import Table, printed, to_csv, to_markdown


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


def test_markdown_escapes_what_breaks_a_row_or_is_markup():
    table = Table("t", "T", "C", pd.DataFrame({"a|b": ["x|y\nz", "<script>"], "n": [1.5, math.inf]}))
    lines = to_markdown(table, 6).splitlines()
    assert lines[4:] == ["| a\\|b | n |", "| --- | --- |", "| x\\|y z | 1.5 |", "| &lt;script> | inf |"]


def test_csv_is_plain_and_read_back():
    frame = pd.DataFrame({"name": ["a,b", 'q"', "=1+1"], "x": [1 / 3, math.inf, math.nan], "k": [1, 2, 3]})
    frame["name"] = frame["name"].astype("category")
    rows = list(csv.reader(io.StringIO(to_csv(Table("t", "", "", frame)))))
    assert rows == [["name", "x", "k"], ["a,b", "0.333333", "1"], ['q"', "inf", "2"], ["=1+1", "", "3"]]
