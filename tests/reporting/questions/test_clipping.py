"""Whether clipping replaces batch normalization: no, in part, yes, or nothing to replace, as planted."""

import pytest

from ablation.reporting.figures.theme import themed
from ablation.reporting.questions import clipping
from tests.reporting.synthetic import Outcome

LEVELS = {"normalization": ["none", "batch"], "clipping": ["none", "value"], "lr": [0.1, 1.0], "seed": range(6)}


def planted(neither, clip, batch, both=1, diverges=True):
    times = {("none", "none"): neither, ("none", "value"): clip, ("batch", "none"): batch, ("batch", "value"): both}

    def plant(cell):
        pair = cell["normalization"], cell["clipping"]
        gone = diverges and pair == ("none", "none") and cell["lr"] == 1.0
        return Outcome(times.get(pair, 6), diverges=1 if gone else None)

    return plant


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((5, 5, 2), "No: clipping alone does clearly worse than batch normalization alone"),
        ((5, 4, 1), "In part: clipping alone gains 25% of what batch normalization alone does"),
        ((5, 1, 3), "Yes, and more: clipping alone does clearly better"),
        ((5, 2, 2), "It may: between either alone there is no clear difference, which is no proof"),
        ((2, 1, 2), "There is nothing to replace"),
        ((2, 2, 4), "There is nothing to replace"),
    ],
)
def test_the_verdict_follows_the_data(times, says, analysed):
    assert clipping.ask(analysed(LEVELS, planted(*times))).answer.startswith(says)


def test_times_differences_and_divergence_are_those_planted(analysed):
    found = clipping.ask(analysed({**LEVELS, "clipping": ["none", "slow", "value"]}, planted(5, 4, 2)))
    assert "by +2 epochs over 6 seeds [+2, +2], a clear difference" in found.answer
    assert (
        "5 epochs with neither, 4 with value clipping alone, the soonest of 2 clippings, (-1 epoch"
        in (found.evidence[0])
    )
    assert "2 with batch normalization alone (-3 epochs" in found.evidence[0]
    assert "1 with both (against batch normalization alone -1 epoch" in found.evidence[0]
    assert "50% of the runs with neither, 0% with value clipping alone (-50 points" in found.evidence[1]
    assert "25% of the tuned cells' steps are clipped" in found.evidence[1]


@pytest.mark.parametrize("seeds", [1, 3])
def test_few_seeds_are_no_clear_answer(seeds, analysed):
    found = clipping.ask(analysed({**LEVELS, "seed": range(seeds)}, planted(5, 5, 2)))
    assert found.answer.startswith("There is nothing to replace: batch normalization alone is not clearly better")
    assert ("one seed: no interval" if seeds == 1 else "weak evidence from so few seeds") in found.answer


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"clipping": ["none"]}, ": a clipping. "),
        ({"normalization": ["none"]}, ": batch normalization. "),
        ({"normalization": ["none"], "clipping": ["none"]}, ": batch normalization and a clipping. "),
        ({"normalization": ["batch"], "clipping": ["value"]}, ": no normalization and no clipping. "),
    ],
)
def test_what_is_missing_is_said(levels, says, analysed):
    found = clipping.ask(analysed({**LEVELS, **levels}, planted(5, 5, 2)))
    assert (found.answer, found.view.why) == ("", found.missing)
    assert says in found.missing


def test_a_clipping_called_neither_is_not_taken_for_neither(analysed):
    levels = {"clipping": ["none", "neither"], "normalization": ["none", "batch"], "seed": [0, 1]}
    analysis = analysed(levels, lambda _: Outcome())
    view = clipping.ask(analysis).view
    assert view.frame[view.frame["measure"] == "time"]["which"].astype(str).tolist() == [
        "neither",
        "clip",
        "batch",
        "both",
    ]
    with themed():
        figure = clipping.plot(view, analysis.design)
    ticks = [tick.get_text() for tick in figure.axes[-1].get_xticklabels()]
    assert ticks == ["neither", "neither clipping", "batch normalization", "both"]
