"""Every remark has its sentence, with the numbers that it is about."""

import pytest

from ablation.reporting.statistics.censoring import Censoring
from ablation.reporting.statistics.notes import Note, Remark
from ablation.reporting.statistics.survival import Untold
from ablation.reporting.wording.remarks import NO_TEST, SAID, censoring_text, note_text, notes_by_term


def test_every_remark_is_said():
    assert set(SAID) == set(Remark)
    assert set(NO_TEST) == {None, *Untold}


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


def test_where_many_are_censored_is_said():
    some = Censoring(24, 0.25, {2: 0.0, 8: 0.5})
    assert some.much == [8]
    assert "25.0% of 24 cells are censored at the horizon; more than 30% are in depth 8 (50.0%)" in censoring_text(some)
    assert Censoring(24, 0.5, {2: 0.0, 8: 1.0}).much == [None, 8]
    few = Censoring(24, 0.25, {2: 0.2, 8: 0.3})
    assert few.much == []
    assert censoring_text(few).endswith("nowhere more than 30%.")
