"""The tables of layers, against torch's modules and Keras' numbers."""

from itertools import product

import pytest
from torch import nn

from ablation import UserError
from ablation.studies.summary import BATCH, Layer, layers_of, summary_lines, table
from ablation.training.networks import NETWORKS, build
from tests.conftest import make_spec
from tests.training.reference import NORMALIZED, Net, blobs, spec

DEPTHS = {"mlp": [(1,), (7,), (9, 3, 17), (4,) * 6], "residual": [(5,), (5, 5), (5, 5, 5), (5,) * 6]}
KINDS = {nn.Linear: "Dense", nn.BatchNorm1d: "BatchNormalization"}


def numbers_of(module: nn.Module) -> tuple[int, int]:
    """Return how many numbers a module trains, and how many others it keeps of its batches."""
    kept = [x for name, x in module.named_buffers() if name.startswith("running")]
    return sum(x.numel() for x in module.parameters()), sum(x.numel() for x in kept)


def of_torch(cell, features: int, classes: int) -> list[tuple[str, int, int]]:
    """Return the modules of the same network in the order in which torch calls them, as they are in the reference."""
    net = Net(cell, blobs(features=features, classes=classes))
    called: list[nn.Module] = []
    for module in (*net.linears, *net.norms):
        module.register_forward_hook(lambda module, *_: called.append(module))
    net(blobs(features=features, classes=classes).train_x, None)
    return [(KINDS[type(module)], *numbers_of(module)) for module in called]


@pytest.mark.parametrize(
    ("model", "widths", "norm"), [(m, w, n) for m in NETWORKS if m in DEPTHS for w, n in product(DEPTHS[m], NORMALIZED)]
)
def test_layers_and_their_numbers_are_those_that_torch_calls(model, widths, norm):
    cell = spec(model=model, widths=widths, normalization=NORMALIZED[norm])
    found = [layer for layer in layers_of(cell, 12, 4) if layer.kind != "Add"]
    assert [(layer.kind, layer.trained, layer.kept) for layer in found] == of_torch(cell, 12, 4)
    assert sum(layer.trained for layer in found) == build(cell, 12, 4).layout.parameters
    assert [layer.units for layer in found if layer.kind == "Dense"] == [*widths, 4]


@pytest.mark.parametrize(
    ("norm", "order"),
    [
        ("none", "D* D* D"),
        ("before", "D B* D B* D"),
        ("after", "D* B D* B D"),
        ("after_and_input", "B D* B D* B D"),
    ],
)
def test_the_activation_stands_where_it_is_computed(norm, order):
    found = layers_of(spec(widths=(6, 5), normalization=NORMALIZED[norm]), 3, 2)
    assert " ".join(layer.kind[0] + "*" * layer.activated for layer in found) == order


def test_the_stream_of_a_residual_network_shows_where_it_is_added_to():
    found = layers_of(spec(model="residual", widths=(6,) * 4, normalization=NORMALIZED["before"]), 3, 2)
    order = " ".join(layer.kind[0] + "*" * layer.activated for layer in found)
    # The first product is the stream; the block of two adds to it, and of an even depth the last one of one.
    assert order == "D B* D B* D A B* D A B* D"


def test_a_batch_as_large_as_a_layer_is_no_layer():
    for width in (1, BATCH, BATCH + 1):
        kinds = [layer.kind for layer in layers_of(spec(widths=(width,), normalization=NORMALIZED["before"]), BATCH, 2)]
        assert kinds == ["Dense", "BatchNormalization", "Dense"]


def test_a_network_that_no_memory_holds_is_counted():
    found = layers_of(make_spec(widths=(1_000_000, 1_000_000)), 10, 10)
    assert sum(layer.trained for layer in found) == 10**12 + 2 * 10**7 + 2 * 10**6 + 10


def test_a_table_has_names_as_keras_gives_them_and_its_sums():
    layers = [Layer("BatchNormalization", 6, 12, 12), Layer("Dense", 1200, 8400, activated=True), Layer("Dense", 2, 9)]
    assert table(layers, (2, 3)) == [
        "layer (type)                              output shape  parameters",
        "flatten (Flatten)                         (None, 6)              0",
        "batch_normalization (BatchNormalization)  (None, 6)             24",
        "dense (Dense) *                           (None, 1200)       8,400",
        "dense_1 (Dense)                           (None, 2)              9",
        "                                            parameters       8,433",
        "                                               trained       8,421",
        "                                           not trained          12",
    ]
    assert "Flatten" not in "".join(table(layers, (1, 6)))


def test_the_slides_network_has_the_numbers_that_keras_shows_with_nothing_downloaded_or_written(study, tmp_path):
    # As on the slides: 784 inputs, normalized; 300 and 100 units, normalized; 10 outputs.
    lines = summary_lines(
        study(
            "data=mnist",
            "model.mlp.widths=[300,100]",
            "activation=elu",
            "normalization=[none,batch]",
            "normalization.batch.placement=after",
            "normalization.batch.input=true",
            "init=[he_normal,xavier_normal]",
            "seed=[0,1]",
        )
    )
    assert lines[0] == "single: weights begin by he_normal or xavier_normal; * is followed by elu"
    assert lines.count("") == 2, "a table for each of two networks, whatever else varies"
    table_of_batch = lines[lines.index("model=mlp depth=2 width=300 normalization=batch data=mnist") + 1 :]
    assert [line.split()[-1] for line in table_of_batch] == [
        "parameters", "0", "3,136", "235,500", "1,200", "30,100", "400", "1,010", "271,346", "268,978", "2,368",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "shape"),
    [
        (("data=digits",), "(None, 64)"),
        (("data=gaussian", "data.gaussian.features=100000", "data.gaussian.examples=10000000"), "(None, 8)"),
        (("data=fashion_mnist",), "(None, 784)"),
    ],
)
def test_data_need_be_neither_there_nor_drawn(study, words, shape, tmp_path):
    assert any(shape in line for line in summary_lines(study(*words)))
    assert list(tmp_path.iterdir()) == []


def test_files_of_which_nothing_is_sure_are_read_or_named(study):
    with pytest.raises(UserError, match="nowhere"):
        summary_lines(study("data=mnist", "data.mnist.folder=nowhere", "data.mnist.verify=false"))
