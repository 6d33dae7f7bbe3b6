"""Every cause has its words, with the numbers and the name that it is about."""

import pytest

from ablation.reporting.theory.verdicts import Cause, Reason
from ablation.reporting.wording.reasons import SAID, reason_text, reasons_text


def test_every_cause_is_said():
    assert set(SAID) == set(Cause)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (Reason(Cause.NO_MODEL, name="another"), "no theory here of another"),
        (Reason(Cause.NO_NORMALIZATION, name="{layer}"), "no theory here for the normalization {layer}"),
        (Reason(Cause.SHALLOW, (1, 0)), "too shallow for a slope: 1 layer"),
        (Reason(Cause.SHALLOW, (6, 5)), "too shallow for a slope: 6 layers, the first 5 left out"),
        (Reason(Cause.NO_DELTA, (29, 30)), "delta is zero or not finite in 29 of 30 layers"),
        (Reason(Cause.LENGTHS, (0.1234,)), "lengths: the last layer's is 0.12 times the predicted; with the measured"),
        (Reason(Cause.LATE, (11,)), "settles late: from layer 11 on they agree"),
    ],
)
def test_reasons_are_words(reason, says):
    assert reason_text(reason).startswith(says)


def test_several_reasons_stand_together():
    assert reasons_text(()) == ""
    several = Reason(Cause.TOO_NARROW), Reason(Cause.OUTSIDE)
    assert reasons_text(several) == "; ".join(map(reason_text, several))
