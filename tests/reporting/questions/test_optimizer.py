"""Which optimizer, tuned and over all of its rates: as planted, and what a study lacks for an answer."""

import re

import numpy as np
import pytest

from ablation.reporting.asking.standing import judged, standing
from ablation.reporting.questions import optimizer
from tests.reporting.synthetic import Outcome

RATES = {"sgd": [0.01, 0.1, 1.0, 10.0], "momentum": [0.001, 0.01, 0.1]}
BEST = {"sgd": 0.1, "momentum": 0.01}
LEVELS = {"optimizer": list(RATES), "init": ["a", "b"], "depth": [2, 5], "seed": range(5)}


def plant(cell):
    """Either arrives by its rate's place: sgd sooner and at its best alone, momentum at all of its rates."""
    off = abs(np.log10(cell["lr"] / BEST[cell["optimizer"]]))
    late = 0.1 * cell["seed"]
    if cell["optimizer"] == "sgd":
        return Outcome(2, final=0.97 + late / 100, best_loss=0.1) if off < 0.5 else Outcome(None, best_loss=2.3)
    return Outcome(4, final=0.94 + late / 100, best_loss=float(0.2 + 0.05 * off))


def test_the_best_at_its_best_rate_and_over_all_rates_are_told_apart(analysed):
    found = optimizer.ask(analysed(LEVELS, plant, rates=RATES))
    assert found.missing == ""
    assert found.answer.count("At depth ") == 2
    assert "At depth 5, each at its best rate: first to the target sgd, 2 epochs" in found.answer
    assert "first in test accuracy sgd, 87.2% [87%, 87.4%] (alone)" in found.answer
    assert "the largest share reaches the target with momentum, 100% (alone)" in found.answer
    assert "a rate drawn from it is largest with momentum, 84.2% [84%, 84.4%] (alone)" in found.answer
    # sgd's other three rates end at an accuracy of 0.05: 100 (0.872 - (0.872 + 3 x 0.05) / 4) = 61.65.
    assert re.search(r"sgd 0\.2 decades, 61\.[67] points; momentum at least 2 decades, 0 points", found.evidence[-1])
    assert "sgd (87%) at its best rate, and momentum (84%) at a rate drawn from its list" in found.view.title
    assert "lr (3 to 4 values, each optimizer's own)" in found.view.caption


def test_numbers_are_means_over_combinations_one_a_seed_by_hand(analysed):
    rng = np.random.default_rng(0)
    noise = {key: rng.random() for key in np.ndindex(2, 2, 2, 4, 5)}
    place = {name: {rate: at for at, rate in enumerate(rates)} for name, rates in RATES.items()}

    def noisy(cell):
        rate = place[cell["optimizer"]][cell["lr"]]
        value = noise[
            list(RATES).index(cell["optimizer"]), "ab".index(cell["init"]), cell["depth"] == 5, rate, cell["seed"]
        ]
        return Outcome(1 + round(5 * value) if value < 0.8 else None, final=0.9 + value / 10, best_loss=value)

    a = analysed(LEVELS, noisy, rates=RATES)
    found = standing(a, a.tuned, a.cells, 5, list(a.design.levels["optimizer"]))
    deep, tuned = a.cells[a.cells["depth"] == 5], a.tuned[a.tuned["depth"] == 5]
    for at, name in enumerate(a.design.levels["optimizer"]):
        for seed in range(5):
            own, best = (each[(each["optimizer"] == name) & (each["seed"] == seed)] for each in (deep, tuned))
            by_hand = {"time": best["time"], "tested": best["tested"], "drawn": own["tested"], "share": own["reached"]}
            for measure, values in by_hand.items():
                assert found[measure][at, seed] == pytest.approx(values.mean())


def test_what_noise_decides_is_not_told_apart(analysed):
    rng = np.random.default_rng(1)
    a = analysed(
        LEVELS, lambda _: Outcome(2, final=0.9 + 0.1 * rng.random(), best_loss=0.1 + rng.random()), rates=RATES
    )
    optimizers = list(a.design.levels["optimizer"])
    found = judged(a, {depth: standing(a, a.tuned, a.cells, depth, optimizers) for depth in (2, 5)}, optimizers)
    assert [len(found[depth][name].rest) for depth in (2, 5) for name in ("tested", "drawn", "share")] == [1] * 6
    answer = optimizer.ask(a).answer
    assert answer.count("none can be told from it") == 8
    assert "one of 2 that cannot be told apart" in optimizer.ask(a).view.title


def test_one_seed_tells_nobody_apart(analysed):
    answer = optimizer.ask(analysed({**LEVELS, "seed": [0]}, plant, rates=RATES)).answer
    assert "(alone)" not in answer
    assert "[" not in answer


def test_where_nothing_arrives_it_says_so(analysed):
    answer = optimizer.ask(analysed(LEVELS, lambda _: Outcome(None, best_loss=2.3), rates=RATES)).answer
    assert "each at its best rate: no optimizer reaches the target" in answer
    assert "Over all rates of its list: none reaches the target" in answer


@pytest.mark.parametrize(
    ("levels", "rates", "says"),
    [
        ({}, None, "a second optimizer and several learning rates. The preset study=optimizers has every level"),
        ({"lr": [0.1, 1.0]}, None, "Missing in this study: a second optimizer."),
        ({"optimizer": ["sgd", "momentum"]}, None, "several learning rates. "),
        (
            {"optimizer": ["sgd", "momentum"]},
            {"sgd": [1.0], "momentum": [0.1]},
            "'optimizer.momentum.lr=[0.01,0.1,1.0]'.",
        ),
    ],
)
def test_what_a_study_lacks_is_said(levels, rates, says, analysed):
    found = optimizer.ask(analysed(levels, lambda _: Outcome(), rates=rates))
    assert found.answer == ""
    assert says in found.missing


def test_an_optimizer_of_one_rate_is_compared_and_said_to_lack_them(analysed):
    rates = {"sgd": [0.01, 0.1, 1.0], "momentum": [0.01]}
    found = optimizer.ask(analysed(LEVELS, plant, rates=rates))
    assert found.answer
    assert "several learning rates of momentum, whose best is not known" in found.missing
    assert "added by 'optimizer.momentum.lr=[0.01,0.1,1.0]'." in found.missing


def test_without_tuning_there_is_no_best_rate(analysed):
    assert "report.nuisance=[lr]" in optimizer.ask(analysed(LEVELS, plant, rates=RATES, nuisance=())).missing
    told = optimizer.ask(analysed(LEVELS, plant, rates=RATES, nuisance=("optimizer", "lr"))).missing
    assert told == "The report tunes over optimizer: there are no levels to compare."
