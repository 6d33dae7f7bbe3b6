"""The strongest interactions, a panel each, with the means that were planted."""

from itertools import pairwise

from ablation.reporting.figures.effects import interactions
from tests.reporting.figures.drawn import drawn
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

FACTORS = {"activation": ["relu", "tanh"], "depth": [2, 8], "normalization": ["none", "batch"], "seed": [0, 1, 2, 3]}


def crossed(cell):
    """Depth slows tanh alone, by a factor of four; seed and normalization differ by luck."""
    slow = cell["activation"] == "tanh" and cell["depth"] == 8
    return Outcome((4 if slow else 1) + 0.0 + (cell["seed"] == 1) * (cell["normalization"] == "batch"))


def test_the_planted_interaction_is_first_and_its_means_are_right(analysed):
    view = interactions.show(analysed(FACTORS, crossed))
    assert view.title.startswith("The strongest interaction is activation x depth")
    panel = view.frame[view.frame["panel"] == 0].set_index(["line", "along"])
    assert (panel["x"].iloc[0], panel["by"].iloc[0]) == ("depth", "activation")
    # Between the epochs before and after which they came; one in eight came an epoch later.
    assert 3 ** (7 / 8) * 4 ** (1 / 8) < panel.loc[("tanh", 8), "mean"] < 4 ** (7 / 8) * 5 ** (1 / 8)
    assert panel.loc[("relu", 2), "mean"] < 1.2
    assert panel.loc[("relu", 2), "low"] < panel.loc[("relu", 2), "mean"] < panel.loc[("relu", 2), "high"]


def test_lines_are_named_at_their_ends_without_overlap(analysed):
    levels = {**FACTORS, "activation": ["relu", "tanh", "elu", "gelu", "silu", "selu", "logistic"]}
    analysis = analysed(levels, crossed)
    figure = drawn(interactions, interactions.show(analysis), analysis.design)
    panel = figure.axes[0]
    names = [text for text in panel.texts if text.get_text() in levels["activation"]]
    assert len(names) == 7
    boxes = sorted((text.get_window_extent().y0, text.get_window_extent().y1) for text in names)
    assert all(below[1] <= above[0] + 2 for below, above in pairwise(boxes))


def test_at_most_twelve_panels_and_eight_lines(analysed):
    names = [f"unit_{i}" for i in range(30)]

    def plant(cell):
        unit = int(cell["activation"][5:])
        return Outcome(1 + unit // 6 * (1 + (cell["init"] == "a")) + luck(cell))

    view = interactions.show(analysed({"activation": names, "depth": [2, 8], "init": ["a", "b"]}, plant, epochs=12))
    assert view.frame.groupby("panel")["line"].nunique().max() <= interactions.LINES
    assert view.frame.groupby("panel")["along"].nunique().max() == interactions.ALONG
    assert len(view.columns) <= interactions.MOST
    assert "some are shown" in view.caption


def test_without_an_interaction_a_sentence_says_so(analysed):
    alone = analysed({"activation": ["relu", "tanh"], "seed": [0, 1, 2]}, lambda c: Outcome(2 + c["seed"] % 2))
    assert "same in every cell of a seed" in interactions.show(alone).why
    additive = lambda c: Outcome(1 + (c["depth"] > 2) + (c["seed"] + (c["activation"] == "relu")) % 2)  # noqa: E731
    levels = {"depth": [2, 8], "activation": ["relu", "tanh"], "seed": range(4)}
    assert "explains more than chance would" in interactions.show(analysed(levels, additive)).why
