"""Which levels are shown, and what is said of the others."""

from ablation.reporting.figures.view import few


def test_few_keeps_both_ends():
    assert few(range(12), 4) == [0, 4, 7, 11]
    assert few(range(3), 6) == [0, 1, 2]
    assert few(["only"], 3) == ["only"]
