"""How the notes on effects, the tests that cannot be made, and the censored shares are said."""

from collections.abc import Sequence

from ablation.reporting.design import Design, plural
from ablation.reporting.naming import Label
from ablation.reporting.statistics.censoring import MUCH, Censoring
from ablation.reporting.statistics.notes import Note, Remark
from ablation.reporting.wording.phrases import words

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
    Remark.ONE_SEED: "There is one seed: no interval and no test; three-way interactions stand for the error.",
    Remark.NO_INTERVAL: "No interval: with one seed fewer nothing is left to judge by.",
    Remark.AGREE: "No test: all seeds give the very same, which leaves nothing to hold it against.",
    Remark.NEVER: "It never made a difference: the levels' runs are the same to the bit.",
    Remark.MAIN_ALONE: "The model of times has main effects alone: there are too many interactions to fit.",
    Remark.TOO_FEW_ARRIVE: "Too few cells reach the target with some seed to say anything of times.",
}
"""Each remark as a sentence, with places for the note's numbers."""


def note_text(note: Note) -> str:
    """A note as a sentence."""
    return SAID[note.remark].format(*note.numbers)


def notes_by_term(notes: Sequence[Note]) -> dict[str, str]:
    """What is to be said of each term, and under an empty name of the whole."""
    said: dict[str, list[str]] = {}
    for note in notes:
        said.setdefault(note.term, []).append(note_text(note))
    return {term: " ".join(sentences) for term, sentences in said.items()}


NAMED = 5
"""Most levels named of those of which many cells are censored."""


def censoring_text(design: Design, found: Censoring) -> str:
    """How many cells are censored, and where that is too many for a mean to say much."""
    if found.whole == 1:
        return f"No cell reaches the target within {design.length}, so that nothing can be said of times."
    text = f"{found.whole:.1%} of {plural(found.cells, 'cell')} are censored at the horizon"
    if not found.much:
        return f"{text}; of no level more than {MUCH:.0%}."
    few = found.most
    text += (
        f"; more than {MUCH:.0%} of "
        f"{levels_text(design, found, [level for level in found.much if level not in few] or few)}, "
        "where min(T, H) understates how much slower the slow are; the ratios of times are the model's, not the means'"
    )
    if few:
        text += (
            f". Of {levels_text(design, found, few)} fewer than a third of the cells reach the target: that they are "
            "slow is sure, by how much cannot be concluded"
        )
    return f"{text}."


def levels_text(design: Design, found: Censoring, levels: Sequence[tuple[str, Label]]) -> str:
    """Levels with their censored shares, the worst first."""
    named = [f"{words(design, *level)} ({found.by_level[level]:.0%} censored)" for level in levels[:NAMED]]
    return ", ".join(named) + (f" and {len(levels) - NAMED} more" if len(levels) > NAMED else "")
