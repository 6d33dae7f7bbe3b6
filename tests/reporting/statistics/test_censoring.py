"""Censored shares of a whole study and of every level of every factor."""

from ablation.reporting.statistics.censoring import Censoring
from ablation.reporting.wording.remarks import censoring_text
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "tanh"], "normalization": ["none", "batch"], "depth": [2, 8], "seed": [0, 1, 2]}


def planted(cell):
    """Deep networks never arrive without batch normalization; relu is sooner."""
    if cell["depth"] == 8 and cell["normalization"] == "none":
        return Outcome(None)
    return Outcome(1 if cell["activation"] == "relu" else 3)


def test_much_is_more_than_three_in_ten_and_most_more_than_two_thirds():
    shares = {("depth", 2): 0.3, ("depth", 8): 0.31, ("depth", 20): 0.7, ("init", "a"): 2 / 3}
    found = Censoring(24, 0.5, shares)
    assert found.much == [("depth", 20), ("init", "a"), ("depth", 8)]
    assert found.most == [("depth", 20)]


def test_a_third_is_not_fewer_than_a_third(analysed):
    levels = {"activation": ["relu", "tanh"], "depth": [2], "seed": [0, 1, 2]}
    analysis = analysed(levels, lambda c: Outcome(None if c["activation"] == "tanh" and c["seed"] else 2))
    assert analysis.censoring.much == [("activation", "tanh")]
    assert analysis.censoring.most == []


def test_shares_are_of_the_study_and_of_each_level(analysed):
    analysis = analysed(LEVELS, planted)
    assert analysis.censoring.whole == 0.25
    assert analysis.censoring.by_level == {
        ("activation", "relu"): 0.25,
        ("activation", "tanh"): 0.25,
        ("normalization", "none"): 0.5,
        ("normalization", "batch"): 0.0,
        ("depth", 2): 0.0,
        ("depth", 8): 0.5,
    }
    text = censoring_text(analysis.design, analysis.censoring)
    assert "no normalization (50% censored), depth 8 (50% censored)" in text
    assert "cannot be concluded" not in text


def test_where_fewer_than_a_third_arrive_it_is_said_what_cannot_be_concluded(analysed):
    def hard(cell):
        return Outcome(None if cell["activation"] == "tanh" and (cell["depth"] == 8 or cell["seed"]) else 2)

    analysis = analysed(LEVELS, hard)
    text = censoring_text(analysis.design, analysis.censoring)
    assert "Of tanh (83% censored) fewer than a third of the cells reach the target" in text
    assert "by how much cannot be concluded" in text
