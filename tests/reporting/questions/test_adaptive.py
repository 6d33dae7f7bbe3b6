"""Whether initialization and normalization matter less: as planted, not by luck, and what a study lacks."""

from dataclasses import replace

import numpy as np
import pytest

from ablation.reporting.asking.spreads import by_adaptivity, spreads, told_apart
from ablation.reporting.questions import adaptive
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

LEVELS = {
    "optimizer": ["sgd", "momentum", "adam", "rmsprop"],
    "init": ["a", "b", "c"],
    "normalization": ["none", "batch"],
    "seed": range(5),
}
SLOW = {"sgd": 4, "momentum": 4, "adam": 2, "rmsprop": 4}
"""How many times as long the slowest initializer takes as the fastest."""


def plant(cell):
    """Initializer c is slow and bad, the less so with adam; normalization does the same with all."""
    times = SLOW[cell["optimizer"]] if cell["init"] == "c" else 1
    wobble = 0.001 * ((cell["seed"] + len(cell["optimizer"])) % 3) * (cell["init"] == "c")
    late = 2 if cell["normalization"] == "none" else 1
    return Outcome(late * times, final=0.97 - 0.01 * times - wobble)


def test_the_spread_and_its_change_are_those_that_were_planted(analysed):
    analysis = analysed(LEVELS, plant, epochs=12)
    found = adaptive.ask(analysis)
    assert found.missing == ""
    assert found.answer.startswith(
        "Initialization matters not clearly less or more with adam and rmsprop for the time to the target, less with "
        "adam, not clearly less or more with rmsprop for the final test accuracy: the slowest of 3 initializers takes "
        "4 times as long as the fastest with sgd and momentum, 2 times with adam (0.5 times that [0.5, 0.5], the same "
        "in every seed but weak evidence from so few seeds); 4 times with rmsprop (1 times that [1, 1], no "
    ), found.answer
    assert "Normalization matters not clearly less or more with adam and rmsprop for the time" in found.answer
    assert "takes 2 times as long as the fastest with sgd and momentum, 2 times with adam" in found.answer
    # Accuracies of 0.96 and 0.93 with sgd, of 0.96 and 0.95 with adam, and what the seeds wobble by.
    assert "the best initializer is 3.09 points above the worst" in found.evidence[0]
    assert "1.12 with adam (-1.97 points [" in found.evidence[0]
    assert "a clear difference); 3.12 with rmsprop" in found.evidence[0]
    assert "100% with sgd, 100% with momentum" in found.evidence[-1]
    assert "initializer: 4 times as long with sgd and momentum, 2 with adam, 4 with rmsprop" in found.view.title
    drawn(adaptive, found.view, analysis.design)


def test_which_optimizers_are_adaptive_is_what_was_tried_where_the_manifest_says_it(analysed):
    analysis = analysed({"optimizer": ["sgd", "mine", "adam"]}, lambda _: Outcome())
    assert by_adaptivity(analysis, ["sgd", "mine", "adam"]) == (["sgd"], ["mine", "adam"])
    told = {level: {"adaptive": level == "adam"} for level in ("sgd", "mine", "adam")}
    tried = replace(analysis, manifest={**analysis.manifest, "optimizers": told})
    assert by_adaptivity(tried, ["sgd", "mine", "adam"]) == (["sgd", "mine"], ["adam"])


@pytest.mark.parametrize(("slow", "says"), [(6, "more"), (1, "less")])
def test_seeds_that_differ_make_it_clear(slow, says, analysed):
    def noisy(cell):
        times = {"sgd": 3, "adam": slow}[cell["optimizer"]] if cell["init"] == "c" else 1
        return Outcome(times + (cell["init"] == "c") * cell["seed"] % 2)

    levels = {**LEVELS, "optimizer": ["sgd", "adam"], "normalization": ["none"], "seed": range(8)}
    found = adaptive.ask(analysed(levels, noisy, epochs=12))
    assert f"Initialization matters {says} with adam" in found.answer
    assert "a second normalization" in found.missing
    assert found.missing.endswith("here it is added by +normalization.batch={}.")


def test_levels_that_are_alike_lie_nothing_apart_on_average_however_noisy():
    """The largest minus the smallest of four normal numbers is 2.06 standard deviations on average (Tippett 1925)."""
    rng = np.random.default_rng(0)
    apart = np.array([told_apart(rng.normal(size=(5, 4))).mean() for _ in range(4000)])
    assert abs(apart.mean()) < 4 * apart.std() / np.sqrt(len(apart))
    assert np.ptp(rng.normal(size=(4000, 4)), axis=1).mean() == pytest.approx(2.06, abs=0.05)


def test_levels_that_differ_lie_as_far_apart_as_they_do():
    rng = np.random.default_rng(0)
    means = np.array([0.0, 5.0, 1.0])
    apart = np.array([told_apart(means + rng.normal(size=(5, 3)) * 0.3).mean() for _ in range(2000)])
    assert apart.mean() == pytest.approx(5.0, abs=0.02)


def test_one_seed_is_compared_with_itself():
    assert told_apart(np.array([[1.0, 4.0, 2.0]])).tolist() == [3.0]


def test_an_optimizer_that_is_only_noisier_is_not_said_to_matter_more(analysed):
    rng = np.random.default_rng(3)

    def noisy(cell):
        return Outcome(1 + int(rng.integers(0, 9 if cell["optimizer"] == "adam" else 2)))

    levels = {**LEVELS, "optimizer": ["sgd", "adam"], "activation": ["relu", "tanh"], "depth": [2, 5]}
    answer = adaptive.ask(analysed(levels, noisy, epochs=12)).answer
    assert answer.count("matters not clearly less or more with adam") == 2


def test_spreads_are_of_networks_that_have_every_level(analysed):
    def planned(cell):
        return not (cell["init"] == "b" and cell["depth"] == 5)

    analysis = analysed({**LEVELS, "depth": [2, 5]}, plant, planned=planned, epochs=12)
    frame = spreads(analysis, analysis.tuned, "init")
    assert set(frame["depth"]) == {2}
    assert len(frame) == 4 * 2 * 5
    means = frame.groupby("optimizer", observed=True)["decades"].mean()
    assert {name: 10**mean for name, mean in means.items()} == pytest.approx(SLOW)


def test_a_time_that_no_cell_has_with_every_level_is_no_answer(analysed):
    planned = lambda c: c["init"] == "a" or c["optimizer"] == "sgd"  # noqa: E731
    found = adaptive.ask(analysed({**LEVELS, "normalization": ["none"]}, plant, planned=planned, epochs=12))
    assert found.answer == ""
    assert found.missing == "No network was trained with every level and optimizers of both kinds."


def test_by_depth_where_there_are_several_and_one_seed_has_no_interval(analysed):
    found = adaptive.ask(analysed({**LEVELS, "depth": [2, 5], "seed": [0]}, plant, epochs=12))
    assert "Slowest initializer against fastest: at depth 2, 4 times with sgd and momentum, 2 with adam" in " ".join(
        found.evidence
    )
    assert "0.5 times that, one seed: no interval" in found.answer


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"optimizer": ["sgd", "momentum"]}, "an adaptive optimizer. The preset study=optimizers"),
        ({"optimizer": ["adam", "muon"]}, "an optimizer that is not adaptive. The preset study=optimizers"),
        ({"init": ["a"], "normalization": ["batch"]}, "a second initializer and a second normalization."),
    ],
)
def test_what_is_missing_is_said(changes, says, analysed):
    found = adaptive.ask(analysed({**LEVELS, **changes}, lambda _: Outcome()))
    assert (found.answer, found.view.why) == ("", found.missing)
    assert says in found.missing


def test_its_preset_holds_every_level(analysed, compose):
    config = compose("study=optimizers")
    levels = {factor: list(config[factor]) for factor in ("optimizer", "init", "normalization")}
    assert adaptive.ask(analysed(levels, lambda _: Outcome())).missing == ""
