"""Whether an activation is a cure: yes, in part, no, or nothing to cure, as planted."""

import pytest

from ablation.reporting.questions import vanishing
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["logistic", "relu"], "init": ["small", "good"], "depth": [2, 11], "seed": range(6)}


def planted(**decades):
    """Decades per layer, by activation and initializer; 0.5 of them lose 5 over eleven layers."""
    return lambda c: Outcome(
        2 if decades[f"{c['activation']}_{c['init']}"] < 0.3 else None,
        decades=decades[f"{c['activation']}_{c['init']}"],
    )


@pytest.mark.parametrize(
    ("decades", "says"),
    [
        ((0.5, 0.5, 0.1, 0.1), "Yes, as far as these initializers go: with relu it vanishes with none of them"),
        ((0.1, 0.1, 0.5, 0.5), "Yes, as far as these initializers go: with logistic it vanishes with none of them"),
        ((0.5, 0.5, 0.5, 0.1), "In part: the activation matters, but none keeps the gradient with every initializer"),
        ((0.5, 0.5, 0.5, 0.5), "No: with every activation the gradient vanishes with 2 initializers"),
        ((0.2, 0.1, 0.1, 0.1), "There is nothing to cure"),
    ],
)
def test_the_verdict_follows_the_data(decades, says, analysed):
    names = ("logistic_small", "logistic_good", "relu_small", "relu_good")
    assert says in vanishing.ask(analysed(LEVELS, planted(**dict(zip(names, decades, strict=True))))).answer


def test_decades_and_counts_are_those_planted(analysed):
    plant = planted(logistic_small=0.6, logistic_good=0.5, relu_small=0.4, relu_good=-0.4)
    found = vanishing.ask(analysed(LEVELS, plant))
    # Ten steps between eleven layers; a gradient that grows counts as none lost.
    assert "logistic loses 5.5 decades of gradient before training and relu 2 (+3.5 decades" in found.answer
    assert "logistic with 2 of 2 initializers, 2 after training (0% of its cells" in found.evidence[0]
    assert "relu with 1 of 2 initializers, 1 after training, exploding in 50% of cells (50%" in found.evidence[0]
    assert "The initializer matters less than the activation: initializers differ by 4.5 decades" in found.evidence[1]
    assert "activations by 5.5" in found.evidence[1]


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"activation": ["relu"], "depth": [5]}, "a second activation."),
        ({"activation": ["relu", "tanh"], "depth": [1]}, "a depth above 1."),
    ],
)
def test_what_is_missing_is_said(levels, says, analysed):
    found = vanishing.ask(analysed(levels, lambda _: Outcome()))
    assert (found.answer, found.view.why) == ("", found.missing)
    assert says in found.missing


def test_a_gradient_of_zero_stands_at_the_floor(analysed):
    plant = lambda c: Outcome(decades=400.0 if c["activation"] == "logistic" else 0.0)  # noqa: E731
    found = vanishing.ask(analysed({**LEVELS, "depth": [2]}, plant))
    assert found.view.frame["mean"].max() == -vanishing.FLOOR, "as in the text, what is lost is above zero"
    assert "logistic loses 30 decades" in found.answer
