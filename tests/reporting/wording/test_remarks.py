"""Every remark has its sentence, with the numbers that it is about."""

import pytest

from ablation.reporting.statistics.notes import Note, Remark
from ablation.reporting.wording.remarks import SAID, note_text, notes_by_term


def test_every_remark_is_said():
    assert set(SAID) == set(Remark)


@pytest.mark.parametrize(
    ("note", "says"),
    [
        (Note(Remark.LACKS_SEED, numbers=(1, 4)), "1 of 4 combinations lack a seed and are left out."),
        (Note(Remark.ONE_LEVEL, ("b",)), "One level: there is no effect to estimate."),
        (Note(Remark.PARTLY, ("a", "b"), (5, 6)), "5 of its 6 degrees of freedom can be estimated: combinations are"),
        (Note(Remark.ALIASED, ("a",)), "It cannot be told apart from the other effects and is left out."),
        (Note(Remark.NO_COMBINATION), "No combination was run with every seed."),
        (Note(Remark.NO_TERM), "No effect can be estimated."),
    ],
)
def test_notes_are_sentences(note, says):
    assert note_text(note).startswith(says)


def test_the_notes_of_a_term_stand_together():
    notes = [Note(Remark.NO_TERM), Note(Remark.ALIASED, ("a", "b")), Note(Remark.ONE_SEED)]
    said = notes_by_term(notes)
    assert list(said) == ["", "a x b"]
    assert said[""] == f"{note_text(notes[0])} {note_text(notes[2])}"
