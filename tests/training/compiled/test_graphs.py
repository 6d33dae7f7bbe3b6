import math
import subprocess
import sys
from functools import partial

import pytest
import torch

import ablation
from ablation.training import sources
from ablation.training.compiled import graphs
from ablation.training.compiled.graphs import CannotCompileError, graph, has_compiler

needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler on this machine")


def moved(x: torch.Tensor, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Change one argument in place and return two things, as a layer with running statistics does."""
    mean = x.mean(1)
    kept.lerp_(mean, 0.25)
    return (x - mean.unsqueeze(1)).square_(), mean


@needs_compiler
def test_a_graph_of_other_sizes_gives_what_the_function_does_and_changes_what_it_changes(empty):
    made = graph("moved", moved, [torch.zeros(16, 64, 30), torch.zeros(16, 30)])
    for shape in [(1, 1, 1), (2, 3, 5), (7, 64, 33), (16, 128, 100)]:
        x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
        mine, theirs = torch.ones(shape[0], shape[2]), torch.ones(shape[0], shape[2])
        torch.testing.assert_close(made(x, theirs), moved(x.clone(), mine))
        torch.testing.assert_close(theirs, mine)


@needs_compiler
def test_a_slice_is_no_copy_of_all_that_it_is_taken_from(empty):
    graph("sliced", lambda x: (x - x[:, :1], x.flatten(1)[:, 0]), [torch.zeros(16, 64, 30)])
    (kept,) = empty.glob("ablation/*.py")
    assert "_copy" not in kept.read_text("utf-8")


@needs_compiler
@pytest.mark.parametrize("function", [lambda x: x * math.sqrt(x.shape[1]), lambda x: x if x.shape[1] > 5 else -x])
def test_a_function_of_certain_sizes_alone_is_refused(function, empty):
    with pytest.raises(CannotCompileError, match="makes a Python number of a length, or branches on it"):
        graph("refused", lambda x: (function(x),), [torch.zeros(2, 16, 3)])
    assert not list(empty.glob("ablation/*"))


@needs_compiler
def test_what_has_the_same_name_is_made_once_in_a_process(empty, monkeypatch):
    made = []
    monkeypatch.setattr(graphs, "_kept_program", lambda key, function, example: made.append(key) or list)
    for name in (("layer", "relu"), ("layer", "tanh"), ("layer", "relu")):
        graph(name, torch.neg, [torch.zeros(3)])
    assert made[0] != made[1]
    assert len(made) == 2


@needs_compiler
def test_another_process_finds_the_program_and_need_not_trace_the_function(empty):
    x = torch.randn(3, 4)
    expected = graph("doubled", lambda x: (x + x.exp(),), [torch.zeros(2, 8)])(x)[0]
    (kept,) = empty.glob("ablation/*.py")
    before = kept.stat().st_mtime_ns
    machine_code = set(empty.rglob("*.main.so"))
    script = """
import sys, torch
from ablation.training.compiled.graphs import graph
torch.set_num_threads(1)
def untraceable(x): raise AssertionError("traced again")
torch.save(graph("doubled", untraceable, [torch.zeros(2, 8)])(torch.load(sys.argv[1]))[0], sys.argv[2])
"""
    torch.save(x, empty / "x.pt")
    subprocess.run([sys.executable, "-c", script, empty / "x.pt", empty / "y.pt"], check=True)
    assert torch.equal(torch.load(empty / "y.pt"), expected)
    assert kept.stat().st_mtime_ns == before
    assert set(empty.rglob("*.main.so")) == machine_code != set()


def times(factor: float):
    return lambda x: (x * factor,)


@needs_compiler
def test_with_a_choice_from_elsewhere_nothing_is_kept_that_its_next_text_would_not_make(empty):
    """Somebody tries an activation from a notebook, and changes it."""
    seen = []
    for factor in (2.0, 3.0):
        mine = times(factor)
        for choice in (mine, partial(mine)):
            seen.append(graph("mine", choice, [torch.zeros(2, 8)], [choice])(torch.ones(1, 1))[0].item())
    assert seen == [2.0, 2.0, 3.0, 3.0]
    assert not list(empty.glob("ablation/*"))


@needs_compiler
def test_a_function_with_a_tensor_of_its_own_is_compiled(empty):
    made = graph("own", lambda x: (x * torch.tensor([2.0]),), [torch.zeros(5, 4)])
    assert made(torch.ones(2, 4))[0].tolist() == [[2.0] * 4] * 2


@needs_compiler
def test_other_code_is_another_graph(empty, monkeypatch, tmp_path):
    device = torch.device("cpu")
    key = graphs._key("name", device)
    assert graphs._key("name", device) == key
    assert graphs._key("another", device) != key
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert graphs._key("name", device) != key, "inductor writes the number of threads into a program"
    monkeypatch.undo()
    for name, path in sources().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(path.read_bytes())
    monkeypatch.setattr(ablation, "__file__", str(tmp_path / "__init__.py"))
    assert graphs._key("name", device) == key
    with (tmp_path / "choices" / "activations.py").open("a") as file:
        file.write("changed = True\n")
    assert graphs._key("name", device) != key


def test_a_machine_without_a_compiler_is_told_from_one_with(monkeypatch):
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert not has_compiler()
