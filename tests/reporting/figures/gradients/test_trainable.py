"""What trains at which depth: counts of seeds, and the class of those that fail."""

from ablation.reporting.figures.gradients import trainable
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

LEVELS = {"init": ["he_normal", "zeros"], "activation": ["relu", "tanh"], "depth": [2, 5, 20], "seed": [0, 1, 2]}


def plant(cell):
    if cell["init"] == "zeros":
        return Outcome(None, loss=(2.3, 2.3), update_ratio=1e-12)
    if cell["depth"] == 20 and cell["seed"]:
        return Outcome(diverges=1)
    return Outcome()


def test_counts_and_classes(analysed):
    analysis = analysed(LEVELS, plant)
    view = trainable.show(analysis)
    frame = view.frame.set_index(["activation", "init", "depth"])
    assert frame.loc[("relu", "he_normal", 5), "reached"] == 3
    assert frame.loc[("relu", "he_normal", 20), ["reached", "failure"]].tolist() == [1, "diverged"]
    assert (frame.loc[("tanh", "zeros"), "failure"] == "vanished").all()
    assert view.title == "At depth 20, most seeds reach the target in 0 of 4 combinations with no normalization"
    texts = [text.get_text() for text in drawn(trainable, view, analysis.design).axes[0].texts]
    assert sorted(texts) == sorted(["3/3", "3/3", "1/3", "vanish.", "vanish.", "vanish."])


def test_the_worst_of_a_tie_stands_for_all(analysed):
    fates = [Outcome(None), Outcome(diverges=1), Outcome(None, dead=0.9)]
    view = trainable.show(analysed({"seed": [0, 1, 2]}, lambda c: fates[c["seed"]]))
    assert view.frame["failure"].tolist() == ["diverged"]


def test_without_training_it_says_so(analysed):
    assert "trains for no epoch" in trainable.show(analysed(LEVELS, plant, epochs=0)).why
