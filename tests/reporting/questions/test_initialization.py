"""Which initializer is soonest and what saturates: as planted, and the other way round."""

import pytest

from ablation.reporting.questions import initialization
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["tanh", "relu"], "init": ["small", "good", "large", "zeros"], "seed": range(6)}


def planted(small, good, large):
    outcomes = {"small": small, "good": good, "large": large}
    return lambda c: outcomes.get(c["init"], Outcome(1, saturated=0.0))


def test_the_soonest_is_named_with_what_saturates_and_what_fades(analysed):
    plant = planted(Outcome(None, saturated=0.0, fade=0.01), Outcome(2, saturated=0.02), Outcome(5, saturated=0.8))
    found = initialization.ask(analysed(LEVELS, plant))
    assert "tanh is the soonest with good (2 epochs), which saturates 2.0% of its worst layer" in found.answer
    assert "where large saturates 80% (time +3 epochs against good [+3, +3], a clear difference)" in found.answer
    assert "with small the activations fade to 1.0% of the first layer's spread" in found.evidence[0]
    assert "relu" not in found.answer
    assert "zeros" not in found.answer + found.evidence[0]


def test_it_flips_with_the_data(analysed):
    plant = planted(Outcome(5, saturated=0.0), Outcome(4, saturated=0.02), Outcome(1, saturated=0.8))
    assert "large (1 epoch), although that saturates most (80%" in initialization.ask(analysed(LEVELS, plant)).answer


def test_where_nothing_saturates_it_says_so(analysed):
    plant = planted(Outcome(3, saturated=0.0), Outcome(2, saturated=0.01), Outcome(4, saturated=0.03))
    assert "hardly a unit saturates with any initializer" in initialization.ask(analysed(LEVELS, plant)).answer


def test_where_nothing_learns_saturation_does_not_decide(analysed):
    plant = planted(*(Outcome(None, saturated=x) for x in (0.0, 0.02, 0.8)))
    answer = initialization.ask(analysed(LEVELS, plant)).answer
    assert "tanh reaches the target with no initializer, not even small, which saturates 0%" in answer


@pytest.mark.parametrize(("seeds", "says"), [(2, "weak evidence from so few seeds"), (1, "one seed: no interval")])
def test_few_seeds_are_weak_evidence(seeds, says, analysed):
    plant = planted(Outcome(None), Outcome(2, saturated=0.02), Outcome(5, saturated=0.8))
    assert says in initialization.ask(analysed({**LEVELS, "seed": range(seeds)}, plant)).answer


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"activation": ["relu", "elu"], "init": ["a", "b"]}, "a bounded activation (logistic or tanh)."),
        ({"activation": ["tanh"], "init": ["he_normal", "zeros"]}, "a second initializer."),
        ({"activation": ["relu"]}, "a bounded activation (logistic or tanh) and a second initializer."),
    ],
)
def test_what_is_missing_is_said(levels, says, analysed):
    found = initialization.ask(analysed(levels, lambda _: Outcome()))
    assert found.answer == ""
    assert says in found.missing
    assert found.view.why == found.missing
