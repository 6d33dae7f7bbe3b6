"""A question of the course and its answer: a sentence computed from the data of one figure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ablation.reporting.analysis import Analysis
from ablation.reporting.figures import Plots
from ablation.reporting.figures.view import View


@dataclass(frozen=True)
class Question:
    """A question and what the study says to it.

    Attributes:
        title: the question.
        answer: the computed sentence; empty where the study cannot answer.
        evidence: further sentences, with what the answer rests on.
        missing: a line that says which levels the study lacks for a whole answer and how one gets them, or nothing;
            it stands at the page's end.
        view: the figure from whose data the answer is made. Where it cannot be drawn, its ``why`` is ``missing``.
    """

    title: str
    answer: str
    evidence: Sequence[str]
    missing: str
    view: View


class Asked(Plots, Protocol):
    """What a question's file holds, beside its figure."""

    NAME: str
    """Its figure's name."""

    TOPIC: str
    """The question."""

    def ask(self, analysis: Analysis) -> Question:
        """The question with the study's answer to it."""


def unanswered(name: str, title: str, missing: str) -> Question:
    """A question that the study cannot answer at all."""
    return Question(title, "", (), missing, View(name, title, why=missing))
