import math

import pytest
import torch

from ablation.training.compiled.tracing import CannotCompileError, compiler_settings, has_compiler, trace
from tests.compiler import needs_compiler


def made(function, *example: torch.Tensor):
    with compiler_settings():
        return trace(function, example)


def moved(x: torch.Tensor, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Change one argument in place and return two things, as a layer with running statistics does."""
    mean = x.mean(1)
    kept.lerp_(mean, 0.25)
    return (x - mean.unsqueeze(1)).square_(), mean


@needs_compiler
def test_with_other_sizes_it_gives_what_the_function_does_and_changes_what_that_changes():
    program = made(moved, torch.zeros(16, 64, 30), torch.zeros(16, 30))
    for shape in [(1, 1, 1), (2, 3, 5), (7, 64, 33), (16, 128, 100)]:
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        mine, theirs = torch.ones(shape[0], shape[2]), torch.ones(shape[0], shape[2])
        torch.testing.assert_close(tuple(program([x, theirs])), moved(x.clone(), mine))
        torch.testing.assert_close(theirs, mine)


@needs_compiler
def test_a_slice_is_no_copy_of_all_that_it_is_taken_from():
    program = made(lambda x: (x - x[:, :1], x.flatten(1)[:, 0]), torch.zeros(16, 64, 30))
    assert "_copy" not in program.source_code


@needs_compiler
@pytest.mark.parametrize("function", [lambda x: x * math.sqrt(x.shape[1]), lambda x: x if x.shape[1] > 5 else -x])
def test_a_function_of_certain_sizes_alone_is_refused(function):
    with pytest.raises(CannotCompileError, match="makes a Python number of a length, or branches on it"):
        made(lambda x: (function(x),), torch.zeros(2, 16, 3))


def test_a_machine_without_a_compiler_is_told_from_one_with(monkeypatch):
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert not has_compiler()
