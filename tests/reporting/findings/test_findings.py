"""Sentences change with the data, and weak evidence is called so."""

import re

import numpy as np
import pytest

from ablation.reporting.findings import findings
from ablation.reporting.findings.headlines import headlines
from ablation.reporting.findings.signals import beside_theory, gradients
from tests.reporting.synthetic import Outcome

BOTH = {"normalization": ["none", "batch"]}


def about(analysis, start):
    return [text for text in findings(analysis) if text.startswith(start)]


@pytest.mark.parametrize(
    ("seeds", "plant", "says"),
    [
        (
            6,
            lambda c: Outcome(2 if c["normalization"] == "batch" else 5),
            "-3 epochs [-3, -3] over 6 seeds, a clear difference",
        ),
        (
            6,
            lambda c: Outcome(5 if c["normalization"] == "batch" else 2),
            "+3 epochs [+3, +3] over 6 seeds, a clear difference",
        ),
        (
            2,
            lambda c: Outcome(2 if c["normalization"] == "batch" else 5),
            "-3 epochs [-3, -3] over 2 seeds, the same in every seed but weak evidence from so few",
        ),
        (6, lambda _: Outcome(3), "+0 epochs (the same runs to the bit under two names: it never acted)"),
        (
            3,
            lambda c: Outcome(2 + 0.1 * c["seed"] if c["normalization"] == "batch" else 5),
            "a clear difference",
        ),
        (3, lambda c: Outcome(2 + c["seed"] if c["normalization"] == "batch" else 5), "no clear difference"),
        (1, lambda c: Outcome(2 if c["normalization"] == "batch" else 5), "one seed: no interval"),
    ],
)
def test_effect_of_normalization(seeds, plant, says, analysed):
    (text,) = about(analysed({**BOTH, "seed": range(seeds)}, plant), "At depth 3, batch normalization brings")
    assert says in text


@pytest.mark.parametrize(("inits", "said"), [(("one", "other"), 1), (("one", "other", "third"), 0)])
def test_two_initializers_are_set_beside_each_other(inits, said, analysed):
    times = dict(zip(inits, (2, 5, 3), strict=False))
    found = about(
        analysed({"init": [*inits], "seed": range(3)}, lambda c: Outcome(times[c["init"]])), "At depth 3, other"
    )
    assert len(found) == said
    assert all("restricted mean time differs by +3 epochs" in text for text in found)


def test_share_reached_is_counted(analysed):
    first = findings(analysed({"seed": range(10)}, lambda c: Outcome(2 if c["seed"] < 7 else None, diverges=None)))[0]
    assert first.startswith(
        "7 of 10 cells (70%, 95% interval over seeds 40% to 89%) reached 90% validation accuracy within 6 epochs"
    )
    assert first.endswith("0 cells diverged.")


def test_what_cannot_be_told_apart_is_a_set_and_no_first(analysed):
    """Which of two is ahead hangs on the seed; a third is far behind with all."""
    late = {"relu": [1, 2, 1, 2, 1], "tanh": [2, 1, 2, 1, 2], "elu": [5, 5.5, 6, 5, 5.5]}
    levels = {"activation": list(late), "seed": range(5)}
    analysis = analysed(levels, lambda c: Outcome(np.ceil(late[c["activation"]][c["seed"]])), epochs=8)
    (text,) = about(analysis, "At depth 3, the fastest")
    assert "cannot be told apart: 2 of 3 combinations, among them relu" in text
    assert not any("the best is" in text for text in findings(analysis))
    alone = analysed(levels, lambda c: Outcome({"relu": 1, "tanh": 4, "elu": 6}[c["activation"]]), epochs=8)
    assert about(alone, "At depth 3, the fastest is relu: restricted mean 1 epoch")
    assert any("At depth 3, the best is relu (sooner than the next in 100% of problems)" in x for x in findings(alone))


def test_where_none_can_be_told_from_the_fastest_there_is_no_slowest(analysed):
    late = {"relu": [1, 2, 1, 2, 1], "tanh": [2, 1, 2, 1, 2]}
    levels = {"activation": list(late), "seed": range(5)}
    analysis = analysed(levels, lambda c: Outcome(late[c["activation"]][c["seed"]]), epochs=8)
    (text,) = about(analysis, "At depth 3, none of the 2 combinations can be told from the fastest, relu: restricted")
    assert "slowest" not in text


def test_a_clipping_that_never_acted_is_called_so(analysed):
    levels = {"clipping": ["none", "value"], "lr": [0.1, 1.0], "seed": [0, 1]}

    def planted(cell):
        acts = cell["clipping"] == "value" and cell["lr"] == 1.0
        return Outcome(2, loss=(2.4, 0.2 + 0.1 * acts + cell["lr"] + 0.01 * cell["seed"]))

    analysis = analysed(levels, planted)
    (text,) = about(analysis, "The 8 cells have 6 distinct outcomes")
    assert text.endswith("value clipping never acted in 50% of 4 cells.")


def test_vanishing_combinations_are_named(analysed):
    decades = {"logistic": 0.9, "tanh": 0.1, "relu": -0.9}
    plant = lambda c: Outcome(decades=decades[c["activation"]])  # noqa: E731
    vanishing, exploding = gradients(analysed({"activation": list(decades), "depth": [8]}, plant))
    assert vanishing.endswith("in 1 of 3 combinations: logistic + he_normal + no normalization.")
    assert exploding.endswith("in 1 of 3 combinations: relu + he_normal + no normalization.")


def test_no_combination_that_learns_is_said_plainly(analysed):
    analysis = analysed({"activation": ["relu", "tanh"]}, lambda _: Outcome(None))
    assert about(analysis, "No tuned run reaches 90% validation accuracy within 6 epochs")
    assert headlines(analysis)["depth_3_best_median_epochs"] is None


def test_cells_without_a_gradient_are_counted(analysed):
    some = gradients(analysed({"seed": range(4)}, lambda c: Outcome(diverges=None if c["seed"] else 0)))
    assert all(text.endswith("(3 cells; 1 more diverged before it was first measured).") for text in some)
    assert gradients(analysed({"seed": [0, 1]}, lambda _: Outcome(diverges=0))) == [
        "At depth 3, all 2 cells diverged before the gradient was first measured."
    ]


def test_without_training_only_what_was_measured_before_it_is_said(analysed):
    levels = {"normalization": ["none", "batch"], "depth": [10], "seed": [0, 1]}
    told = findings(analysed(levels, lambda _: Outcome(), epochs=0))
    assert told[0] == "The study trains for no epoch: nothing was learned."
    assert all("target" not in text for text in told)
    assert any(text.startswith("Before training, the slope of delta") for text in told)


def test_theory_is_said_to_hold_or_not(analysed):
    levels = {"init": ["xavier_normal", "he_normal"], "depth": [20], "width": [4096], "seed": [0, 1]}
    right = analysed(levels, lambda c: Outcome(decades=0.1505 if c["init"] == "xavier_normal" else 0.0))
    assert re.search(
        r"agrees with theory in 2 of 2 comparisons that can tell \(a departure of [\d.]+ decades a layer would show "
        r"with probability 80%; the predicted slope is 0.075; both medians\)\.$",
        beside_theory(right),
    )
    wrong = analysed(levels, lambda _: Outcome(decades=0.0))
    assert "agrees with theory in 1 of 2 comparisons that can tell (" in beside_theory(wrong)
    assert "both medians); it differs with" in beside_theory(wrong)
    assert "xavier_normal" in beside_theory(wrong)
    narrow = analysed({**levels, "width": [4]}, lambda _: Outcome(decades=0.0))
    assert "0 of 0 comparisons that can tell; 2 more are measured but undecided (a departure" in beside_theory(narrow)


def test_undecided_unmeasured_and_unpredicted_comparisons_are_counted_apart(analysed):
    levels = {"depth": [1, 30], "width": [8, 4096], "normalization": ["none", "batch", "layer"], "seed": [0, 1]}
    analysis = analysed(levels, lambda c: Outcome(decades=0.0, diverges=0 if c["normalization"] == "batch" else None))
    rows = analysis.agreement.rows.set_index(["normalization", "depth", "width"]).sort_index()
    assert (rows.loc["layer", "verdict"] == "no prediction").all()
    assert (rows.loc["batch", "verdict"] == "no measurement").all()
    assert (rows.loc[("none", 1), "verdict"] == "no measurement").all()
    assert rows.loc[("none", 30), "verdict"].tolist() == ["undecided", "agrees"]
    narrow, wide = (f"{rows.loc[('none', 30, width), 'detectable']:.2g}" for width in (8, 4096))
    assert beside_theory(analysis) == (
        "Before training, the slope of delta over depth agrees with theory in 1 of 1 comparison that can tell "
        f"(a departure of {wide} decades a layer would show with probability 80%; the predicted slope is 0); "
        f"1 more is measured but undecided (a departure of {narrow} decades a layer would show with probability 80%; "
        "the predicted slope is 0); for 6 there is no measurement; for 4 there is no theory here."
    )
