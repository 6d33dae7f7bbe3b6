from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.training import compiled
from ablation.training.compiled import compiled_once, has_compiler
from ablation.training.trainer import train
from tests.training.reference import NORMALIZED, blobs, spec

# Torch warns of its own code while it compiles.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
needs_compiler = pytest.mark.skipif(not has_compiler(), reason="no C++ compiler on this machine")


def graphs() -> int:
    return int(torch._dynamo.utils.counters["stats"]["unique_graphs"])


@needs_compiler
@pytest.mark.parametrize(("activation", "normalization"), [("relu", "before"), ("elu", "after_and_input")])
def test_a_compiled_cell_learns_what_the_eager_one_does(activation, normalization):
    data = blobs()
    cells = [
        spec(activation=activation, normalization=NORMALIZED[normalization], clipping="value", seed=seed)
        for seed in range(3)
    ]
    eager, fused = train(cells, data), train([replace(cell, compile="layers") for cell in cells], data)
    for one, other in zip(eager, fused, strict=True):
        np.testing.assert_allclose(other.curves, one.curves, rtol=1e-3, atol=1e-4)
        np.testing.assert_array_equal(other.layers[0], one.layers[0], "probes are eager: at step 0 they are the same")
        np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-4)


@needs_compiler
def test_graphs_depend_on_neither_depth_nor_width_nor_the_number_of_cells():
    data = blobs()
    shallow = [replace(spec(widths=(16, 16)), compile="layers", seed=seed) for seed in range(3)]
    train(shallow, data)
    before = graphs()
    train([replace(cell, widths=(24,) * 6) for cell in shallow[:2]], data)
    train([replace(cell, widths=(16, 16, 16, 16), batch_size=32) for cell in shallow], data)
    assert graphs() == before


def test_what_was_compiled_for_some_levels_is_not_compiled_again(monkeypatch):
    monkeypatch.setattr(compiled, "_MADE", {})
    made = [compiled_once(levels, object) for levels in ("relu", "tanh", "relu")]
    assert made[0] is made[2] is not made[1]


def test_a_machine_without_a_compiler_is_told_from_one_with(monkeypatch):
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def none() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", none)
    assert not has_compiler()
