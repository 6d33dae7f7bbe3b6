import json
from dataclasses import asdict, fields, replace

import pytest

from ablation.training.spec import Spec
from tests.training.reference import batch, level, spec

OTHERS = {
    "activation": level("leaky_relu", slope=0.2),
    "normalization": batch(),
    "loss": level("mse"),
    "widths": (16, 16),
    "batch_size": 8,
    "epochs": 2,
    "evaluations": (0.5,),
    "probe_size": 3,
    "compile": "other",
    "tf32": True,
    "steps": 20,
    "gradient_batches": 2,
    "model": level("other"),
    "clipping": level("value", threshold=1.0),
    "optimizer": level("momentum", momentum=0.9),
}
WITHIN = {
    "init": level("he_normal"),
    "schedule": level("other"),
    "lr": 0.5,
    "seed": 9,
    "order": "sorted",
}


@pytest.mark.parametrize(("name", "value"), OTHERS.items())
def test_what_changes_the_graph_parts_cohorts(name, value):
    assert replace(spec(), **{name: value}).shared() != spec().shared()


@pytest.mark.parametrize(("name", "value"), WITHIN.items())
def test_what_is_data_to_the_graph_does_not(name, value):
    assert replace(spec(), **{name: value}).shared() == spec().shared()


def test_numbers_of_clipping_and_optimizer_do_not_part_cohorts():
    one = spec(clipping=level("value", threshold=1.0), optimizer=level("momentum", momentum=0.9))
    other = spec(clipping=level("value", threshold=0.1), optimizer=level("momentum", momentum=0.5))
    assert one.shared() == other.shared()


def test_numbers_of_activation_and_normalization_part_cohorts():
    slopes = [spec(activation=level("leaky_relu", slope=slope)).shared() for slope in (0.1, 0.2)]
    placements = [spec(normalization=batch(placement)).shared() for placement in ("before", "after")]
    assert slopes[0] != slopes[1]
    assert placements[0] != placements[1]


def test_every_field_is_tried_here():
    assert {field.name for field in fields(Spec)} == {*OTHERS, *WITHIN}


def test_a_specification_is_plain_values():
    whole = spec(activation=level("elu", alpha=1.0)).as_dict()
    assert json.loads(json.dumps(whole))["activation"] == {"kind": "elu", "settings": {"alpha": 1.0}}
    assert set(whole) == {field.name for field in fields(Spec)}


def test_plain_values_are_those_of_dataclasses_in_their_order():
    cell = spec(activation=level("elu", alpha=1.0), evaluations=(0.5,), init=level("slides_normal", gain=None))
    assert list(cell.as_dict().items()) == list(asdict(cell).items())


def test_plain_values_are_no_part_of_the_specification():
    cell = spec(activation=level("elu", alpha=1.0))
    cell.as_dict()["activation"]["settings"]["alpha"] = 2.0
    assert cell.activation.settings["alpha"] == 1.0
