"""Which choices have a native form: all of ours but one that asks, and a user's own if it does the same in C."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings
from ablation.training.measurement import CURVE_METRICS
from ablation.training.native import form
from ablation.training.native.form import NoNativeFormError, form_of
from ablation.training.networks import NETWORKS, Mlp
from ablation.training.spec import Level
from ablation.training.trainer import train
from tests.compiler import needs_native
from tests.training.reference import blobs, level, spec

pytestmark = needs_native

DECAYS = [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decoupled": True, "decay_vectors": True}]


@pytest.mark.parametrize("rule", CLIPPINGS)
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_rule_that_asks_for_nothing_has_a_form(kind, rule):
    for decay in DECAYS:
        cell = spec(optimizer=Level(kind, {**settings(OPTIMIZERS[kind]), **decay}), clipping=level(rule))
        if kind == "muon":
            with pytest.raises(NoNativeFormError, match="optimizer muon asks for shape"):
                form_of(cell)
        else:
            assert form_of(cell).rule.later


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_every_activation_has_a_form(kind):
    assert form_of(spec(activation=kind)).activation.activate


def another_where_compiled(x):
    return (x * 2.0 if torch.compiler.is_compiling() else x * 3.0), torch.ones_like(x)


def by_its_length(x):
    return x * (1.0 if x.numel() < 100 else 2.0), torch.ones_like(x)


def by_a_look(x):
    return (x if bool((x > 0).all()) else -x), torch.ones_like(x)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (another_where_compiled, "activation mine has another value in C"),
        (by_its_length, "activation mine has another value in C"),
        (by_a_look, "activation mine asks for is_nonzero"),
    ],
)
def test_an_activation_that_does_another_thing_in_c_has_none(function, why, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "mine", function)
    with pytest.raises(NoNativeFormError, match=why):
        form_of(spec(activation="mine"))


def test_another_function_under_the_same_name_is_made_anew(monkeypatch):
    found = []
    for scale in (2.0, 3.0):
        monkeypatch.setitem(ACTIVATIONS, "mine", lambda x, scale=scale: (x * scale, torch.full_like(x, scale)))
        found.append(form_of(spec(activation="mine")).activation)
    assert found[0] is not found[1]


def of_the_last(param_SP, grad_SP, lr_S1, state):
    """Normalized gradient descent of a user's own: what it makes of a part is of all of that part."""
    param_SP.sub_(lr_S1 * grad_SP / torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True))


def test_a_rule_of_a_users_own_that_makes_one_number_of_many_has_none(monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "mine", of_the_last)
    with pytest.raises(NoNativeFormError, match="optimizer mine makes one number of many"):
        form_of(spec(optimizer="mine"))


def test_a_rule_of_a_users_own_has_one(monkeypatch):
    def mine(param_SP, grad_SP, lr_S1, state, *, power: float = 0.5):
        state["count"] = state.get("count", torch.zeros_like(lr_S1)) + 1.0
        param_SP.sub_(lr_S1 / state["count"] * grad_SP.sign() * grad_SP.abs().sqrt())

    monkeypatch.setitem(OPTIMIZERS, "mine", mine)
    made = form_of(spec(optimizer=level("mine", power=0.5)))
    assert made.text.scalars == ("count",)


@pytest.mark.parametrize(
    ("flag", "has_one"),
    [
        (lambda x, most: (x.abs() > most).any(1, keepdim=True), True),
        (lambda x, most: (x > most).any(1, keepdim=True) | (x < -most).any(1, keepdim=True), True),
        (lambda x, most: ~(x.abs() > most).any(1, keepdim=True), False),
        (lambda x, most: x.abs().sum(1, keepdim=True) > most, False),
    ],
    ids=["any", "either", "none", "sum"],
)
def test_a_clipping_that_counts_over_a_tensor_has_none(flag, has_one, monkeypatch):
    """Vectors are handed over side by side, where its own loop would see them apart."""

    def mine(gradient, *, threshold: float = 0.3):
        flags = [flag(tensor, threshold) for tensor in gradient.tensors]
        for block in gradient.blocks:
            block.clamp_(-1.0, 1.0)
        return torch.cat(flags, dim=1).any(1) if len(flags) > 1 else flags[0].squeeze(1)

    monkeypatch.setitem(CLIPPINGS, "mine", mine)
    cell = spec(clipping=level("mine", threshold=0.3))
    if has_one:
        data, at = blobs(), CURVE_METRICS.index("clip_fraction")
        eager, native = (train([replace(cell, compile=how)], data)[0].curves[:, at] for how in ("eager", "native"))
        np.testing.assert_array_equal(native, eager)
    else:
        with pytest.raises(NoNativeFormError, match="clipping mine with optimizer sgd makes one number of many"):
            form_of(cell)


def by_a_setting(param_SP, grad_SP, lr_S1, state, *, share: float = 0.5):
    param_SP.sub_(lr_S1 * grad_SP if share > 0.4 else grad_SP)


def by_its_own_count(param_SP, grad_SP, lr_S1, state):
    state["count"] = state.get("count", 0) + 1
    param_SP.sub_(lr_S1 * grad_SP / state["count"])


@pytest.mark.parametrize(
    ("rule", "why"),
    [(by_a_setting, "fails on small examples .RuntimeError"), (by_its_own_count, "remembers count as int")],
)
def test_what_a_rule_raises_is_why_it_has_none(rule, why, monkeypatch):
    monkeypatch.setitem(OPTIMIZERS, "mine", rule)
    with pytest.raises(NoNativeFormError, match=f"optimizer mine {why}"):
        form_of(spec(optimizer=Level("mine", settings(rule))))


def test_networks_normalizations_and_losses_of_a_users_own_have_none(monkeypatch):
    class Other(Mlp):
        pass

    monkeypatch.setitem(NETWORKS, "mine", Other)
    monkeypatch.setitem(LOSSES, "mine", lambda output, label: LOSSES["mse"](output, label))
    monkeypatch.setitem(NORMALIZATIONS, "mine", lambda: None)
    for choice in ("model", "loss", "normalization"):
        with pytest.raises(NoNativeFormError, match=f"{choice} mine has no native form"):
            form_of(spec(**{choice: "mine"}))


def test_without_a_compiler_there_is_none(monkeypatch):
    monkeypatch.setattr(form, "compiler", lambda: None)
    with pytest.raises(NoNativeFormError, match="no C\\+\\+ compiler was found"):
        form_of(spec())
