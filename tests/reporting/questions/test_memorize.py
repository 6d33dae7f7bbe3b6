"""When a network memorizes: the sizes from which on it fits, and what that costs, as planted."""

from dataclasses import replace

import numpy as np
import pytest

from ablation.reporting.asking.capacity import bracket, brackets, fold, over_seeds, scored, size_of
from ablation.reporting.figures.theme import themed
from ablation.reporting.questions import memorize
from ablation.studies.study import check_study
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome, parameters

LEVELS = {
    "depth": [1, 2],
    "width": [4, 8, 16, 32],
    "examples": [64, None],
    "label_noise": [0.0, 0.5, 1.0],
    "seed": range(4),
}


def size(depth: int, width: int) -> int:
    return parameters({"depth": depth, "width": width})


def planted(true=4, random=16, fewer=8, later=0, gone=()):
    """Widths from which on labels are fitted: the true ones, random ones, and random ones of few examples.

    With seed 3 it is ``later`` widths further on; the widths in ``gone`` diverge.
    """

    def plant(cell):
        noise = cell["label_noise"]
        at = true if noise == 0 else fewer if cell["examples"] else random
        if noise and cell["seed"] == 3:
            at *= 2**later
        if cell["width"] in gone:
            return Outcome(diverges=2)
        fits = cell["width"] >= at
        right = {0.0: 0.9, 0.5: 0.5 - 0.2 * fits, 1.0: 0.1}[noise]
        return Outcome(2, final=right, fits=1.0 if fits else 0.6 + 0.001 * cell["seed"])

    return plant


@pytest.mark.parametrize(
    ("fits", "found"),
    [
        ([False, False, True, True], (20, 30)),
        ([False, True, False, True], (30, 40)),
        ([True, True, True, True], (0, 10)),
        ([True, True, True, False], (40, np.inf)),
        ([False] * 4, (40, np.inf)),
    ],
)
def test_a_bracket_is_between_the_last_that_fails_and_the_next(fits, found):
    assert bracket(np.array([10.0, 20.0, 30.0, 40.0]), fits) == found


def test_an_interval_has_the_sizes_between_and_the_seeds():
    few = np.array([[2.0, 3.0], [1.0, 2.0], [4.0, 8.0]])
    assert over_seeds(few, 0.95) == (1, 8), "of few seeds all that any of them leaves open"
    assert over_seeds(few[:1], 0.95) == (2, 3)
    assert over_seeds(np.array([[1.0, 2.0]] * 4), 0.95) == (1, 2), "seeds that agree leave what is between the sizes"
    # Of ten values, the second to the ninth hold the median in 97.9% of studies: P(Binomial(10, 1/2) <= 1) = 11/1024.
    many = np.array([[0.0, 1.0], *([[4.0, 8.0]] * 8), [16.0, np.inf]])
    assert over_seeds(many, 0.95) == (4, 8), "and need no seed that never fits"


def test_sizes_are_those_planted(analysed):
    analysis = analysed(LEVELS, planted())
    cells = scored(analysis, analysis.tuned)
    own = cells[(cells["depth"] == 1) & (cells["label_noise"] == 1.0)]
    whole, few = own[own["examples"] == "all"], own[own["examples"] == 64]
    found = size_of(analysis, whole)
    assert (found.low, found.high) == pytest.approx((size(1, 8), size(1, 16)))
    assert (found.examples, found.smallest, found.largest) == (256, size(1, 4), size(1, 32))
    assert (found.fitting, found.seeds, found.is_known) == (4, 4, True)
    assert size_of(analysis, few).examples == 64
    ratio = fold(analysis, few, whole)
    assert ratio == pytest.approx((size(1, 8) / size(1, 8), size(1, 16) / size(1, 4)))
    assert fold(analysis, cells[(cells["depth"] == 1) & (cells["label_noise"] == 0.0)], whole) is None, "no lower end"


def test_a_seed_that_comes_later_widens_the_interval(analysed):
    """By what that seed leaves open, to the next size tried."""
    analysis = analysed(LEVELS, planted(random=8, later=1))
    cells = scored(analysis, analysis.tuned)
    own = cells[(cells["depth"] == 1) & (cells["label_noise"] == 1.0) & (cells["examples"] == "all")]
    assert brackets(own)[:, 1].tolist() == [size(1, 8)] * 3 + [size(1, 16)]
    found = size_of(analysis, own)
    assert (found.low, found.high) == (size(1, 4), size(1, 16))


def test_the_answer_says_from_which_size_on(analysed):
    found = memorize.ask(analysed(LEVELS, planted()))
    low, high = size(1, 8), size(1, 16)
    assert found.answer.startswith(
        f"With random labels a network fits 99% of the labels of 256 examples from between {low:,} and {high:,} "
        f"parameters on ({low / 256:.2g} to {high / 256:.2g} an example) at depth 1 and from between {size(2, 8):,} "
    )
    assert f"; with the true labels from {size(1, 4):,} parameters on or fewer" in found.answer
    evidence = " ".join(found.evidence)
    few = f"from between {size(1, 4):,} and {size(1, 8):,} parameters on ({size(1, 4) / 64:.2g} to"
    assert f"With random labels a network fits 99% of the labels of 64 examples {few}" in evidence
    assert "label_noise 1 against label_noise 0 " in evidence
    assert (
        "90% with the true labels, 30% with 50% of the labels random and 10% with random labels on average." in evidence
    )
    assert "With 50% of the labels random of 256 examples width 32 has -20 points [-20, -20]" in evidence
    assert "on the validation part against width 4, the best of 4 widths." in evidence
    assert "they end 0 points below their best evaluation on the way" in evidence
    assert found.missing == ""


def test_it_flips_with_the_data(analysed):
    found = memorize.ask(analysed(LEVELS, planted(random=64, fewer=64)))
    assert "a network fits 99% of the labels of 256 examples with no seed up to" in found.answer
    assert f"{size(2, 32):,} parameters ({size(2, 32) / 256:.2g} an example) at depth 2" in found.answer
    found = memorize.ask(analysed(LEVELS, planted(random=32, later=1)))
    assert "only with 3 of 4 seeds up to" in found.answer
    found = memorize.ask(analysed(LEVELS, planted(true=8, random=16)))
    low, high = size(1, 8) / size(1, 8), size(1, 16) / size(1, 4)
    assert f"At depth 1, random labels take {low:.2g} to {high:.2g} times the parameters" in " ".join(found.evidence)


def test_the_gap_is_the_difference_of_the_scores(analysed):
    analysis = analysed(LEVELS, planted(gone=(16,)))
    cells = scored(analysis, analysis.tuned)
    assert cells.loc[cells["diverged"], ["fit", "right"]].to_numpy() == pytest.approx(0.1)
    assert (cells.loc[cells["diverged"], "gap"] == 0).all()
    own = cells[(cells["width"] == 32) & (cells["label_noise"] == 0.5)]
    assert own["gap"].to_numpy() == pytest.approx(0.7)
    assert own["lost"].to_numpy() == pytest.approx(0.0, abs=1e-6)
    found = memorize.ask(analysis)
    assert found.evidence[-1].endswith("48 cells that diverged count as guessing.")


@pytest.mark.parametrize(
    ("levels", "says", "answered"),
    [
        ({"width": [8]}, ": several widths. The preset study=capacity has", False),
        ({"label_noise": [0.0]}, ": random labels. The preset", True),
        ({"examples": [None]}, ": fewer examples. The preset", True),
        ({"examples": [64], "label_noise": [0.0]}, ": random labels and fewer examples. The preset", True),
    ],
)
def test_what_is_missing_is_said_and_the_rest_is_answered(levels, says, answered, analysed):
    found = memorize.ask(analysed({**LEVELS, **levels}, planted()))
    assert says in found.missing
    assert bool(found.answer) == answered


def test_widths_that_are_tuned_over_are_not_compared(analysed):
    found = memorize.ask(analysed(LEVELS, planted(), nuisance=("width",)))
    assert (found.answer, found.missing) == ("", "The report tunes over width: there are no levels to compare.")


ODD = {
    "one seed": ({**LEVELS, "seed": [7]}, planted(random=8)),
    "all diverged": (LEVELS, lambda _: Outcome(diverges=1)),
    "all diverged at step 0": (LEVELS, lambda _: Outcome(diverges=0)),
    "noise alone": ({"width": [4, 8], "label_noise": [0.25], "seed": [0, 1]}, lambda _: Outcome(fits=0.5)),
    "two data sets": ({**LEVELS, "data": ["digits", "other"], "seed": [0, 1]}, planted()),
    "many levels": (
        {
            "depth": range(1, 10),
            "width": range(2, 9),
            "examples": [8, 16, 32, 64, None],
            "label_noise": np.arange(6) / 5,
        },
        lambda c: Outcome(fits=float(c["width"] > 4)),
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_study_is_answered_and_drawn(name, analysed):
    analysis = analysed(*ODD[name])
    found = memorize.ask(analysis)
    assert found.answer.endswith(".")
    for text in (found.answer, *found.evidence, found.missing, found.view.title, found.view.caption):
        assert not any(word in text.replace("(", " ").split() for word in ("nan", "inf", "None")), text
    assert len(found.view.rows) * len(found.view.columns) <= 12
    drawn(memorize, found.view, analysis.design)


def test_the_figure_has_both_scores_of_every_depth(analysed):
    analysis = analysed(LEVELS, planted())
    found = memorize.ask(analysis).view
    assert (list(found.rows), list(found.columns)) == ([64, "all"], [0.0, 0.5, 1.0])
    with themed():
        figure = memorize.plot(found, analysis.design)
    corner = figure.axes[-1]
    solid, dashed = ([line for line in corner.lines if line.get_linestyle() == how] for how in ("-", "--"))
    assert len(solid) == len(dashed) == 2
    assert solid[0].get_xdata().tolist() == [size(1, width) for width in LEVELS["width"]]
    assert solid[0].get_ydata()[2:] == pytest.approx([1.0, 1.0])
    assert dashed[0].get_ydata() == pytest.approx([0.1] * 4)


def test_the_preset_has_all_that_is_asked_for(analysed, compose):
    config = compose("study=capacity")
    check_study(config)
    levels = {factor: config[factor] for factor in memorize.SHOWN}
    assert memorize.ask(analysed({**levels, "seed": [0, 1]}, planted())).missing == ""
    assert len(config["seed"]) >= 3


def test_a_missing_level_can_be_added_as_is_told(analysed, compose):
    told = memorize.ask(analysed({"width": [8]}, lambda _: Outcome())).missing
    overrides = told.split("added by ")[1].removesuffix(".").split()
    study = check_study(compose("study=single", *overrides))
    assert replace(study, name="x").numbers["examples"] == [256, None]
