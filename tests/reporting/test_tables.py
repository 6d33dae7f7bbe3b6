"""Tables: their rows, their captions, and what is written."""

import csv
import io
import math
import re

import pandas as pd
import pytest

from ablation.reporting import page, tables
from ablation.reporting.figures import FIGURES
from ablation.reporting.findings import findings
from ablation.reporting.tables import TABLES, Table, printed, to_csv, to_markdown
from tests.reporting.synthetic import Outcome


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


@pytest.mark.parametrize("build", TABLES, ids=lambda build: build.__name__)
def test_every_table_says_how_many_and_of_what(build, small_analysis):
    table = build(small_analysis)
    assert len(table.frame) > 0
    assert any(word in table.caption for word in ("2 seeds", "128 cells", "a seed"))
    assert len(to_csv(table).splitlines()) == len(table.frame) + 1


def test_convergence_has_every_combination_once(small_analysis):
    frame = tables.convergence(small_analysis).frame
    by = list(small_analysis.design.compared)
    assert len(frame) == 32
    assert not frame.duplicated(by).any()
    assert set(frame["lr"]) <= {0.1, 1.0}


def test_failures_count_every_cell_once_per_factor(small_analysis):
    frame = tables.failures(small_analysis).frame
    classes = frame.columns[3:]
    assert (frame[classes].sum(axis=1) == frame["cells"]).all()
    assert (frame.groupby("factor")["cells"].sum() == len(small_analysis.cells)).all()


def test_best_and_worst_are_ranked_and_never_the_same(analysed):
    speed = {"relu": 1, "tanh": 2, "elu": 4, "gelu": None}
    a = analysed({"activation": list(speed), "depth": [2, 5]}, lambda c: Outcome(speed[c["activation"]]))
    frame = tables.best_worst(a).frame
    for _, part in frame.groupby("depth", observed=True):
        assert part["activation"].tolist() == ["relu", "tanh", "elu", "gelu"]
        assert part["place"].tolist() == ["best 1", "best 2", "worst 2", "worst 1"]
        assert part["rmst"].tolist() == [1, 2, 4, 6]


def test_tuning_at_the_edge_is_said(analysed):
    losses = {0.01: 3.0, 0.1: 1.0, 1.0: 2.0}
    plant = {"relu": lambda lr: losses[lr], "tanh": lambda lr: -lr}
    a = analysed(
        {"lr": list(losses), "activation": ["relu", "tanh"]},
        lambda c: Outcome(best_loss=plant[c["activation"]](c["lr"])),
    )
    frame = tables.learning_rate(a).frame.set_index("activation")
    assert frame["best_lr"].to_dict() == {"relu": 0.1, "tanh": 1.0}
    assert frame["at_edge"].to_dict() == {"relu": "no", "tanh": "yes"}


def test_health_medians_are_those_of_the_tuned_cells(analysed):
    a = analysed({"depth": [4], "seed": [0, 1, 2]}, lambda c: Outcome(decades=0.1 * (1 + c["seed"])))
    frame = tables.gradient_health(a).frame
    assert frame["probe"].tolist() == ["first", "last"]
    assert frame["slope"].tolist() == pytest.approx([0.2, 0.2], rel=1e-5)
    assert frame["ratio"].tolist() == pytest.approx([10**-0.6] * 2, rel=1e-5)
    assert frame["clip_share"].tolist() == pytest.approx([0.25, 0.25])


def test_different_losses_are_ranked_by_accuracy_and_not_by_loss(analysed):
    final = {"cross_entropy": 0.7, "mse": 0.6, "mine": 0.65}
    loss = {"cross_entropy": (2.0, 2.0), "mse": (0.01, 0.01), "mine": (1.0, 1.0)}
    a = analysed({"loss": list(final)}, lambda c: Outcome(1, final=final[c["loss"]], loss=loss[c["loss"]]))
    table = tables.best_worst(a)
    assert table.frame["loss"].tolist() == ["cross_entropy", "mine", "mse"]
    assert "then by best validation accuracy" in table.caption
    assert "mean_loss compares rows of one loss only." in tables.convergence(a).caption


def test_one_of_a_thing_is_not_several(analysed):
    a = analysed({}, lambda _: Outcome(diverges=0), epochs=1)
    text = " ".join([*(table(a).caption for table in TABLES), *findings(a), page.commands(a.manifest, a.options)[0][0]])
    text += " ".join(view.caption + view.why + view.title for view in (show(a) for show, _ in FIGURES))
    assert not re.search(r"(?<![0-9.,])1 (cells|epochs|seeds|combinations|values)", text)
    assert "the only cell, by the first class" in text
    assert "1 cell diverged before the first probe" in text


def test_only_a_number_has_an_edge(analysed):
    a = analysed({"clipping": ["none", "value"]}, lambda _: Outcome(), nuisance=("clipping",))
    assert set(tables.learning_rate(a).frame["at_edge"]) == {"no"}
