"""ELU against ReLU: each reason is seen where it was planted and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from ablation.reporting.questions import elu_relu
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "leaky_relu", "elu"], "init": ["a", "zeros"], "lr": [0.1, 1.0], "seed": range(6)}
BAD = {"dead": 0.4, "saturated": 0.5, "rise": 0.5}


def planted(worse, slow=None, reasons=tuple(BAD)):
    """``worse`` has the reasons against it; ``slow`` needs longer."""

    def plant(cell):
        at = cell["activation"]
        bad = {name: BAD[name] for name in reasons} if at == worse else {}
        good = {"dead": 0.0, "saturated": 0.1, "rise": 0.0}
        return Outcome(5 if at == slow else 2, **{**good, **bad})

    return plant


def test_better_with_every_reason(analysed):
    found = elu_relu.ask(analysed(LEVELS, planted("relu", "relu")))
    assert found.answer.startswith("It is better here: with elu the restricted mean time")
    assert "by -3 epochs over 6 seeds [-3, -3], a clear difference" in found.answer
    assert (
        "of the three reasons 3 are seen: fewer dead units, less blocked gradient, a smoother descent" in found.answer
    )
    assert "dead units 0.0% and 26.7%" in found.evidence[0]  # dead grows over the three layers to 0.4
    assert (
        "leaky_relu, whose units cannot die and which is no smoother, differs from relu in time by -3"
        in (found.evidence[-1])
    )


def test_worse_when_the_data_flip(analysed):
    found = elu_relu.ask(analysed(LEVELS, planted("elu", "elu")))
    assert found.answer.startswith("Here it is worse")
    assert "of the three reasons 0 are seen." in found.answer


@pytest.mark.parametrize("reason", ["dead", "saturated", "rise"])
def test_a_reason_alone_is_seen_alone(reason, analysed):
    said = {"dead": "fewer dead units", "saturated": "less blocked gradient", "rise": "a smoother descent"}[reason]
    answer = elu_relu.ask(analysed(LEVELS, planted("relu", reasons=(reason,)))).answer
    assert answer.startswith("Here it is not clearly better")
    assert answer.endswith(f"of the three reasons 1 is seen: {said}.")


def test_no_mean_time_is_beyond_the_horizon(analysed):
    """Some seeds arrive late and some never: a symmetric interval would reach further."""
    found = elu_relu.ask(analysed(LEVELS, lambda c: Outcome(None if c["seed"] % 3 else 3), epochs=4))
    times = found.view.frame[found.view.frame["measure"] == "time"]
    assert (times["mean"] < 4).all()
    assert (times["high"] == 4).all()


def test_rises_are_summed_capped_and_go_on_after_a_divergence(analysed):
    plant = lambda c: Outcome(diverges=3 if c["seed"] else None, loss=(1.2, 0.0), rise=0.1)  # noqa: E731
    found = elu_relu.rises(analysed({"seed": [0, 1]}, plant, epochs=4))
    # 1.2, 0.9, 0.7, 0.3, 0.0: falls throughout. Diverged at the third epoch: from 0.7 up to ln 10.
    assert found == pytest.approx([0.0, (np.log(10) - 0.7) / np.log(10)], abs=1e-6)
    plant = lambda _: Outcome(loss=(1.2, 0.0), rise=9.9)  # noqa: E731
    found = elu_relu.rises(analysed({}, plant, epochs=4))
    assert found == pytest.approx([(np.log(10) - 0.9) / np.log(10)], abs=1e-6)


def test_a_divergence_between_evaluations_is_a_rise_to_the_loss_of_guessing(analysed):
    analysis = analysed({"seed": [0]}, lambda _: Outcome(diverges=3, loss=(1.2, 0.0)), epochs=4)
    seen = replace(analysis, curves=analysis.curves[analysis.curves["epoch"] < 3])
    # The last that is seen is 0.6, at the second epoch.
    assert elu_relu.rises(seen) == pytest.approx([(np.log(10) - 0.6) / np.log(10)], abs=1e-6)


@pytest.mark.parametrize("seeds", [1, 3])
def test_few_seeds_are_no_clear_answer(seeds, analysed):
    answer = elu_relu.ask(analysed({**LEVELS, "seed": range(seeds)}, planted("relu", "relu"))).answer
    assert answer.startswith("Here it is not clearly better")
    assert ("one seed: no interval" if seeds == 1 else "weak evidence from so few seeds") in answer


@pytest.mark.parametrize(
    ("activations", "says"),
    [(["relu"], "the activation elu."), (["elu"], "the activation relu."), (["tanh"], "elu and the activation relu.")],
)
def test_what_is_missing_is_said(activations, says, analysed):
    found = elu_relu.ask(analysed({"activation": activations}, lambda _: Outcome()))
    assert (found.answer, found.view.why) == ("", found.missing)
    assert says in found.missing


def test_with_and_without_normalization_each_is_told_and_drawn(analysed):
    """ELU is two epochs sooner without normalization and as soon with it."""
    plain = {"relu": 4, "elu": 2}
    plant = lambda c: Outcome(plain[c["activation"]] if c["normalization"] == "none" else 1)  # noqa: E731
    levels = {"activation": ["relu", "elu"], "normalization": ["batch", "none"], "depth": [2, 5], "seed": range(6)}
    analysis = analysed(levels, plant)
    found = elu_relu.ask(analysis)
    assert found.answer.startswith("It is better here: ")
    assert " With batch normalization it is not clearly better, by " in found.answer
    told = "relu 4, elu 2 with no normalization; relu 1, elu 1 with batch normalization"
    assert found.view.title.endswith(f"depth 5: {told}")
    figure = drawn(elu_relu, found.view, analysis.design)
    assert [axis.get_title().split("\n")[-1].split(" · ")[-1] for axis in figure.axes[::4]] == [
        "no normalization",
        "batch normalization",
    ]
