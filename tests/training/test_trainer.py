import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.initializers import INITIALIZERS
from ablation.choices.losses import LOSSES
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training import products
from ablation.training.clock import probe_steps
from ablation.training.data import Data
from ablation.training.measurement import CURVE_METRICS
from ablation.training.networks import mlp as mlp_module
from ablation.training.networks import passes
from ablation.training.networks.initial import initial_parameters
from ablation.training.outcome import Outcome
from ablation.training.probes import METRICS
from ablation.training.spec import Spec
from ablation.training.trainer import train
from tests.compiler import needs_compiler, needs_native
from tests.training.reference import (
    NORMALIZED,
    TORCH_LOSSES,
    Trace,
    batch,
    blobs,
    clipping,
    level,
    network,
    optimizer,
    spec,
    torch_loop,
)

HUGE = 1e9
"""A learning rate at which a network without clipping and normalization diverges at once."""

ADAPTIVE = [kind for kind in OPTIMIZERS if kind not in ("sgd", "momentum", "nesterov")]

RULES = [rules for rules in itertools.product(CLIPPINGS, OPTIMIZERS) if rules[0] == "none" or rules[1] not in ADAPTIVE]
"""Every optimizer without clipping, and under all clippings those in which a gradient's size is a step's."""


def curve(outcome: Outcome, metric: str) -> np.ndarray:
    return outcome.curves[:, CURVE_METRICS.index(metric)]


def layers(outcome: Outcome, metric: str) -> np.ndarray:
    return outcome.layers[:, :, METRICS.index(metric)]


def same_bits(first: Outcome, second: Outcome) -> bool:
    numbers = ("curves", "layers", "curve_steps", "layer_steps", "test")
    return (
        # A diverged cell's weights may hold NaN, which has no one pattern of bits; all others are compared as they are.
        np.array_equal(first.weights.numpy(), second.weights.numpy(), equal_nan=True)
        and all(np.array_equal(getattr(first, n), getattr(second, n), equal_nan=True) for n in numbers)
        and (first.diverged_step, first.parameters) == (second.diverged_step, second.parameters)
    )


# The law: a cell's numbers depend on its own specification and seed only.

LAW = {
    f"{activation}-{norm}": {"activation": activation, "norm": norm} for activation in ACTIVATIONS for norm in ("none",)
}
LAW |= {f"tanh-{norm}": {"norm": norm} for norm in NORMALIZED if norm != "none"}
LAW |= {f"logistic-{norm}": {"activation": "logistic", "norm": norm} for norm in ("before", "after_and_input")}
LAW |= {f"relu-{rule}-{kind}": {"activation": "relu", "rule": rule, "optimizer": kind} for rule, kind in RULES}
LAW |= {f"{loss}-loss": {"loss": loss, "norm": "before"} for loss in LOSSES}
LAW |= {"mse-of-softmax": {"loss": level("mse", softmax=True), "norm": "after_and_input", "rule": "value"}}
LAW |= {
    "width 1": {"widths": (1, 1)},
    "width 1, normalized": {"widths": (1, 1), "norm": "before_and_input", "rule": "norm"},
    "width 33": {"widths": (33, 33), "activation": "elu", "rule": "global_norm", "optimizer": "nesterov"},
    "uneven widths": {"widths": (33, 1, 7), "activation": "leaky_relu", "norm": "after", "rule": "value"},
    "depth 1": {"widths": (10,), "norm": "before", "optimizer": "momentum"},
    "batch of all 257": {"examples": 257, "batch_size": 257, "epochs": 4, "activation": "selu", "rule": "norm"},
    "batch of 1": {"batch_size": 1, "epochs": 1, "examples": 20},
    "batch of 2, normalized": {"batch_size": 2, "epochs": 1, "examples": 40, "norm": "before"},
    "odd batch": {"batch_size": 33, "examples": 150, "activation": "gelu", "optimizer": "momentum"},
    "steps, not epochs": {"epochs": 4, "steps": 28, "batch_size": 10, "norm": "before"},
    "noise, width 1": {"widths": (1, 1), "gradient_batches": 4, "norm": "before_and_input"},
    "noise, width 33": {"widths": (33, 33), "gradient_batches": 3, "activation": "elu", "rule": "norm"},
    "noise, odd batch": {"batch_size": 33, "examples": 150, "gradient_batches": 4, "optimizer": "momentum"},
    "one class": {"classes": 1, "loss": "mse", "norm": "after"},
    "one feature": {"features": 1, "norm": "before_and_input", "activation": "silu"},
}


def mixed_cohort(cells: int, norm: str = "none", rule: str = "none", **changes) -> list[Spec]:
    """Return cells unlike in all that may differ; the fourth, and a few that follow, diverge where they can."""
    inits = list(INITIALIZERS)
    kind = changes.pop("optimizer", "sgd")
    return [
        spec(
            **{"widths": (7, 5), "epochs": 3, "evaluations": (0.4, 1.5), **changes},
            normalization=NORMALIZED[norm],
            init=inits[place % len(inits)],
            lr=HUGE if place % 9 == 3 else [0.01, 0.1, 0.5][place % 3],
            seed=place % 5,
            order=("random", "fixed", "random", "sorted")[place % 4],
            clipping=clipping(rule, [0.03, 0.3, 1.0][place % 3]),
            optimizer=optimizer(kind, [0.9, 0.5][place % 2]),
        )
        for place in range(cells)
    ]


COMPILED = ["tanh-before_and_input", "mse-of-softmax", "width 33", "noise, odd batch", "batch of 2, normalized"]


@pytest.mark.parametrize(
    ("setting", "compile"),
    [(setting, "eager") for setting in LAW]
    + [pytest.param(setting, "layers", marks=needs_compiler) for setting in COMPILED]
    + [
        pytest.param(setting, "native", marks=needs_native)
        for setting, changes in LAW.items()
        if "muon" not in changes.values()
    ],
)
def test_a_cell_has_the_same_bits_alone_and_anywhere_in_a_cohort(setting, compile):
    changes = dict(LAW[setting])
    data = blobs(
        changes.pop("examples", 64), 40, features=changes.pop("features", 12), classes=changes.pop("classes", 4)
    )
    cells = mixed_cohort(32, compile=compile, **changes)
    outcomes = train(cells, data)
    for place in (0, 2, 3, 17, 31):
        assert same_bits(train([cells[place]], data)[0], outcomes[place]), place
    some = [31, 4, 0, 12, 3, 17, 2]
    for place, outcome in zip(some, train([cells[place] for place in some], data), strict=True):
        assert same_bits(outcome, outcomes[place]), place


@pytest.mark.parametrize("norm", ["none", "before_and_input"])
def test_where_the_cache_ends_decides_no_bit(monkeypatch, norm):
    cohort, data = mixed_cohort(3, norm), blobs()
    monkeypatch.setattr(products, "CACHED", 2**40)
    within = train(cohort, data)
    fetched: list[torch.Tensor] = []
    for module in (mlp_module, passes):
        monkeypatch.setattr(module, "fetch", fetched.append)
    monkeypatch.setattr(products, "CACHED", 0)
    asked = train(cohort, data)
    assert fetched
    for module in (mlp_module, passes):
        monkeypatch.setattr(module, "fetch", products.fetch)
    beyond = train(cohort, data)
    for one, other, third in zip(within, beyond, asked, strict=True):
        assert same_bits(one, other)
        assert same_bits(one, third)


def test_twice_the_same_cell_gives_twice_the_same_bits():
    first, second = train([spec(), spec()], blobs())
    assert same_bits(first, second)


@pytest.mark.parametrize("norm", ["none", "before"])
def test_measuring_changes_nothing(norm):
    cells = [
        spec(normalization=NORMALIZED[norm], optimizer=optimizer("momentum"), probe_size=size) for size in (1, 7, 64)
    ]
    outcomes = [train([cell], blobs())[0] for cell in cells]
    assert torch.equal(outcomes[0].weights, outcomes[1].weights)
    assert torch.equal(outcomes[0].weights, outcomes[2].weights)
    for metric in ("train_loss", "val_loss", "train_accuracy", "val_accuracy", "clip_fraction"):
        np.testing.assert_array_equal(curve(outcomes[0], metric), curve(outcomes[2], metric))


# Against a plain loop over torch's own modules.

AGAINST = [
    (activation, norm, *RULES[number % len(RULES)])
    for number, (activation, norm) in enumerate(itertools.product(ACTIVATIONS, NORMALIZED))
]
AGAINST += [("tanh", norm, *rules) for norm, rules in itertools.product(NORMALIZED, RULES)]


@pytest.mark.parametrize(("activation", "norm", "rule", "kind"), dict.fromkeys(AGAINST))
def test_twenty_steps_are_those_of_a_plain_loop(activation, norm, rule, kind):
    cell = spec(
        activation=activation,
        normalization=NORMALIZED[norm],
        clipping=clipping(rule, 0.05 if rule == "value" else 0.3),
        optimizer=optimizer(kind),
        # Steps that do not shrink with the gradient: at a higher rate they amplify their own rounding.
        lr=0.002 if kind in ADAPTIVE else 0.05,
    )
    data = blobs()
    outcome, trace = train([cell], data)[0], torch_loop(cell, data)
    assert outcome.curve_steps[-1] == 20
    assert any(trace.clipped) == (rule != "none")
    ours, theirs = outcome.weights, trace.weights
    if kind in ADAPTIVE:
        ours, theirs = (torch.where(felt(cell, data), weights, 0.0) for weights in (ours, theirs))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def felt(cell: Spec, data: Data) -> torch.Tensor:
    """Return which parameters the loss depends on: not on a shift that a normalization takes away.

    The gradient of such a one is rounding alone, of which an adaptive rule makes whole steps.
    """
    layout = network(cell, data).layout
    depends = torch.ones(1, layout.parameters, dtype=torch.bool)
    views, norm = layout.views(depends), cell.normalization.settings
    linear = cell.activation.kind == "identity"
    if norm and (norm["placement"] == "before" or linear):
        in_front = views.scale[:-1] if linear else views.scale[: int(norm["input"])]
        for shift in [each.bias_SO for each in views.linear[:-1]] + [each.second_SO for each in in_front]:
            shift.fill_(False)
    return depends[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "mse"},
        {"loss": level("mse", softmax=True), "normalization": batch("after", True)},
        {"widths": (1,)},
        {"widths": (9, 3, 17), "normalization": batch("after", True, momentum=0.5)},
        {"activation": level("leaky_relu", slope=0.3)},
        {"activation": level("elu", alpha=0.5), "normalization": batch("before")},
        {"batch_size": 64, "epochs": 20},
        {"batch_size": 13},
        {"batch_size": 48, "epochs": 2, "steps": 10},  # a step an epoch: periods cross epochs
        {"batch_size": 3, "epochs": 3, "steps": 15},  # an epoch has 21
        {"optimizer": level("nesterov", momentum=0.4)},
        *({"init": init} for init in INITIALIZERS),
    ],
)
def test_other_settings_are_those_of_a_plain_loop(changes):
    cell, data = spec(**changes), blobs()
    torch.testing.assert_close(train([cell], data)[0].weights, torch_loop(cell, data).weights, rtol=0, atol=1e-5)


def test_of_equal_steps_every_batch_size_is_evaluated_after_the_same_ones():
    data = blobs()
    for size in (1, 5, 16, 48, 64):
        outcome = train([spec(batch_size=size, epochs=3, steps=24, evaluations=(0.5, 1.25))], data)[0]
        assert outcome.curve_steps.tolist() == [0, 4, 8, 10, 16, 24]
        assert outcome.layer_steps.tolist() == [0, 1, 2, 4, 8, 10, 16, 24]


def test_as_many_steps_as_epochs_have_are_those_epochs():
    data, cell = blobs(), spec(evaluations=(0.3, 2.5))
    assert same_bits(train([cell], data)[0], train([replace(cell, steps=20)], data)[0])


# What is measured along the way.


@pytest.fixture(scope="module")
def measured() -> list[tuple[Spec, Data, Outcome, Trace]]:
    data = blobs(100, 40)
    cells = [
        spec(
            normalization=NORMALIZED[norm],
            clipping=clipping(rule, threshold),
            loss=loss,
            activation="elu",
            optimizer=optimizer("momentum"),
            batch_size=13,
            epochs=4,
            evaluations=(0.3, 2.4),
            probe_size=30,
        )
        for norm, rule, threshold, loss in (
            ("none", "none", 1.0, "cross_entropy"),
            ("none", "value", 0.05, "cross_entropy"),
            ("before_and_input", "norm", 0.3, "cross_entropy"),
            ("after", "global_norm", 0.6, "mse"),
            ("after_and_input", "value", 0.05, level("mse", softmax=True)),
        )
    ]
    return [(cell, data, train([cell], data)[0], torch_loop(cell, data)) for cell in cells]


def test_rows_are_at_the_scheduled_steps(measured):
    for _, _, outcome, _ in measured:
        assert outcome.layer_steps.tolist() == [0, 1, 2, 4, 7, 8, 14, 16, 17, 21, 28]
        assert outcome.curve_steps.tolist() == [0, 2, 7, 14, 17, 21, 28]
        assert outcome.curves.shape == (7, len(CURVE_METRICS))
        assert outcome.layers.shape == (11, 3, len(METRICS))
        assert outcome.diverged_step is None
        assert outcome.parameters == len(outcome.weights)


def test_losses_and_accuracies_are_those_of_torchs_modules_in_evaluation_mode(measured):
    for cell, data, outcome, trace in measured:
        # As many training examples as there are of the other part, a fixed sample.
        parts = {"train": data.train_sample(len(data.val_y)), "val": (data.val_x, data.val_y)}
        for part, (x, y) in parts.items():
            scores = [trace.nets[step].score(x, y, int(step), cell.batch_size) for step in outcome.curve_steps]
            np.testing.assert_allclose(curve(outcome, f"{part}_loss"), [loss for loss, _ in scores], rtol=1e-4)
            np.testing.assert_allclose(curve(outcome, f"{part}_accuracy"), [right for _, right in scores], rtol=1e-6)


def test_the_test_part_is_scored_at_the_end_in_evaluation_mode(measured):
    for cell, data, outcome, trace in measured:
        score = trace.nets[-1].score(data.test_x, data.test_y, len(trace.nets) - 1, cell.batch_size)
        np.testing.assert_allclose(outcome.test, score, rtol=1e-4)
        assert outcome.test.dtype == np.float32


def test_nothing_but_the_test_depends_on_the_test_part():
    data, cells = blobs(), mixed_cohort(9, "before")
    other = replace(data, test_x=data.test_x.flip(1), test_y=1 - data.test_y.clamp(max=1))
    for one, another in zip(train(cells, data), train(cells, other), strict=True):
        assert same_bits(one, replace(another, test=one.test))
        assert not np.array_equal(one.test, another.test) or one.diverged_step is not None


def test_a_cell_that_diverges_is_not_tested_and_one_that_is_not_trained_is():
    outcomes = train([diverging(0.05), diverging(HUGE)], blobs())
    assert [np.isfinite(outcome.test).tolist() for outcome in outcomes] == [[True, True], [False, False]]
    untrained = train([replace(diverging(0.05), epochs=0)], blobs())[0]
    assert np.isfinite(untrained.test).all()


def test_gradient_norm_and_clipping_cosine_are_naive_ones(measured):
    for cell, data, outcome, trace in measured:
        for row, step in enumerate(outcome.curve_steps):
            net = trace.nets[step]
            net.gradient(*data.train_sample(cell.probe_size))
            raw = net.flat(gradients=True)
            net.clip(cell.clipping)
            cosine = torch.cosine_similarity(raw, net.flat(gradients=True), dim=0)
            assert curve(outcome, "grad_norm")[row] == pytest.approx(raw.norm().item(), rel=1e-3)
            assert curve(outcome, "clip_cosine")[row] == pytest.approx(cosine.item(), rel=1e-4)


def test_clip_fraction_is_the_share_of_the_steps_since_the_evaluation_before(measured):
    shares = []
    for _, _, outcome, trace in measured:
        assert np.isnan(curve(outcome, "clip_fraction")[0])
        parts = np.split(np.array(trace.clipped), outcome.curve_steps[1:-1])
        expected = [part.mean() for part in parts]
        np.testing.assert_allclose(curve(outcome, "clip_fraction")[1:], expected, rtol=1e-6)
        shares.extend(expected)
    assert 0.0 in shares
    assert any(0 < share < 1 for share in shares)


def test_layers_are_those_of_autograd_on_the_probe_batch(measured):
    for cell, data, outcome, trace in measured:
        for row, step in enumerate(outcome.layer_steps):
            net = trace.nets[step]
            _, tape = net.gradient(*data.train_sample(cell.probe_size))
            deltas = [a.grad.square().mean().sqrt().item() for a, _ in tape]
            grads = [linear.weight.grad.norm().item() for linear in net.linears[:-1]]
            np.testing.assert_allclose(layers(outcome, "delta_norm")[row], deltas, rtol=2e-3)
            np.testing.assert_allclose(layers(outcome, "weight_grad_norm")[row], grads, rtol=2e-3)
            np.testing.assert_allclose(
                layers(outcome, "preact_std")[row], [a.std(correction=0).item() for a, _ in tape], rtol=1e-3
            )


def test_update_ratio_is_the_last_steps_over_the_weights_before_it(measured):
    for _, _, outcome, trace in measured:
        assert np.isnan(layers(outcome, "update_ratio")[0]).all()
        for row, step in enumerate(outcome.layer_steps[1:], 1):
            pairs = zip(trace.nets[step].linears[:-1], trace.nets[step - 1].linears[:-1], strict=True)
            expected = [((new.weight - old.weight).norm() / old.weight.norm()).item() for new, old in pairs]
            np.testing.assert_allclose(layers(outcome, "update_ratio")[row], expected, rtol=5e-3)


def test_an_evaluation_larger_than_a_chunk_is_one_mean():
    data = blobs(700, 1100)
    cell = spec(epochs=1, batch_size=100)
    outcome, trace = train([cell], data)[0], torch_loop(cell, data)
    for row, step in enumerate(outcome.curve_steps):
        loss, accuracy = trace.nets[step].score(data.val_x, data.val_y, int(step), 100)
        assert curve(outcome, "val_loss")[row] == pytest.approx(loss, rel=1e-5)
        assert curve(outcome, "val_accuracy")[row] == pytest.approx(accuracy, rel=1e-6)


def test_depth_of_logistic_units_leaves_a_trace_in_every_layer():
    """Ten to the minus twenty and less, which float32 holds but whose square it does not."""
    cell = spec(activation="logistic", init="torch_default", widths=(64,) * 26, epochs=1, batch_size=32, probe_size=64)
    deltas = layers(train([cell], blobs())[0], "delta_norm")[0].astype(np.float64)
    assert deltas[0] > 0
    slope = np.polyfit(np.arange(24), np.log10(deltas[:24]), 1)[0]
    # Theory: from a layer to the one before it, a factor of 0.141.
    assert slope == pytest.approx(-np.log10(0.141), abs=0.02)


# Divergence.


def diverging(lr: float, seed: int = 0) -> Spec:
    return spec(activation="relu", init="he_normal", lr=lr, seed=seed, loss="mse", probe_size=64)


@pytest.mark.parametrize("rates", [(0.05, 0.1, 0.02), (0.05, HUGE, 0.02), (HUGE, 3.0, 1e5)])
def test_zero_one_and_all_cells_diverging(rates):
    data, cells = blobs(), [diverging(lr, seed) for seed, lr in enumerate(rates)]
    for cell, outcome in zip(cells, train(cells, data), strict=True):
        trace = torch_loop(cell, data)
        # A loss is looked at on the training batches, and at a probe on the probe batch.
        losses = {
            step: trace.nets[step].gradient(*data.train_sample(64))[0]
            for step in probe_steps(5, 4)
            if step < len(trace.nets)
        }
        probed = [step for step, loss in losses.items() if not loss.isfinite()]
        expected = min([*probed, *([] if trace.diverged_step is None else [trace.diverged_step])], default=None)
        assert outcome.diverged_step == expected
        assert (expected is None) == (cell.lr <= 0.1)
        if expected is None:
            torch.testing.assert_close(outcome.weights, trace.weights, rtol=0, atol=1e-5)
            assert outcome.layer_steps[-1] == 20
        else:
            assert expected > 0
            assert outcome.layer_steps.tolist() == [step for step in probe_steps(5, 4) if step < expected]
            assert outcome.curve_steps.tolist() == [step for step in range(0, 21, 4) if step < expected]
        assert len(outcome.curves) == len(outcome.curve_steps)
        assert len(outcome.layers) == len(outcome.layer_steps)
        assert np.isfinite(curve(outcome, "train_loss")).all()
        assert np.isfinite(layers(outcome, "delta_norm")).all()


def test_cells_diverge_each_at_its_own_step():
    data = blobs()
    outcomes = train([diverging(lr) for lr in (HUGE, 100.0, 10.0, 3.0, 0.05)], data)
    steps = [outcome.diverged_step for outcome in outcomes]
    assert steps[-1] is None
    assert steps[:-1] == sorted(steps[:-1])
    assert len(set(steps)) >= 4
    for cell, outcome in zip((HUGE, 100.0, 10.0, 3.0, 0.05), outcomes, strict=True):
        assert same_bits(train([diverging(cell)], data)[0], outcome)


def test_a_cell_that_diverges_long_before_a_probe_has_the_step_at_which_it_did():
    data = blobs()
    # At smaller rates it wanders first, and the last digits decide when that ends.
    for lr, seed in itertools.product((10.0, 30.0, 1000.0), (0, 3)):
        cell = replace(diverging(lr, seed), activation=level("tanh"), batch_size=2)
        (outcome,) = train([cell], data)
        assert outcome.diverged_step == torch_loop(cell, data).diverged_step
        assert outcome.diverged_step not in {step + shift for step in probe_steps(5, 32) for shift in (-1, 0)}


def test_a_cell_that_cannot_begin_diverges_at_zero():
    data = blobs()
    data.train_x[data.train_x == data.train_sample(64)[0][5, 3]] = torch.inf
    (outcome,) = train([diverging(0.05)], data)
    assert outcome.diverged_step == 0
    assert len(outcome.curves) == len(outcome.layers) == 0


def test_training_ends_when_all_cells_have_diverged():
    outcomes = train([replace(diverging(HUGE, seed), epochs=5000) for seed in range(3)], blobs())
    assert all(outcome.diverged_step < 20 for outcome in outcomes)


# What is refused, and what works at the edge.


@pytest.mark.parametrize(
    "other", [{"activation": "relu"}, {"widths": (16, 16)}, {"batch_size": 8}, {"loss": "mse"}, {"epochs": 1}]
)
def test_a_mixed_cohort_is_refused(other):
    with pytest.raises(ValueError, match=r"cells of a cohort must share"):
        train([spec(), spec(**other)], blobs())


def test_a_batch_larger_than_the_training_part_is_refused():
    with pytest.raises(ValueError, match=r"batch_size 65: larger than the 64 training examples"):
        train([spec(batch_size=65)], blobs(64))


def test_a_new_activation_needs_no_more_than_its_registry_line(monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "sine", lambda x: (x.sin(), x.cos()))
    cell, data = spec(activation="sine"), blobs()
    torch.testing.assert_close(train([cell], data)[0].weights, torch_loop(cell, data).weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_one_class_is_learnt_at_once(loss):
    data = blobs(classes=1)
    (outcome,) = train([spec(loss=loss)], data)
    assert (curve(outcome, "val_accuracy") == 1.0).all()
    assert outcome.diverged_step is None


def test_every_loss_is_held_against_torchs():
    assert set(LOSSES) == set(TORCH_LOSSES)


def test_zeros_never_break_the_symmetry():
    data, cell = blobs(), spec(init="zeros", activation="logistic", epochs=20, lr=0.5)
    (outcome,) = train([cell], data)
    for layer in network(cell, data).layout.views(outcome.weights[None]).linear[:-1]:
        torch.testing.assert_close(layer.weight_SIO, layer.weight_SIO[:, :, :1].expand_as(layer.weight_SIO))


def test_a_network_learns():
    (outcome,) = train([spec(lr=0.5, epochs=20)], blobs())
    assert curve(outcome, "val_loss")[-1] < 0.5 * curve(outcome, "val_loss")[0]
    assert curve(outcome, "val_accuracy")[-1] > 0.7


# Common random numbers.


def first_layers(cell: Spec, data: Data, count: int) -> torch.Tensor:
    model = network(cell, data)
    layers = model.layout.views(initial_parameters(model.layout, cell)[None]).linear[:count]
    return torch.cat([tensor.flatten() for layer in layers for tensor in layer])


def test_a_deeper_network_begins_with_the_layers_of_a_shallower_one():
    data = blobs()
    shallow, deep = spec(widths=(16, 16)), spec(widths=(16,) * 6)
    assert torch.equal(first_layers(shallow, data, 2), first_layers(deep, data, 2))
    assert not torch.equal(first_layers(shallow, data, 2), first_layers(replace(deep, seed=1), data, 2))


def test_cells_of_a_seed_share_their_initial_draws():
    data = blobs()
    xavier, he = (first_layers(spec(init=init), data, 1)[: 12 * 16] for init in ("xavier_normal", "he_normal"))
    torch.testing.assert_close(he / xavier, torch.full_like(he, (28 / 12) ** 0.5))
    assert torch.equal(xavier, first_layers(spec(activation="relu", lr=0.5, batch_size=8), data, 1)[: 12 * 16])


@pytest.mark.parametrize("norm", NORMALIZED)
def test_normalization_adds_gammas_of_one_and_betas_of_zero_and_no_draw(norm):
    data = blobs()
    plain, cell = spec(), spec(normalization=NORMALIZED[norm])
    model = network(cell, data)
    flat = initial_parameters(model.layout, cell)
    linear = network(plain, data).layout.parameters
    assert torch.equal(flat[:linear], initial_parameters(network(plain, data).layout, plain))
    for gamma, beta in model.layout.views(flat[None]).scale:
        assert (gamma == 1).all()
        assert (beta == 0).all()
