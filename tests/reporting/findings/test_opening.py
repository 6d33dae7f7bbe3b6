"""The first screen: its numbers recomputed from the files by other code, and what it says of planted studies."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.findings.opening import answer, cost, numbers, opening, question
from ablation.reporting.options import Options
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome, write_study

FACTORS = {
    "activation": ["relu", "tanh"],
    "normalization": ["none", "batch"],
    "clipping": ["none", "value"],
    "depth": [2, 8],
    "lr": [0.01, 0.1],
    "seed": list(range(6)),
}
HORIZON = 15


def planted(cell):
    """Batch normalization is worth more in deep networks, a small rate costs, and the activation does a little."""
    time = 3.0 + (cell["normalization"] == "none") * (1.0 if cell["depth"] == 2 else 7.0)
    time += 1.0 * (cell["activation"] == "tanh") + luck(cell, 4) / 2
    loss = 0.2 + 0.1 * (cell["lr"] == 0.01) + 0.01 * luck(cell, 4)
    final = 0.96 - 0.02 * (cell["normalization"] == "none") - 0.001 * luck(cell, 4)
    return Outcome(time + 2.0 * (cell["lr"] == 0.01), final=final, best_loss=loss)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study") / "in", FACTORS, planted, HORIZON)


@pytest.fixture(scope="module")
def analysis(study):
    return analyse(read_results(study), Options())


@pytest.fixture(scope="module")
def tuned(study):
    """The tuned cells with their times, from the Parquet files by plain loops."""
    cells = pd.read_parquet(study / "cells.parquet")
    curves = {key: part.sort_values("step") for key, part in pd.read_parquet(study / "curves.parquet").groupby("key")}
    times = []
    for key, status in zip(cells["key"], cells["status"], strict=True):
        met = [accuracy >= np.float32(0.9) for accuracy in curves[key]["val_accuracy"]]
        held = [i for i in range(len(met)) if met[i] and (i + 1 == len(met) or met[i + 1])]
        gone = status != "finished" or not held
        times.append(HORIZON if gone else min(curves[key]["epoch"].iloc[held[0]], HORIZON))
    cells["time"] = times
    kept = []
    for _, group in cells.groupby(["activation", "normalization", "clipping", "depth"]):
        for seed in group["seed"].unique():
            others = group[group["seed"] != seed]
            rate = min([0.01, 0.1], key=lambda lr: others.loc[others["lr"] == lr, "best_val_loss"].median())
            kept.append(group[(group["seed"] == seed) & (group["lr"] == rate)])
    return pd.concat(kept)


def apart(cells, factor, best, worst, column):
    """How far apart two levels are: one mean a seed, Student's t interval over seeds."""
    means = cells.pivot_table(column, factor, "seed")
    each = (means.loc[worst] - means.loc[best]).to_numpy()
    half = t.ppf(0.975, len(each) - 1) * each.std(ddof=1) / np.sqrt(len(each))
    return each.mean(), each.mean() - half, each.mean() + half


def said(pattern, text):
    """The numbers of a sentence: a size and the two ends of its interval."""
    found = re.search(pattern.replace("#", r"(-?[\d.]+) \w+ \[(-?[\d.]+), (-?[\d.]+)\]"), text)
    assert found, text
    return [float(number) for number in found.groups()]


def test_what_choices_are_worth_is_what_the_files_say(analysis, tuned):
    first, second, third = answer(analysis)
    assert first.startswith("Normalization and activation matter: averaged over all else, batch normalization is ")
    sooner = said("batch normalization is # sooner than no normalization", first)
    assert sooner == pytest.approx(apart(tuned, "normalization", "batch", "none", "time"), rel=0.05)
    higher = said("than no normalization, and # higher in test accuracy", first)
    points = tuned.assign(points=-100 * tuned["test_accuracy"])
    assert higher == pytest.approx(apart(points, "normalization", "batch", "none", "points"), rel=0.05)
    sooner = said("relu is # sooner than tanh", first)
    assert sooner == pytest.approx(apart(tuned, "activation", "relu", "tanh", "time"), rel=0.05)
    assert second.startswith("No effect of clipping is sure: at most, ")
    assert third.startswith("What normalization does depends most on depth: batch normalization is ")
    for depth in (2, 8):
        sooner = said(f"# sooner at depth {depth}", third)
        cells = tuned[tuned["depth"] == depth]
        assert sooner == pytest.approx(apart(cells, "normalization", "batch", "none", "time"), rel=0.05)


def test_the_strip_counts_what_the_files_hold(analysis, study):
    cells = pd.read_parquet(study / "cells.parquet")
    size, diverged, best, taken = numbers(analysis)
    assert (size.value, size.label) == (f"{len(cells):,}", "cells, 6 seeds")
    assert diverged.value == str((cells["status"] != "finished").sum())
    assert re.fullmatch(r"\d+ of 8", best.value)
    assert best.label == "combinations cannot be told from the fastest at depth 8"
    steps = pd.read_parquet(study / "curves.parquet").groupby("key")["step"].max().sum()
    assert (taken.value, taken.label) == (f"{steps:,}", "training steps")


@pytest.mark.parametrize(
    ("seconds", "text"), [(20.0, "under 1 min"), (61.0, "1 min"), (1200.0, "20 min"), (7260.0, "121 min")]
)
def test_minutes_are_those_that_the_manifest_reckons(seconds, text, analysis, monkeypatch):
    monkeypatch.setitem(analysis.manifest, "reckoned_seconds", seconds)
    assert cost(analysis).value == text


def test_a_contrary_effect_is_called_one(analysed):
    def contrary(cell):
        slow = (cell["normalization"] == "none") == (cell["depth"] == 8)
        return Outcome(3 + (6 if cell["depth"] == 8 else 2) * slow + luck(cell, 4) / 2)

    texts = answer(analysed({**FACTORS, "lr": [0.1]}, contrary, HORIZON))
    assert re.search(r"epochs? \[.*\] later at depth 2, but .* sooner at depth 8 than no normalization\.$", texts[-1])


@pytest.mark.parametrize(
    ("factors", "epochs", "asked"),
    [
        ({}, 6, "How does one network of depth 3 train on digits?"),
        ({"depth": [2, 8]}, 6, "What does depth do to training on digits?"),
        ({"init": ["zeros", "he_normal"]}, 6, "What does initialization do to training at depth 3 on digits?"),
        (
            {"init": ["zeros", "he_normal"], "batch_size": [8, 64], "depth": [2, 8]},
            6,
            "What do initialization and batch size do to training at depths 2 and 8 on digits?",
        ),
        ({"examples": [64, None], "width": [4, 8]}, 6, "What does width do to training at depth 3 on digits?"),
        (
            {"init": ["zeros", "he_normal"]},
            0,
            "What does initialization do to the signal of an untrained network at depth 3 on digits?",
        ),
    ],
)
def test_the_question_names_what_is_asked(factors, epochs, asked, analysed):
    assert question(analysed(factors, lambda _: Outcome(), epochs).design) == asked


def test_one_seed_one_cell_and_none_that_arrives_have_a_first_screen(analysed):
    few = opening(analysed({"init": ["zeros", "he_normal"]}, lambda c: Outcome(2 if c["init"] == "zeros" else 4)))
    assert few.answer == [
        "With one seed nothing can be told apart: zeros is 2 epochs sooner than he_normal, and 0 points higher in test "
        "accuracy."
    ]
    assert few.warning.startswith("Few seeds")
    assert few.command == "python pipelines/study.py study=single name=synthetic 'seed=[0,1,2,3,4]'"


def test_a_single_cell_says_when_it_arrives(analysed):
    single = opening(analysed({}, lambda _: Outcome(2)))
    assert single.answer == [
        "It reaches 90% validation accuracy after 2 epochs; its best validation accuracy is 96.0%, and it ends with "
        "86.0% test accuracy."
    ]
    gone = answer(analysed({}, lambda _: Outcome(diverges=2)))
    assert gone == ["It diverged at step 16."]
    assert [number.value for number in single.numbers][:3] == ["1", "0", "2"]
    assert (single.warning, single.command) == ("", "")


def test_what_matters_most_is_what_is_warned_of(analysed):
    late = opening(analysed({**FACTORS, "lr": [0.1], "seed": [0, 1, 2]}, lambda _: Outcome(None)))
    assert late.numbers[2].value == "none"
    assert late.warning.startswith("No tuned run reaches 90% validation accuracy within 6 epochs, so that nothing can")
    assert "sooner" not in " ".join(late.answer)
    later = opening(analysed({**FACTORS, "lr": [0.1], "seed": range(5)}, lambda c: Outcome(None if c["seed"] else 2)))
    assert later.warning.startswith("80% of the tuned runs do not reach the target within 6 epochs")
    assert later.command.endswith("training.epochs=12")


def test_at_the_edge_of_the_rates_more_of_them_are_tried(analysed):
    edge = opening(analysed(FACTORS, lambda c: Outcome(2 + (c["lr"] == 0.01), best_loss=0.1 / c["lr"]), HORIZON))
    assert edge.warning == (
        "The best lr lies at the edge of the values tried in 16 of 16 combinations, where a better one may lie outside."
    )
    assert edge.command.endswith("'lr=[0.01,0.1,1]'")
