"""How far batch size goes, of studies in which that is planted."""

import math

import numpy as np
import pytest

from ablation.reporting.asking import batch_size as found_by
from ablation.reporting.asking.batch_size_said import scaling, turned
from ablation.reporting.questions import batch_size
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome, steps_per_epoch

SIZES, RATES, SEEDS = [8, 16, 32, 64, 128], [0.03, 0.06, 0.12, 0.24, 0.48], [0, 1, 2]
FACTORS = {"batch_size": SIZES, "lr": RATES, "seed": SEEDS}
EPOCHS = 40


def planted(critical: float, power: float = 0.5, noise: float = 20.0, wobble: float = 0.0):
    """Steps fall as 1 / B up to a critical batch and not behind it; the best rate grows as a power of the batch."""

    def plant(cell):
        size = cell["batch_size"]
        steps = 256.0 / min(size, critical) * 2 ** (wobble * (cell["seed"] - 1))
        off = abs(np.log2(cell["lr"] / (0.03 * (size / 8) ** power)))
        steps *= 2 ** (2 * round(off, 6))
        epochs = np.ceil(steps / steps_per_epoch(size))
        return Outcome(float(epochs) if epochs <= EPOCHS else None, snr=(size / noise, size / (8 * noise)))

    return plant


def best_of(analysis, alone=False):
    return found_by.soonest(analysis, analysis.cells, alone)


@pytest.mark.parametrize("power", [0.5, 1.0])
def test_the_best_rates_power_is_found(power, analysed):
    analysis = analysed({**FACTORS, "lr": [0.03 * 2**k for k in range(5)]}, planted(1000, power), EPOCHS)
    found = found_by.slope(best_of(analysis, alone=True), 0.95)
    assert found.mean == pytest.approx(power, abs=0.12 if power == 0.5 else 1e-9)
    assert found.agree
    assert f"as its power of {found.mean:.2f} (the same with every seed)" in batch_size.ask(analysis).answer


def test_what_doubling_does_is_said():
    half, more = found_by.Estimate(1.0, 0.9, 1.1, 5), found_by.Estimate(0.5, 0.1, 0.6, 5)
    sizes = [8.0, 16.0, 32.0]
    said = [
        turned(found_by.Turn(16.0, half, more), sizes),
        turned(found_by.Turn(16.0, more, more), sizes),
        turned(found_by.Turn(8.0, None, more), sizes),
        turned(found_by.Turn(None, more, None), sizes),
    ]
    assert said == [
        "doubling the batch nearly halves the steps up to 16 examples (each time to 50% [47%, 54%], where 50% is "
        "perfect) but not beyond (each time to 71% [66%, 93%])",
        "doubling the batch takes the steps each time to 71% [66%, 93%] up to 16 examples, where 50% is perfect, and "
        "each time to 71% [66%, 93%] beyond",
        "doubling the batch nowhere nearly halves the steps (each time to 71% [66%, 93%], where 50% is perfect)",
        "doubling the batch takes the steps each time to 71% [66%, 93%] up to 32 examples, where 50% is perfect",
    ]


@pytest.mark.parametrize(
    ("estimate", "says"),
    [
        (found_by.Estimate(0.6, 0.4, 0.8, 5), "0.60 [0.40, 0.80], which fits the square root"),
        (found_by.Estimate(0.8, 0.4, 1.2, 5), "0.80 [0.40, 1.20], which fits the square root and linear"),
        (found_by.Estimate(0.2, 0.1, 0.3, 5), "0.20 [0.10, 0.30], which is neither the square root nor linear"),
        (found_by.Estimate(0.2, math.nan, math.nan, 1), "0.20 (one seed: no interval)"),
    ],
)
def test_what_the_power_fits_is_said(estimate, says):
    assert scaling(estimate, 0, 10).endswith(says)
    assert scaling(estimate, 3, 10).endswith(f"{says}, with 3 of 10 at an end of the rates tried")


def test_where_steps_are_halved_to_the_end_there_is_no_turn(analysed):
    analysis = analysed({**FACTORS, "lr": [0.03 * 2**k for k in range(5)]}, planted(1000, 1.0), EPOCHS)
    found = found_by.turn(best_of(analysis), 0.95)
    assert found.size is None
    assert found.before.mean == pytest.approx(1.0)
    assert found.behind is None
    assert "nearly halves the steps up to 128 examples (each time to 50%" in batch_size.ask(analysis).answer


@pytest.mark.parametrize("critical", [16, 32, 64])
def test_the_batch_from_which_on_nothing_is_won_is_found(critical, analysed):
    factors = {**FACTORS, "lr": [0.03 * 2**k for k in range(5)]}
    analysis = analysed(factors, planted(critical, 1.0, wobble=1.0), EPOCHS)
    found = found_by.turn(best_of(analysis), 0.95)
    assert found.size == critical
    assert found.before.mean >= found_by.NEARLY
    assert found.behind.low <= 0.2
    question = batch_size.ask(analysis)
    assert f"nearly halves the steps up to {critical} examples" in question.answer
    assert "where 50% is perfect) but not beyond (each time to" in question.answer
    assert f"up to {critical} examples and " in question.view.title
    assert f"from {critical} on" in question.view.title


def test_gains_are_doublings_of_speed_a_doubling(analysed):
    reaches = {8: 1, 32: 2, 64: 8}  # in steps of 32, 8 and 4 an epoch: 32, 16, 32
    analysis = analysed({"batch_size": [8, 32, 64], "seed": [0, 1]}, lambda c: Outcome(reaches[c["batch_size"]]), 10)
    found = found_by.gains(best_of(analysis))
    assert found[8.0].tolist() == [0.5, 0.5]  # halved by two doublings
    assert found[32.0].tolist() == [-1.0, -1.0]


def test_pairs_with_a_batch_that_never_gets_there_are_left_out(analysed):
    def plant(cell):
        return Outcome(None if cell["batch_size"] == 32 and cell["seed"] else 128 / cell["batch_size"] + 1)

    analysis = analysed({"batch_size": [16, 32, 64], "seed": [0, 1]}, plant, 20)
    found = found_by.gains(best_of(analysis))
    assert np.isnan(found[16.0][1])
    assert np.isfinite(found[16.0][0])
    assert any("1 of 6 never get there" in text for text in batch_size.ask(analysis).evidence)


def test_the_noise_scale_is_batch_over_ratio_early_and_late(analysed):
    analysis = analysed({**FACTORS, "lr": [0.03 * 2**k for k in range(5)]}, planted(1000, 1.0, noise=20.0), EPOCHS)
    frame = found_by.noise(analysis, best_of(analysis), [])
    # Between the first evaluation and the target there are others, of the later ratio.
    early, late = (found_by.noise_scale(frame, phase, 0.95) for phase in found_by.PHASES)
    assert late[0] == pytest.approx(160.0, rel=1e-5)
    assert 20.0 < early[0] < 160.0


def test_where_there_is_no_signal_the_noise_scale_has_no_bound():
    assert found_by.scale(-0.1, -0.2, 0.05) == (np.inf, 20.0, np.inf)
    assert found_by.scale(0.1, -0.1, 0.2) == (10.0, 5.0, np.inf)
    assert np.isnan(found_by.scale(0.1, np.nan, np.nan)).tolist() == [False, True, True]


def test_a_rate_is_chosen_by_how_soon_it_is_and_not_by_the_loss(analysed):
    def plant(cell):
        return Outcome(2 if cell["lr"] == 0.1 else 4, best_loss=1.0 if cell["lr"] == 0.1 else 0.1)

    analysis = analysed({"batch_size": [16, 32], "lr": [0.1, 0.3], "seed": [0, 1, 2]}, plant)
    for alone in (True, False):
        assert best_of(analysis, alone)["lr"].astype(float).unique().tolist() == [0.1]
    assert analysis.tuned["lr"].astype(float).unique().tolist() == [0.3]


@pytest.mark.parametrize("equal_steps", [False, True])
@pytest.mark.parametrize("beside", [{}, {"normalization": ["none", "batch"]}, {"order": ["random", "sorted"]}])
def test_it_is_answered_and_drawn_whatever_the_clock(equal_steps, beside, analysed):
    factors = {**FACTORS, **beside, "lr": [0.03, 0.12, 0.48]}
    analysis = analysed(factors, planted(32, wobble=0.5), 20, equal_steps=equal_steps)
    question = batch_size.ask(analysis)
    assert question.missing == ""
    unit = "steps" if equal_steps else "epochs"
    assert any(f"At equal {unit} a larger batch has" in text for text in question.evidence)
    assert any("Order of the examples" in text for text in question.evidence) == ("order" in beside)
    drawn(batch_size, question.view, analysis.design)


def test_what_a_study_lacks_is_said(analysed):
    plant = lambda _: Outcome()  # noqa: E731
    assert (
        "several batch sizes, several learning rates and the gradient's noise"
        in batch_size.ask(analysed({}, plant)).missing
    )
    question = batch_size.ask(analysed({"batch_size": [16, 64]}, plant))
    assert question.answer
    assert "several learning rates and the gradient's noise. The preset study=batch_size" in question.missing
    assert "training.gradient_batches=4" in question.missing


def test_where_nothing_arrives_there_is_no_answer(analysed):
    question = batch_size.ask(analysed({"batch_size": [16, 64], "lr": [0.1, 0.3]}, lambda _: Outcome(None)))
    assert (question.answer, question.view.why) == ("", question.missing)
    assert "No cell reaches" in question.missing
