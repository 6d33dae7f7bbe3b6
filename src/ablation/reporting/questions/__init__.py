"""The course's questions: which there are, and what the study says to each."""

from collections.abc import Sequence

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.question import Asked, Question, unanswered
from ablation.reporting.questions import (
    adaptive,
    batch_size,
    batchnorm,
    clipping,
    elu_relu,
    initialization,
    memorize,
    optimizer,
    symmetry,
    vanishing,
    warmup,
)
from ablation.reporting.wording.captions import UNTRAINED

QUESTIONS: tuple[Asked, ...] = (
    initialization,
    vanishing,
    elu_relu,
    batchnorm,
    clipping,
    symmetry,
    optimizer,
    adaptive,
    warmup,
    batch_size,
    memorize,
)
"""Every question, in the order of the page."""

BY_TIME: tuple[Asked, ...] = (elu_relu, batchnorm, clipping)
"""Those that are answered by a difference of times, and not where no run arrives; the others say so themselves."""


def ask_all(analysis: Analysis, questions: Sequence[Asked] = QUESTIONS) -> list[Question]:
    """Every question, or each of these, with the study's answer to it."""
    if analysis.design.untrained:
        return [unanswered(question.NAME, question.TOPIC, UNTRAINED) for question in questions]
    timeless = BY_TIME if analysis.censoring.whole == 1 else ()
    why = f"No tuned run reaches {analysis.design.goal}: there are no times to compare."
    return [
        unanswered(question.NAME, question.TOPIC, why) if question in timeless else question.ask(analysis)
        for question in questions
    ]
