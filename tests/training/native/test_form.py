"""Which choices have a native form: all of ours but one that asks, and a user's own if it does the same in C."""

import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings
from ablation.training.native import building, form
from ablation.training.native.form import NoNativeFormError, form_of
from ablation.training.networks import NETWORKS, Mlp
from ablation.training.spec import Level
from tests.compiler import needs_native
from tests.training.reference import level, spec

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


def test_what_was_compiled_is_kept_and_made_anew_for_another_text(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    text = 'extern "C" int answer() { return 41 + %d; }'
    assert building.library(text % 1).answer() == 42
    assert building.library(text % 2).answer() == 43
    kept = [*building.folder().glob("*.so")]
    assert len(kept) == 2
    assert [*building.folder().iterdir()] == kept or {*building.folder().iterdir()} == {*kept}
    times = {path: path.stat().st_mtime_ns for path in kept}
    building.library.cache_clear()
    assert building.library(text % 1).answer() == 42
    assert {path: path.stat().st_mtime_ns for path in kept} == times


def test_what_does_not_compile_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(building.CannotBuildError, match="error"):
        building.library("this is no C++")
    assert not [*building.folder().iterdir()]
