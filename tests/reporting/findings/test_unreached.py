"""Where none reaches the target: once said, nothing compared by time, and a target that tells, whose report does."""

import shlex

import pytest

from ablation.reporting.findings import findings
from ablation.reporting.findings.opening import opening
from ablation.reporting.findings.unreached import none_arrives, nothing_of_times, telling_target
from ablation.reporting.questions import ask_all
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "elu"], "normalization": ["none", "batch"], "seed": [0, 1, 2]}
OF_TIMES = ("epochs [", "restricted mean", "sooner", "the slowest", "the fastest")


def short(cell):
    """Scores between 60% and 78%, all below the target of 90%."""
    return Outcome(None, final=0.6 + 0.05 * LEVELS["activation"].index(cell["activation"]) + 0.06 * cell["seed"])


def test_it_is_said_once_and_no_times_are_compared(analysed):
    analysis = analysed(LEVELS, short)
    assert none_arrives(analysis)
    texts = [*findings(analysis), *opening(analysis).answer]
    assert sum("nothing can be said of times" in text for text in texts) == 1
    assert not [text for text in texts for word in OF_TIMES if word in text]
    assert not [each.title for each in ask_all(analysis) for word in OF_TIMES if word in each.answer]


def test_the_target_that_is_named_is_reached_by_half(analysed):
    analysis = analysed(LEVELS, short)
    _, command = nothing_of_times(analysis)
    target = float(shlex.split(command)[-1].removeprefix("report.target="))
    share = (analysis.tuned["best_val_accuracy"] >= target).mean()
    assert share >= 0.5
    assert (analysis.tuned["best_val_accuracy"] >= target + 0.01).mean() <= 0.5
    again = analysed(LEVELS, short, target=target)
    assert again.tuned["reached"].mean() == pytest.approx(share)


def test_where_none_learns_no_target_would_tell(analysed):
    analysis = analysed(LEVELS, lambda _: Outcome(diverges=1))
    assert telling_target(analysis) is None
    text, command = nothing_of_times(analysis)
    assert text.endswith("none is better than guessing.")
    assert command == ""


def test_one_that_arrives_is_enough_to_speak_of_times(analysed):
    analysis = analysed(LEVELS, lambda c: Outcome(2 if c["seed"] else None))
    assert not none_arrives(analysis)
    assert not any("nothing can be said of times" in text for text in findings(analysis))
