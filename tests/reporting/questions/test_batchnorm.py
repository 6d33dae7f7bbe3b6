"""Scale, placement and inputs: each answer as planted, and the other way round."""

import re

import pytest

from ablation.reporting.questions import batchnorm
from tests.reporting.synthetic import Outcome

LEVELS = {
    "normalization": ["none", "batch", "batch_after", "batch_input"],
    "init": ["small", "large"],
    "depth": [2, 4],
    "seed": range(6),
}
TIMES = {"none": 4, "batch": 2, "batch_after": 3, "batch_input": 1}


def planted(spreads=(2, 0), times=TIMES):
    """Times by normalization; ``spreads`` is what the large initializer adds to them without and with a batch's."""

    def plant(cell):
        large, level = cell["init"] == "large", cell["normalization"]
        batch = level != "none"
        after = 3.0 if batch else 30.0 if large else 0.3
        start = 1.0 if batch else after
        return Outcome(times[level] + large * spreads[batch], weight=9.0 if large else 1.5, preact=(start, after))

    return plant


def test_each_part_is_answered(analysed):
    found = batchnorm.ask(analysed(LEVELS, planted()))
    scale, place, inputs = found.answer.split("; ")
    assert scale.startswith("Yes: with it the scale with which the network begins matters less (spread of times")
    assert "-2 epochs over 6 seeds [-2, -2], a clear difference" in scale
    assert place.startswith("after the activation rather than before it: worse (+1 epoch over 6 seeds")
    assert inputs.startswith("on the inputs too: better (-1 epoch over 6 seeds")
    assert found.missing == ""
    assert "2 initializers, whose weights differ up to 6-fold in size" in found.evidence[0]
    assert "spreads by 0 epochs with batch normalization and 2 without" in found.evidence[0]


def test_what_training_does_to_the_scale_is_measured(analysed):
    evidence = batchnorm.ask(analysed(LEVELS, planted())).evidence
    assert evidence[1].startswith("Training moves the scale: the standard deviation of what enters the activation")
    assert (
        "from 1 by a factor of 3 [3, 3]; at the end it differs between initializers 1-fold with it and 100-fold"
        in (evidence[1])
    )


@pytest.mark.parametrize(
    ("spreads", "says"),
    [((0, 2), "No: with it the scale"), ((1, 1), "Not clearly: with it"), ((2, 1), "In part: with it the scale")],
)
def test_scale_flips_with_the_data(spreads, says, analysed):
    assert batchnorm.ask(analysed(LEVELS, planted(spreads))).answer.startswith(says)


def test_places_flip_with_the_data(analysed):
    times = {"none": 4, "batch": 2, "batch_after": 1, "batch_input": 2}
    _, place, inputs = batchnorm.ask(analysed(LEVELS, planted(times=times))).answer.split("; ")
    assert "before it: better (-1 epoch" in place
    assert "on the inputs too: not clearly another (+0 epochs" in inputs


@pytest.mark.parametrize("seeds", [1, 3])
def test_few_seeds_are_no_clear_answer(seeds, analysed):
    answer = batchnorm.ask(analysed({**LEVELS, "seed": range(seeds)}, planted())).answer
    assert answer.startswith("Not clearly")
    assert answer.count("one seed: no interval" if seeds == 1 else "weak evidence from so few seeds") == 3


def test_what_is_there_is_answered_and_what_is_missing_is_said(analysed):
    found = batchnorm.ask(analysed({**LEVELS, "normalization": ["none", "batch"]}, planted()))
    assert found.answer.startswith("Yes")
    assert "rather than" not in found.answer
    assert "batch normalization after the activation and batch normalization of the inputs too." in found.missing
    assert found.view.why == ""
    found = batchnorm.ask(analysed({**LEVELS, "normalization": ["none", "batch_after"]}, planted()))
    assert "+normalization.batch_before=" in found.missing
    assert "+normalization.batch_after=" not in found.missing
    found = batchnorm.ask(analysed({"normalization": ["none"]}, lambda _: Outcome()))
    assert (found.answer, found.view.why) == ("", found.missing)


def test_initializers_stand_in_the_order_of_their_scale(analysed):
    found = batchnorm.ask(analysed({**LEVELS, "init": ["large", "small"]}, planted()))
    assert list(found.view.frame["init"].cat.categories) == ["small", "large"]


def test_a_place_that_only_another_level_has_is_not_asked_for_twice(analysed):
    """The slides' network normalizes after the activation and on the inputs at once, which is neither by itself."""
    data = analysed({**LEVELS, "normalization": ["none", "batch"]}, planted())
    data.manifest["levels"]["normalization"]["batch"] |= {"placement": "after", "input": True}
    found = batchnorm.ask(data)
    assert found.answer.startswith("Yes")
    added = re.findall(r"\+normalization\.(\w+)=\{([^}]*)\}", found.missing)
    assert [name for name, _ in added] == ["batch_before", "batch_after", "batch_input"]
    assert ["input: true" in text for _, text in added] == [False, False, True]
    assert ["placement: after" in text for _, text in added] == [False, True, False]
