"""A study of numbers rather than classes: its score is R squared, which may be negative, and all words say so."""

import json
import re
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from ablation import UserError
from ablation.records.files import read_results
from ablation.reporting import tables
from ablation.reporting.analysis import analyse
from ablation.reporting.design import score_of
from ablation.reporting.figures.convergence import learning_curves
from ablation.reporting.options import Options
from ablation.reporting.questions import QUESTIONS, ask_all, symmetry
from ablation.reporting.report import write_report
from ablation.reporting.scoring import ACCURACY, R_SQUARED
from ablation.reporting.statistics.times import guessing_loss
from tests.reporting.figures.drawn import drawn
from tests.reporting.figures.drawn import drawn as laid_out
from tests.reporting.synthetic import Outcome, write_study

FACTORS = {"init": ["zeros", "he_normal"], "activation": ["relu", "tanh"], "loss": ["mse"], "seed": [0, 1, 2]}


def plant(cell):
    """Zeros diverge with tanh, and are far worse than guessing with relu; random weights learn."""
    if cell["init"] == "zeros":
        if cell["activation"] == "tanh":
            return Outcome(reaches=None, diverges=2)
        return Outcome(reaches=1.0, final=-40.0, loss=(1.0, 41.0))
    return Outcome(reaches=2.0 + cell["seed"] % 2, final=0.92, loss=(1.2, 0.08))


TWO = {"activation": ["relu", "tanh"], "loss": ["mse"], "seed": [0, 1, 2]}


def one_fails(cell):
    """Of two activations, one ends far below guessing."""
    return Outcome(reaches=1.0, final=-40.0 if cell["activation"] == "relu" else 0.92, loss=(1.0, 0.5))


@pytest.fixture
def regression(analysed):
    return analysed(FACTORS, plant, variance=1.25)


def test_scores_in_words():
    assert (ACCURACY.goal(0.9), R_SQUARED.goal(0.5)) == ("90% validation accuracy", "R squared 0.5 in validation")
    assert (ACCURACY.text(0.934), R_SQUARED.text(-0.123)) == ("93%", "-0.12")
    assert (ACCURACY.chance(4), R_SQUARED.chance(None)) == (0.25, 0.0)


def test_guessing_the_mean_costs_the_variance():
    assert guessing_loss("mse", None, 1.25) == 1.25
    assert np.isnan(guessing_loss("own", None, 1.25))
    assert np.isnan(guessing_loss("mse", None))


def test_the_task_is_the_manifests():
    assert score_of({"data": {"a": {"classes": 10}}}) is ACCURACY, "results of an older version do not say it"
    assert score_of({"data": {"a": {"task": "regression"}}}) is R_SQUARED
    for tasks in (["regression", "classification"], ["ranking"]):
        with pytest.raises(UserError, match=r"data\.\*\.task is .*; must be one of classification, regression"):
            score_of({"data": {str(place): {"task": task} for place, task in enumerate(tasks)}})


def test_a_diverged_cell_guesses_and_one_that_is_worse_has_an_end(regression):
    cells = regression.cells
    assert regression.design.goal == "R squared 0.9 in validation"
    gone, bad = cells["diverged"], (cells["init"] == "zeros") & ~cells["diverged"]
    assert (gone.sum(), bad.sum()) == (3, 3)
    assert (cells["chance"] == 0).all()
    assert (cells["guessing"] == 1.25).all()
    assert (cells.loc[gone, ["accuracy", "tested"]] == 0).all(axis=None)
    assert (cells.loc[bad, "tested"] == -1).all()
    found = {each.response.name: each for each in regression.effects}
    assert found["accuracy"].y.min() == -1
    # What costs more than guessing counts as guessing.
    assert 10 ** found["val_loss"].y.max() == pytest.approx(1.25)


def test_infinitely_bad_is_as_bad_as_the_worst(tmp_path):
    folder = write_study(tmp_path / "r", TWO, one_fails, variance=1.25)
    results = read_results(folder)
    results.curves["val_accuracy"] = results.curves["val_accuracy"].replace(np.float32(-40), -np.inf)
    results.cells["test_accuracy"] = results.cells["test_accuracy"].where(results.cells["test_accuracy"] > -1, -np.inf)
    analysis = analyse(results, Options())
    assert analysis.cells["tested"].min() == -1
    view = learning_curves.show(analysis)
    assert np.isfinite(view.frame["mean"]).all()
    assert view.frame["mean"].min() == -1


def test_axes_reach_below_zero_where_scores_do(analysed):
    regression = analysed(TWO, one_fails, variance=1.25)
    view = learning_curves.show(regression)
    assert view.title == (
        "At depth 3 after 6 epochs, R squared in validation lies between -1.00 (relu) and 0.92 (tanh)"
    )
    assert view.caption.count("R squared below -1 counts as -1.") == 1
    figure = drawn(learning_curves, view, regression.design)
    low, high = figure.axes[0].get_ylim()
    assert low <= -1
    assert high == pytest.approx(1.02)
    assert figure.axes[0].get_ylabel() == "R squared in validation"
    assert not any("%" in label.get_text() for label in figure.axes[0].get_yticklabels())


def test_the_question_of_symmetry_speaks_of_r_squared(regression):
    question = symmetry.ask(regression)
    text = " ".join([question.answer, *question.evidence])
    assert "the best R squared in validation is " in text
    assert "where guessing has 0.00 (" in text
    assert "%" not in question.view.title
    figure = drawn(symmetry, question.view, regression.design)
    assert figure.axes[0].get_ylabel() == "best val. R squared"


def test_a_whole_report_says_accuracy_nowhere_but_in_names_of_columns(tmp_path):
    folder = write_study(tmp_path / "results", FACTORS, plant, variance=1.25)
    page = write_report(folder, tmp_path / "report", Options(), 1)
    text = re.sub(
        r"<(style|script)\b.*?</\1>|<svg\b.*?</svg>|<[^>]*>|data:image[^\"]*", " ", page.read_text("utf-8"), flags=re.S
    )
    text = re.sub(r"tables/accuracy\w*\.", "", text)  # names of files
    said = re.findall(r"[^.]{0,60}\baccuracy\b[^.]{0,30}", text)
    # As a response's name, in tables and their captions, and as a file's.
    assert all(re.search(r"(^|\s)accuracy(:|\s*$|\s+[-\w]+\s)| tables/accuracy$", part) for part in said), said
    assert "validation accuracy" not in text
    assert "right answers" not in text
    assert "R squared 0.9 in validation" in text
    means = pd.read_csv(tmp_path / "report" / "tables" / "marginal_means.csv")
    own = means[(means["response"] == "accuracy") & (means["level"] == "zeros")]
    assert own["mean"].iloc[0] == pytest.approx((-1 + 0) / 2)
    assert json.loads((tmp_path / "report" / "metrics.json").read_text())["diverged"] == 3


MANY = {
    "init": ["zeros", "he_normal"],
    "activation": ["relu", "elu"],
    "normalization": ["none", "batch"],
    "clipping": ["none", "norm"],
    "loss": ["mse"],
    "depth": [2, 20],
    "seed": [0, 1],
}
RATES = {
    "optimizer": ["sgd", "adam"],
    "schedule": ["constant", "warmed_constant"],
    "loss": ["mse"],
    "batch_size": [16, 32, 64],
    "order": ["random", "sorted"],
    "depth": [2, 20],
    "lr": [0.01, 0.1],
    "seed": [0, 1, 2],
}


def uneven(cell):
    """Larger steps arrive sooner, and some cells end below guessing."""
    noise = (cell["seed"] + len(str(cell["lr"])) + cell["batch_size"] // 16) % 3
    if cell["init"] == "zeros" or (cell["depth"] == 20 and cell["lr"] == 0.01):
        return Outcome(reaches=None) if noise else Outcome(reaches=1.0, final=-3.0, loss=(1.0, 4.0))
    return Outcome(reaches=2.0 + noise, final=0.92 + 0.01 * noise, loss=(1.2, 0.08 + 0.01 * noise))


@pytest.mark.parametrize(
    ("factors", "wanted"),
    [(MANY, {"symmetry", "elu_relu", "clipping"}), (RATES, {"optimizer", "warmup", "batch_size"})],
    ids=["many", "rates"],
)
def test_every_question_is_asked_and_drawn_of_a_regression(factors, wanted, analysed):
    analysis = analysed(factors, uneven, variance=1.25)
    drawn = set()
    for asked, question in zip(QUESTIONS, ask_all(analysis), strict=True):
        said = [question.answer, *question.evidence, question.view.title, question.view.caption]
        if not question.view.why:
            drawn.add(asked.NAME.removeprefix("question_"))
            figure = laid_out(asked, question.view, analysis.design)
            said += [text.get_text() for text in figure.findobj(Text)]
            plt.close(figure)
        assert "accurac" not in " ".join(said).lower()
        assert not re.search(r"R squared [^.]{0,40} points", " ".join(said))
    assert drawn >= wanted


def test_classification_is_said_as_before(analysed):
    analysis = analysed({**FACTORS, "loss": ["cross_entropy"]}, lambda cell: replace(plant(cell), final=0.96))
    assert analysis.design.goal == "90% validation accuracy"
    captions = " ".join(
        table.caption for table in (tables.combinations.convergence(analysis), tables.terms.effects(analysis))
    )
    assert "R squared" not in captions
    assert "accuracy: the final one on the test part. omega_sq" in captions
