"""Running statistics against momentum^steps of the cells' own steps; divergence, and the commands that are named."""

import re

import pytest

from ablation.reporting.findings.unsettled import diverging, running
from tests.reporting.synthetic import STEPS, Outcome


def momentum(analysis, value):
    """Give the study's batch normalization a momentum, as a manifest of the study stage has it."""
    analysis.manifest["levels"]["normalization"]["batch"] = {"kind": "batch", "momentum": value}
    return analysis


@pytest.mark.parametrize("epochs", [2, 6])
def test_it_is_told_where_more_than_a_tenth_is_left(epochs, analysed):
    steps = epochs * STEPS
    levels = {"normalization": ["none", "batch"], "seed": [0, 1]}
    analysis = analysed(levels, lambda c: Outcome(1), epochs=epochs)
    for share, told in ((0.12, True), (0.08, False)):
        texts = running(momentum(analysis, share ** (1 / steps)))
        assert bool(texts) == told
    (text,) = running(momentum(analysis, 0.99))
    assert f"not settled in 2 of 2 cells: after {steps} steps {0.99**steps:.0%} of their first values" in text
    wanted = float(re.search(r"normalization\.batch\.momentum=(\S+)$", text)[1])
    assert wanted**steps <= 0.01
    assert running(momentum(analysis, wanted)) == []


def test_large_batches_take_fewer_steps(analysed):
    levels = {"normalization": ["batch"], "batch_size": [32, 128], "seed": [0, 1]}
    (text,) = running(momentum(analysed(levels, lambda c: Outcome(1), epochs=6), 0.95))
    assert "in 2 of 4 cells: after 12 steps" in text


def test_most_diverged_and_smaller_rates_are_named(analysed):
    levels = {"lr": [0.1, 1.0], "seed": [0, 1]}
    (text,) = diverging(analysed(levels, lambda c: Outcome(diverges=1) if c["seed"] or c["lr"] > 0.1 else Outcome(2)))
    assert text.startswith("3 of 4 cells diverged; ")
    assert text.endswith("'lr=[0.001,0.01]'")
    assert diverging(analysed(levels, lambda c: Outcome(diverges=1) if c["lr"] > 0.1 else Outcome(2))) == []
