"""The figure of effect sizes shows every term with its interval, and says when nothing is sure."""

from ablation.reporting.figures.effects import effect_sizes
from tests.reporting.figures.drawn import drawn
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

FACTORS = {"activation": ["relu", "tanh", "elu"], "normalization": ["none", "batch"], "seed": list(range(6))}


def planted(cell):
    """Batch normalization halves the time; a little is up to luck."""
    slow = 3 if cell["normalization"] == "batch" else 10
    return Outcome(slow + luck(cell, 4))


def test_what_was_planted_stands_first_and_in_the_title(analysed):
    view = effect_sizes.show(analysed(FACTORS, planted, epochs=15))
    assert view.title.startswith("For time to target, normalization (0.")
    assert view.frame["term"].tolist()[0] == "normalization"
    assert set(view.frame["term"]) == {"activation", "normalization", "activation x normalization"}
    assert "6 seeds" in view.caption
    assert "No final validation loss: The response is the same" in view.caption


def test_a_row_a_term_largest_above(analysed):
    analysis = analysed(FACTORS, planted, epochs=15)
    view = effect_sizes.show(analysis)
    (axis,) = drawn(effect_sizes, view, analysis.design).axes
    terms = [text.get_text() for text in axis.get_yticklabels()]
    assert terms == view.frame["term"].tolist()
    assert axis.yaxis_inverted()


def test_nothing_planted_is_called_so(analysed):
    levels = {**FACTORS, "seed": [0, 1, 2, 3]}
    view = effect_sizes.show(analysed(levels, lambda c: Outcome(2 + 2 * luck(c))))
    assert "no effect is sure" in view.title


def test_what_cannot_be_estimated_is_a_sentence(analysed):
    untold = effect_sizes.show(analysed({**FACTORS, "loss": ["mse", "mine"]}, lambda _: Outcome(None, final=0.1)))
    assert "Too few cells reach the target" in untold.why
    assert "One level" in effect_sizes.show(analysed({}, planted)).why
