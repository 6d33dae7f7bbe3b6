"""How the notes on effects, the tests that cannot be made, and the censored shares are said."""

from collections.abc import Sequence

from ablation.reporting.design import plural
from ablation.reporting.statistics.censoring import MUCH, Censoring
from ablation.reporting.statistics.notes import Note, Remark
from ablation.reporting.statistics.survival import Untold

SAID = {
    Remark.LACKS_SEED: "{} of {} combinations lack a seed and are left out.",
    Remark.ONE_LEVEL: "One level: there is no effect to estimate.",
    Remark.NO_INTERACTIONS: "Too few cells for interactions: with them no degree of freedom is left to judge by.",
    Remark.NO_EFFECTS: "Too few cells for effects: no degree of freedom is left to judge them by.",
    Remark.ALIASED: "It cannot be told apart from the other effects and is left out.",
    Remark.PARTLY: "{} of its {} degrees of freedom can be estimated: combinations are missing.",
    Remark.NO_COMBINATION: "No combination was run with every seed.",
    Remark.NO_TERM: "No effect can be estimated.",
    Remark.CONSTANT: "The response is the same in every cell of a seed: there is no effect to estimate.",
    Remark.EXPLAINED: "The terms explain the response without remainder: nothing is left to judge an effect by.",
    Remark.UNTRAINED: "Nothing was trained, so there is no time to a target.",
    Remark.SEVERAL_LOSSES: "Several losses are compared, which have no scale in common.",
    Remark.UNKNOWN_GUESSING: "What guessing costs is not known for this loss.",
    Remark.ONE_SEED: "There is one seed: no interval, and three-way interactions stand for the error.",
    Remark.NO_INTERVAL: "No interval: with one seed fewer nothing is left to judge by.",
    Remark.UNTESTED: "No test: a single cell decides it, which leaves no error.",
}
"""Each remark as a sentence, with places for the note's numbers."""

NO_TEST = {
    None: "",
    Untold.NOBODY_ARRIVES: "nobody arrives",
    Untold.ALWAYS_TIED: "no two levels ever arrive at different times in a stratum",
}
"""Why there is no log-rank test, if so."""


def note_text(note: Note) -> str:
    """A note as a sentence."""
    return SAID[note.remark].format(*note.numbers)


def notes_by_term(notes: Sequence[Note]) -> dict[str, str]:
    """What is to be said of each term, and under an empty name of the whole."""
    said: dict[str, list[str]] = {}
    for note in notes:
        said.setdefault(note.term, []).append(note_text(note))
    return {term: " ".join(sentences) for term, sentences in said.items()}


def censoring_text(found: Censoring) -> str:
    """How many cells are censored, and where that is too many for a mean to say much."""
    text = f"{found.whole:.1%} of {plural(found.cells, 'cell')} are censored at the horizon"
    much = [
        "the study as a whole" if depth is None else f"depth {depth} ({found.by_depth[depth]:.1%})"
        for depth in found.much
    ]
    if not much:
        return f"{text}; nowhere more than {MUCH:.0%}."
    return (
        f"{text}; more than {MUCH:.0%} are in {', '.join(much)}, where min(T, H) understates how much slower the slow "
        "are: hold the log-rank tests beside it, which ask only who arrives first."
    )
