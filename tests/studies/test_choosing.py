import re
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.choices.normalization import NORMALIZATIONS
from ablation.studies.choosing import check_level, check_value


def test_a_level_takes_its_kind_from_its_name_and_its_defaults_from_the_function():
    level = check_level("activation", "leaky_relu", {}, ACTIVATIONS)
    assert (level.kind, level.settings) == ("leaky_relu", {"slope": 0.01})


def test_a_level_may_have_a_name_of_its_own_and_a_whole_number_for_a_real_one():
    level = check_level("activation", "elu_2", {"kind": "elu", "alpha": 2}, ACTIVATIONS)
    assert level.kind == "elu"
    assert level.settings == {"alpha": 2.0}
    assert isinstance(level.settings["alpha"], float)


@pytest.mark.parametrize(
    ("label", "given", "told"),
    [
        ("elu_2", {}, ["activation.elu_2", "no kind elu_2", "allowed: identity, logistic"]),
        ("elu", {"beta": 1}, ["activation.elu.beta=1", "allowed: alpha"]),
        ("relu", {"slope": 1}, ["activation.relu.slope=1", "allowed: none"]),
        ("elu", {"alpha": -1}, ["activation.elu.alpha=-1", "(0, inf)"]),
        ("elu", {"alpha": float("nan")}, ["activation.elu.alpha=nan", "finite"]),
        ("elu", {"alpha": float("inf")}, ["activation.elu.alpha=inf", "finite"]),
        ("elu", {"alpha": "one"}, ["activation.elu.alpha=one", "number"]),
        ("elu", {"alpha": True}, ["activation.elu.alpha=True", "number"]),
        ("elu", {"alpha": None}, ["activation.elu.alpha=null", "number"]),
        ("leaky_relu", {"slope": 1.5}, ["activation.leaky_relu.slope=1.5", "[0, 1]"]),
        ("relu", 3, ["activation.relu=3", "mapping"]),
    ],
)
def test_a_wrong_level_is_refused_with_key_value_and_what_is_allowed(label, given, told):
    with pytest.raises(UserError) as refused:
        check_level("activation", label, given, ACTIVATIONS)
    for words in told:
        assert words in str(refused.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [({"placement": "behind"}, "before or after"), ({"input": 1}, "true or false"), ({"momentum": 1.0}, "[0, 1)")],
)
def test_words_and_switches_are_checked_too(given, told):
    with pytest.raises(UserError, match=told.replace("[", r"\[").replace(")", r"\)")):
        check_level("normalization", "batch", given, NORMALIZATIONS)


@given(st.floats(allow_nan=True, width=32, allow_subnormal=False) | st.integers(-5, 5))
def test_an_interval_admits_what_lies_in_it_and_nothing_else(value):
    if 0 < value <= 1:
        assert check_value("key", value, Annotated[float, "(0, 1]"]) == value
    else:
        with pytest.raises(UserError, match=rf"key={re.escape(str(value))}: "):
            check_value("key", value, Annotated[float, "(0, 1]"])


def test_a_whole_number_is_not_a_fraction():
    with pytest.raises(UserError, match="whole number"):
        check_value("seed", 1.5, Annotated[int, "[0, 9]"])


def test_a_literal_is_one_of_its_words():
    assert check_value("device", "cpu", Literal["auto", "cpu"]) == "cpu"
    with pytest.raises(UserError, match="device=tpu: must be auto or cpu"):
        check_value("device", "tpu", Literal["auto", "cpu"])
