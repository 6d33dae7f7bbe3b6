"""The gate of values: every type, range and format, of the config's own keys and of every choice."""

import inspect
import math
import struct
from typing import Annotated, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablation import UserError
from ablation.levels import LARGEST, SMALLEST, as_single, check_value, is_text, shown
from ablation.studies.study import REGISTRIES

HUGE = 10**400


def parameters():
    """Return every number that a choice of ours takes: its key's words, its function and its name."""
    for factor, registry in REGISTRIES.items():
        for kind, function in registry.items():
            hints = get_type_hints(function, include_extras=True)
            for name, parameter in inspect.signature(function).parameters.items():
                if parameter.default is not inspect.Parameter.empty and get_origin(hints[name]) is Annotated:
                    yield pytest.param(factor, kind, name, get_args(hints[name]), id=f"{factor}.{kind}.{name}")


@pytest.mark.parametrize(("factor", "kind", "name", "hint"), list(parameters()))
@pytest.mark.parametrize(
    "value",
    [1e39, -1e39, 1e-46, -1e-46, 1e-39, HUGE, -HUGE, math.nan, math.inf, -math.inf, "1", True, [1], {}, 1e308, 5e-324],
)
def test_no_choice_takes_a_number_that_float32_cannot_hold(study, factor, kind, name, hint, value):
    from ablation.studies.choosing import check_level

    with pytest.raises(UserError) as refused:
        check_level(factor, "mine", {"kind": kind, name: value}, REGISTRIES[factor])
    assert str(refused.value).startswith(f"{factor}.mine.{name}=")
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["lr=1e-46"], "lr=1e-46: too small for float32, whose smallest number is 1.2e-38"),
        (["lr=[0.1,1e39]"], "lr=1e+39: too large for float32, whose largest number is 3.4e+38"),
        (["lr=1e-39"], "too small"),
        (["lr=[0.1,0.1000000001]"], "0.1000000001 and 0.1 are the same number in float32"),
        (["clipping=value", "clipping.value.threshold=1e-46"], "too small"),
        (["clipping=global_norm", "clipping.global_norm.threshold=1e39"], "too large"),
        (["optimizer=momentum", "optimizer.momentum.momentum=0.99999999999"], "becomes 1 in float32, and must be"),
        (["optimizer=momentum", "optimizer.momentum.momentum=1e-45"], "too small"),
        (["activation=elu", "activation.elu.alpha=1e39"], "too large"),
        (["activation=elu", "+activation.x={kind: elu, alpha: 1.00000000001}"], "the same level as activation.elu"),
        (["seed=9223372036854775808"], "[0, 9223372036854775807]"),
        (["depth=10001"], "[1, 10000]"),
        (["training.epochs=1000001"], "[0, 1000000]"),
        (["paths.data=" + "x" * 300], "has a name of more than 255 bytes"),
        (["paths.data=/" + "x/" * 3000], "is no path that can be used (File name too long)"),
        (["paths.store=~nouser/x"], "~nouser is nobody's folder"),
        (["paths.results="], "must be text"),
    ],
)
def test_numbers_and_paths_are_refused_before_anything_is_made(study, overrides, told):
    with pytest.raises(UserError) as refused:
        study(*overrides)
    assert told in str(refused.value)


def test_ends_of_ranges_are_exact(study):
    assert study("seed=9223372036854775807").numbers["seed"] == [2**63 - 1]
    assert study("lr=1.2e-38").numbers["lr"] == [1.2e-38]
    assert study("lr=3.4e38").numbers["lr"] == [3.4e38]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_passes_is_a_normal_float32_in_its_range_or_zero(value):
    becomes = as_single(value)
    fits = value == 0 or SMALLEST <= abs(becomes) <= LARGEST
    try:
        passed = check_value("key", value, Annotated[float, "(-inf, inf)"]) == value
    except UserError:
        passed = False
    assert passed == fits
    if fits:
        assert struct.unpack("f", struct.pack("f", value))[0] == becomes


@given(st.integers())
def test_whole_numbers_are_compared_as_such(value):
    try:
        passed = check_value("key", value, Annotated[int, "[0, 9223372036854775807]"]) == value
    except UserError:
        passed = False
    assert passed == (0 <= value < 2**63)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.lists(st.integers()), st.none(), st.binary()))
def test_what_is_shown_is_one_short_line(value):
    assert "\n" not in shown(value)
    assert len(shown(value)) <= 120
    shown(value).encode()


@pytest.mark.parametrize("value", [HUGE, [10**5000], "x" * 10**6, "\ud800", "a\nb"])
def test_hostile_values_are_shown_in_short(value):
    assert len(shown(value)) <= 120
    assert is_text(shown(value))
