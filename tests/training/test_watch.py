"""What is noted of an unclipped cell says of any threshold whether the clipped one is the same, held by training it."""

import math
from dataclasses import replace

import numpy as np
import pytest

from ablation.choices.clipping import CLIPPINGS, COMPARED
from ablation.training.trainer import train
from tests.training.reference import NORMALIZED, blobs, level, optimizer, spec

# Every activation, optimizer and normalization once, networks and batches of several kinds, and what ends early.
CELLS = {
    "plain": {},
    "relu": {"activation": "relu", "init": "he_normal", "optimizer": optimizer("momentum")},
    "elu": {"activation": level("elu", alpha=1.0), "optimizer": optimizer("nesterov"), "lr": 0.1},
    "leaky": {"activation": level("leaky_relu", slope=0.01), "normalization": NORMALIZED["before"]},
    "logistic": {"activation": "logistic", "normalization": NORMALIZED["after_and_input"], "lr": 1.0},
    "gelu": {"activation": "gelu", "optimizer": optimizer("momentum"), "normalization": NORMALIZED["before_and_input"]},
    "residual": {"activation": "selu", "model": "residual", "normalization": NORMALIZED["before"]},
    "mse": {"activation": "silu", "loss": "mse", "lr": 1.0, "batch_size": 64},
    "mse of softmax": {"activation": "elu", "loss": level("mse", softmax=True), "normalization": NORMALIZED["after"]},
    "zeros": {"init": "zeros"},
    "one example": {"activation": "softplus", "batch_size": 1, "epochs": 1},
    "no step": {"epochs": 0},
    "deep": {"activation": "identity", "widths": (5,) * 12, "optimizer": optimizer("momentum", 0.5)},
}


def record_of(outcome):
    """Return every bit that is kept of a cell."""
    arrays = (outcome.curve_steps, outcome.curves, outcome.layer_steps, outcome.layers, outcome.weights.numpy())
    return (outcome.diverged_step, outcome.parameters, *(array.tobytes() for array in arrays))


def around(number):
    """Return thresholds about a float32: the nearest below and above it, and doubles that become it or do not."""
    single = np.float32(number)
    yield from (float(np.nextafter(single, np.float32(end))) for end in (0.0, np.inf))
    yield from (math.nextafter(number, end) for end in (0.0, math.inf))
    yield from (number, 0.5 * number, 2.0 * number)


@pytest.mark.parametrize("rule", COMPARED)
@pytest.mark.parametrize("changes", CELLS.values(), ids=CELLS)
def test_a_clipped_cell_is_the_unclipped_one_just_where_the_largest_number_says_so(changes, rule):
    data, plain = blobs(), spec(**changes)
    (one,) = train([plain], data, [*COMPARED])
    largest = one.compared[rule]
    assert 0.0 < largest < 1e3
    thresholds = [*around(largest)]
    clipped = [replace(plain, clipping=level(rule, threshold=threshold)) for threshold in thresholds]
    said = [COMPARED[rule].acts(largest, threshold=threshold) for threshold in thresholds]
    assert {*said} == {False, True}
    # Thresholds of a cohort that differ are a tensor, a single one is a number.
    for trained in (train(clipped, data), [train([cell], data)[0] for cell in clipped[:4]]):
        for other, acts, threshold in zip(trained, said, thresholds, strict=False):
            # A step that is scaled down by the last digit may yet give the same numbers, and so may none.
            is_told_apart = record_of(other) != record_of(one)
            assert acts or not is_told_apart
            assert is_told_apart or threshold > 0.9 * largest or not plain.epochs


@pytest.mark.parametrize("rule", COMPARED)
def test_whether_it_acted_in_training_is_what_the_number_says(rule, monkeypatch):
    """The rule's own flags, in steps and in evaluations, against the number alone."""
    data, plain = blobs(), spec(activation="elu", optimizer=optimizer("momentum"))
    largest = train([plain], data, [rule])[0].compared[rule]
    apply, flags = CLIPPINGS[rule], []

    def noted(gradient, *, threshold=1.0):
        flags.append(apply(gradient, threshold=threshold))
        return flags[-1]

    noted.__annotations__ = apply.__annotations__
    monkeypatch.setitem(CLIPPINGS, rule, noted)
    for threshold in around(largest):
        flags.clear()
        train([replace(plain, clipping=level(rule, threshold=threshold))], data)
        assert any(bool(flag) for flag in flags) == COMPARED[rule].acts(largest, threshold=threshold)


@pytest.mark.parametrize("rule", COMPARED)
def test_a_cell_that_diverges_is_known_only_where_its_gradient_was_seen_to_be_small(rule):
    data, plain = blobs(), spec(activation="relu", init="he_normal", optimizer=optimizer("momentum"))
    largest, proven = [], 0
    for lr in (0.5, 2.0, 5.0, 1e2, 1e4, 1e30, math.inf):
        cell = replace(plain, lr=lr)
        (one,) = train([cell], data, [rule])
        largest.append(one.compared[rule])
        for threshold in (*around(largest[-1]), 1.0, 1e3, 1e14, 1e30) if math.isfinite(largest[-1]) else (1e14, 1e38):
            if not COMPARED[rule].acts(largest[-1], threshold=threshold):
                proven += 1
                (trained,) = train([replace(cell, clipping=level(rule, threshold=threshold))], data)
                assert record_of(trained)[:-1] == record_of(one)[:-1], (lr, threshold)
    assert proven
    assert any(not math.isfinite(number) for number in largest)
    assert all(COMPARED[rule].acts(number, threshold=3e38) for number in (math.nan, math.inf))


@pytest.mark.parametrize("rule", COMPARED)
@pytest.mark.parametrize("scale", [1e-36, 1e-18, 1e9, 1e16, 1e25], ids=str)
def test_gradients_of_any_size_never_pass_for_unclipped_ones_where_they_are_clipped(rule, scale, monkeypatch):
    """Squares that a float32 does not hold: by a loss whose gradient has that size."""
    from ablation.choices.losses import LOSSES, mse

    def scaled(output_SBC, label_SB):
        loss_S, grad_SBC = mse(output_SBC, label_SB)
        return loss_S, grad_SBC * scale

    monkeypatch.setitem(LOSSES, "scaled", scaled)
    data, plain = blobs(), spec(loss="scaled", lr=0.05 / scale if scale > 1e-30 else 0.05, epochs=1)
    (one,) = train([plain], data, [rule])
    largest = one.compared[rule]
    proven = 0
    for threshold in (*(around(largest) if 1e-37 < largest < 1e38 else ()), 2e-38, 1e-20, 1e-12, 1.0, 1e14, 1e30, 3e38):
        (trained,) = train([replace(plain, clipping=level(rule, threshold=threshold))], data)
        if not COMPARED[rule].acts(largest, threshold=threshold):
            proven += 1
            assert record_of(trained) == record_of(one), threshold
    assert proven or scale >= 1e16, "of sound norms some are known"


@pytest.mark.parametrize("changes", [{}, {"optimizer": optimizer("momentum"), "loss": "mse"}])
def test_watching_changes_no_bit_and_depends_on_no_other_cell(changes):
    data, plain = blobs(), spec(activation="relu", **changes)
    # One of them leaves the stack before the end.
    cohort = [replace(plain, seed=7, lr=1e30), plain, *(replace(plain, seed=seed) for seed in (3, 4, 5))]
    unwatched, watched = train(cohort, data), train(cohort, data, [*COMPARED])
    assert watched[0].diverged_step is not None
    for cell, one, other in [*zip(cohort, unwatched, watched, strict=True)][1:]:
        assert record_of(one) == record_of(other)
        assert one.compared == {}
        assert other.compared == train([cell], data, [*COMPARED])[0].compared
        for rule in COMPARED:
            assert {rule: other.compared[rule]} == train([cell], data, [rule])[0].compared
