"""What has no form number by number is refused, by what it does."""

import pytest
import torch

from ablation.training.native.calling import CannotTraceError
from ablation.training.native.tracing import ordered, trace_activation

OTHER = torch.linspace(0.0, 1.0, 21).view(3, 7)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: x if float(x.sum()) > 0 else -x, "asks for sum otherwise than over a cell's own numbers"),
        (lambda x: x if x[0, 0] > 0 else -x, "takes a part|moves|lengths|asks for select"),
        (lambda x: x - x.mean(), "asks for mean otherwise"),
        (lambda x: x.cumsum(1), "asks for cumsum, which has no form in C"),
        (lambda x: x.t().contiguous().t(), "moves numbers about"),
        (lambda x: x * OTHER, "neither handed to it nor a number"),
        (lambda x: x + torch.rand_like(x), "asks for rand_like"),
        (lambda x: x.flip(1), "asks for flip"),
        (lambda x: torch.sort(x).values, "asks for sort"),
        (lambda x: x @ x.mT, "moves numbers about|lengths"),
        (lambda x: torch.nn.functional.dropout(x, 0.5), "asks for|bernoulli|native_dropout"),
        (lambda x: torch.empty_like(x), "reads memory that nothing was written to"),
        (lambda x: x.unflatten(2, (1, -1)), "fails on small examples .IndexError: "),
        (lambda x: x.no_such_method(), "fails on small examples .AttributeError: "),
    ],
)
def test_what_is_no_function_of_a_number_alone_is_refused(function, why):
    from ablation.training.native.writing import activation_text

    with pytest.raises(CannotTraceError, match=why):
        activation_text(*trace_activation(lambda x: (function(x), x)))


def test_values_come_after_what_they_are_made_of_each_once():
    value, derivative = trace_activation(lambda x: ((y := x.exp()) * y, y))
    found = ordered([value, derivative])
    assert [each.name for each in found] == ["input", "exp", "mul"]
    assert found[1] is derivative
    assert value.of == (derivative, derivative)


def test_what_is_written_in_place_is_another_value():
    def function(x):
        y = x.clone()
        before = y * 1.0
        y.add_(1.0)
        return y, before

    value, before = trace_activation(function)
    assert value.name == "add"
    assert before.name == "mul"
    assert before.of[0] is value.of[0]


def test_a_function_takes_the_path_that_it_has_for_a_compiler():
    value, _ = trace_activation(lambda x: (x.neg() if torch.compiler.is_compiling() else x.exp(), x))
    assert value.name == "neg"
    assert not torch.compiler.is_compiling()
