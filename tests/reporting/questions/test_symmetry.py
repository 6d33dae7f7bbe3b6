"""Zeros against random weights: yes, no, and not to be told, as planted."""

import pytest

from ablation.reporting.questions import symmetry
from tests.reporting.synthetic import Outcome

LEVELS = {"init": ["zeros", "he_normal"], "activation": ["logistic", "relu"], "depth": [2, 5], "seed": range(6)}


def planted(zeros, others=2, weight=0.0):
    """``zeros`` and ``others`` are when they reach the target; with logistic, the weights move all the same."""

    def plant(cell):
        if cell["init"] != "zeros":
            return Outcome(others)
        return Outcome(zeros, weight=0.5 if cell["activation"] == "logistic" else weight)

    return plant


@pytest.mark.parametrize(
    ("zeros", "others", "says"),
    [
        (None, 2, "Yes: with zeros no cell reaches the target; against random weights"),
        (5, 2, "Yes: with zeros the target is reached less often or later"),
        (2, 5, "Not here: zeros does better than random weights"),
        (2, 2, "The evidence does not tell zeros from random weights"),
        (None, None, "Not to be told here: no cell reaches the target"),
    ],
)
def test_the_verdict_follows_the_data(zeros, others, says, analysed):
    assert symmetry.ask(analysed(LEVELS, planted(zeros, others))).answer.startswith(says)


def test_numbers_are_those_planted(analysed):
    found = symmetry.ask(analysed(LEVELS, planted(None)))
    assert "by +4 epochs over 6 seeds [+4, +4], a clear difference" in found.answer
    assert "in 0 of 24 cells that begin with zeros and in 24 of 24 cells that do not" in found.evidence[0]
    assert "15% and 96% on average, where guessing has 10% (-81 points" in found.evidence[0]
    assert found.evidence[1] == (
        "In 12 of 24 cells that begin with zeros, no weight of any hidden layer has moved by the end; those in which "
        "some have are of logistic."
    )


@pytest.mark.parametrize("seeds", [1, 3])
def test_few_seeds_are_no_clear_answer(seeds, analysed):
    answer = symmetry.ask(analysed({**LEVELS, "seed": range(seeds)}, planted(None))).answer
    assert answer.startswith("The evidence does not tell")
    assert ("one seed: no interval" if seeds == 1 else "weak evidence from so few seeds") in answer


@pytest.mark.parametrize(
    ("inits", "says"),
    [(["he_normal"], ": the initializer zeros. "), (["zeros"], ": an initializer of random weights. ")],
)
def test_what_is_missing_is_said(inits, says, analysed):
    found = symmetry.ask(analysed({**LEVELS, "init": inits}, planted(None)))
    assert (found.answer, found.view.why) == ("", found.missing)
    assert says in found.missing
