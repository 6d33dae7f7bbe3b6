import subprocess
import sys
import time
from functools import partial

import pytest
import torch

import ablation
from ablation.choices.activations import ACTIVATIONS
from ablation.training import sources
from ablation.training.compiled import graphs
from ablation.training.compiled.graphs import Graph, make
from ablation.training.compiled.tracing import CannotCompileError
from ablation.training.elementwise import activation_of
from ablation.training.spec import Level
from tests.compiler import needs_compiler


@needs_compiler
def test_what_has_the_same_name_is_made_once_in_a_process(empty, monkeypatch):
    made = []
    monkeypatch.setattr(Graph, "_kept", lambda graph, wait: made.append(graph) or list)
    make([Graph(("layer", name), torch.neg, [torch.zeros(3)]) for name in ("relu", "tanh", "relu")])
    assert len(made) == 2
    assert made[0] is not made[1]


@needs_compiler
def test_another_process_finds_the_program_and_need_not_trace_the_function(empty):
    x = torch.randn(3, 4)
    expected = Graph("doubled", lambda x: (x + x.exp(),), [torch.zeros(2, 8)])(x)[0]
    (kept,) = empty.glob("ablation/*.py")
    before = kept.stat().st_mtime_ns
    machine_code = set(empty.rglob("*.main.so"))
    script = """
import sys, torch
from ablation.training.compiled.graphs import Graph
torch.set_num_threads(1)
def untraceable(x): raise AssertionError("traced again")
torch.save(Graph("doubled", untraceable, [torch.zeros(2, 8)])(torch.load(sys.argv[1]))[0], sys.argv[2])
"""
    torch.save(x, empty / "x.pt")
    subprocess.run([sys.executable, "-c", script, empty / "x.pt", empty / "y.pt"], check=True)
    assert torch.equal(torch.load(empty / "y.pt"), expected)
    assert kept.stat().st_mtime_ns == before
    assert set(empty.rglob("*.main.so")) == machine_code != set()


@needs_compiler
def test_what_another_process_is_making_is_left_to_it_while_there_is_other_work(empty):
    script = """
import sys, time, torch
from pathlib import Path
from ablation.training.compiled.graphs import Graph
torch.set_num_threads(1)
def slow(x):
    Path(sys.argv[1]).touch()
    while not Path(sys.argv[2]).exists(): time.sleep(0.01)
    return (x + x.exp(),)
Graph("slow", slow, [torch.zeros(2, 8)]).make()
"""
    begun, other_work = empty / "begun", empty / "other work"

    def traced_here_too(x):
        raise AssertionError

    def other(x):
        other_work.touch()
        return (x + 1.0,)

    with subprocess.Popen([sys.executable, "-c", script, begun, other_work]) as process:
        while not begun.exists():
            assert process.poll() is None
            time.sleep(0.01)
        slow, quick = (Graph(*it, [torch.zeros(2, 8)]) for it in (("slow", traced_here_too), ("quick", other)))
        try:
            assert not slow.make(wait=False)
            make([slow, quick])
        finally:
            other_work.touch()
        assert slow(torch.zeros(1, 1))[0].item() == quick(torch.zeros(1, 1))[0].item() == 1.0
    assert process.returncode == 0


def times(factor: float):
    return lambda x: (x * factor,)


@needs_compiler
def test_what_is_refused_is_not_kept(empty):
    with pytest.raises(CannotCompileError):
        make([Graph("refused", lambda x: (x * float(x.shape[1]),), [torch.zeros(2, 16)])])
    assert not list(empty.glob("ablation/*"))


@needs_compiler
def test_with_a_choice_from_elsewhere_nothing_is_kept_that_its_next_text_would_not_make(empty):
    """Somebody tries an activation from a notebook, and changes it."""
    seen = []
    for factor in (2.0, 3.0):
        mine = times(factor)
        for choice in (mine, partial(mine)):
            seen.append(Graph("mine", choice, [torch.zeros(2, 8)], [choice])(torch.ones(1, 1))[0].item())
    assert seen == [2.0, 2.0, 3.0, 3.0]
    assert not list(empty.glob("ablation/*"))


@needs_compiler
def test_an_activation_from_elsewhere_is_seen_as_it_is_applied(empty, monkeypatch):
    """One that is not known to be indifferent to a number's place is called by a function of the project's."""
    seen = []
    for factor in (2.0, 3.0):
        monkeypatch.setitem(ACTIVATIONS, "mine", lambda x, factor=factor: (x * factor, torch.full_like(x, factor)))
        activation = activation_of(Level("mine", {}))
        seen.append(Graph("applied", activation, [torch.zeros(2, 8)], [activation])(torch.ones(1, 1))[0].item())
    assert seen == [2.0, 3.0]
    assert not list(empty.glob("ablation/*"))


@needs_compiler
def test_a_function_with_a_tensor_of_its_own_is_compiled(empty):
    made = Graph("own", lambda x: (x * torch.tensor([2.0]),), [torch.zeros(5, 4)])
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
