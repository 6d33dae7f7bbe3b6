"""What a warm-up buys, as planted: by depth, in time, accuracy and rates that train."""

import shlex

import pytest

from ablation.reporting.asking import warmups
from ablation.reporting.questions import warmup
from ablation.studies.study import check_study
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

LEVELS = {
    "schedule": ["constant", "step", "warmed_constant"],
    "depth": [2, 20],
    "lr": [0.1, 1.0],
    "seed": range(6),
}
EPOCHS = 12


def planted(shallow, deep):
    """Epochs to the target with and without a warm-up; without one, deep runs diverge at the larger rate."""

    def plant(cell):
        warms = str(cell["schedule"]).startswith("warmed")
        gone = cell["depth"] == 20 and cell["lr"] == 1.0 and not warms
        epochs = (shallow, deep)[cell["depth"] == 20][not warms] + cell["seed"] % 2
        final = 0.96 if warms or cell["depth"] == 2 else 0.92
        return Outcome(epochs, diverges=1 if gone else None, final=final, best_loss=0.2 if cell["lr"] == 1.0 else 0.3)

    return plant


def test_the_answer_is_the_one_planted_at_each_depth(analysed):
    analysis = analysed(LEVELS, planted((6, 6), (2, 8)), epochs=EPOCHS)
    found = warmup.ask(analysis)
    assert found.missing == ""
    assert found.answer.startswith("With a warm-up the time to 90% validation accuracy is shorter at depth 20 (0.")
    assert "and not clearly another at depth 2 (1 times as long" in found.answer
    told = "\n".join(found.evidence)
    assert "restricted mean time, with a warm-up against without: -0 epochs" not in told
    assert "-6 epochs [-6, -6], a clear difference, at depth 20" in told
    assert "test accuracy at the end, with a warm-up against without: +0 points" in told
    assert "+4 points [+4, +4], a clear difference, at depth 20" in told
    assert "Of 2 rates, those that bring a run to 80% validation accuracy" in told
    assert "+1 rate [+1, +1], a clear difference, at depth 20" in told
    assert "10 times as high [10, 10], a clear difference, at depth 20" in told
    drawn(warmup, found.view, analysis.design)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (((2, 8), (2, 8)), "is shorter at depth 2 ("),
        (((8, 2), (8, 2)), "is longer at depth 2 ("),
        (((8, 2), (2, 8)), "is shorter at depth 20 ("),
    ],
)
def test_longer_and_shorter_are_told_apart(times, says, analysed):
    assert says in warmup.ask(analysed(LEVELS, planted(*times), epochs=EPOCHS)).answer


def test_the_ratio_is_that_of_the_times(analysed):
    """Times are known to an epoch: of 4 and 8 epochs, all between 3 and 4, and 7 and 8."""
    analysis = analysed(LEVELS, planted((4, 8), (4, 8)), epochs=EPOCHS)
    found = warmups.gains(analysis, warmups.sides(analysis, warmups.pairs(analysis)), depth=2).of["ratio"]
    assert 3.5 / 8 < 10**found.mean < 4.5 / 7


def test_pairs_are_found_by_their_settings_and_not_by_their_names(analysed):
    analysis = analysed({**LEVELS, "schedule": ["a", "b", "c", "d", "e"]}, lambda _: Outcome(), epochs=EPOCHS)
    analysis.manifest["levels"]["schedule"].update(
        a={"kind": "cosine", "final": 0.0, "warmup": 0.2},
        b={"kind": "cosine", "final": 0.0, "warmup": 0.0},
        c={"kind": "cosine", "final": 0.1, "warmup": 0.0},
        d={"kind": "cosine", "final": 0.0, "warmup": 0.1},
        e={"kind": "linear", "final": 0.0, "warmup": 0.1},
    )
    assert warmups.pairs(analysis) == [warmups.Pair("b", "a", 0.2), warmups.Pair("b", "d", 0.1)]
    found = warmup.ask(analysis)
    assert "a (20% of the training) against b: 1 times as long, the same runs to the bit" in found.evidence[-1]
    drawn(warmup, found.view, analysis.design)


def test_each_pair_is_held_to_itself(analysed):
    """A schedule that is slow with and without, beside one that is fast in both, makes no difference of its own."""
    levels = {**LEVELS, "schedule": ["constant", "warmed_constant", "cosine", "warmed_cosine"]}
    slow = {"constant": 2, "warmed_constant": 2, "cosine": 9, "warmed_cosine": 9}
    plant = lambda cell: Outcome(slow[cell["schedule"]] + cell["seed"] % 2)  # noqa: E731
    analysis = analysed(levels, plant, epochs=EPOCHS)
    frames = warmups.sides(analysis, warmups.pairs(analysis))
    assert {name: each.mean for name, each in warmups.gains(analysis, frames).of.items()} == {
        "ratio": pytest.approx(0, abs=1e-6),
        "time": 0,
        "tested": 0,
        "rates": 0,
        "best": 0,
    }


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        ({"schedule": ["constant"]}, ": a schedule with a warm-up and the same without. The preset study=schedules "),
        ({"schedule": ["plateau"]}, "added by +schedule.constant={} '+schedule.constant_warmup="),
        ({"schedule": ["warmed_cosine"]}, "added by '+schedule.cosine_without={kind: cosine, warmup: 0.0}'."),
        ({"depth": [2]}, ": a second depth. "),
    ],
)
def test_what_is_missing_is_said(levels, says, analysed):
    found = warmup.ask(analysed({**LEVELS, **levels}, planted((2, 8), (2, 8)), epochs=EPOCHS))
    assert says in found.missing
    assert (found.answer == "") == ("schedule" in levels)


def test_the_preset_lacks_nothing_and_the_help_is_accepted(analysed, compose):
    config = compose("study=schedules")
    levels = {name: list(config[name]) for name in ("schedule", "init", "optimizer", "depth")}
    analysis = analysed(levels, lambda _: Outcome(), epochs=2)
    of = analysis.manifest["levels"]["schedule"]
    chosen = check_study(config).levels["schedule"]
    of.update({name: {"kind": level.kind, **level.settings} for name, level in chosen.items()})
    assert [(pair.without, pair.warmed) for pair in warmups.pairs(analysis)] == [
        ("constant", "constant_warmup"),
        ("cosine", "cosine_warmup"),
    ]
    assert warmup.ask(analysis).missing == ""
    missing = warmup.ask(analysed({"schedule": ["constant"]}, lambda _: Outcome(), epochs=2)).missing
    added = compose("study=single", *shlex.split(missing.split("added by ")[1].removesuffix(".")))
    assert added["schedule"]["constant_warmup"] == {"kind": "constant", "warmup": 0.1}
    assert added["depth"] == [2, 20]


def test_where_too_few_arrive_for_a_model_of_times_the_restricted_mean_answers(analysed):
    few = lambda cell: Outcome(3.0 if cell["schedule"] == "warmed_constant" and cell["depth"] == 2 else None)  # noqa: E731
    analysis = analysed(LEVELS, few, epochs=EPOCHS)
    found = warmup.ask(analysis)
    assert "-9 epochs in the restricted mean [-9, -9], a clear difference" in found.answer
    assert "not clearly another at depth 20 (which no run reaches with or without)" in found.answer
    assert "ratio" not in found.view.columns
    drawn(warmup, found.view, analysis.design)


def test_with_nothing_tuned_over_no_rate_is_the_best(analysed):
    found = warmup.ask(analysed({**LEVELS, "lr": [0.1]}, planted((2, 8), (2, 8)), epochs=EPOCHS))
    assert not any("rate" in text for text in found.evidence)
    assert "rates" not in found.view.columns
