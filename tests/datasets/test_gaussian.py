"""The generated data set: standard normal, learnable by a linear network, the same bytes always."""

import hashlib

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression

from ablation import UserError
from ablation.datasets.prepared import is_prepared, load, prepare
from ablation.datasets.settings import complete
from ablation.datasets.sources import SOURCES


def read(**params):
    return SOURCES["gaussian"].read("gaussian", complete("gaussian", params)[1], None)


def parts(seed=0, **params):
    """Return inputs and labels to train, validate and test on."""
    scans, params = read(**params), complete("gaussian", params)[1]
    split = SOURCES["gaussian"].split("gaussian", scans, params, seed)
    return [(scans.x[places], scans.y[places]) for places in split]


def test_inputs_are_independent_and_standard_normal():
    scans = read(examples=4000, features=20)
    x = scans.x.astype(np.float64)
    assert scans.x.dtype == np.float32
    assert (scans.x.shape, scans.shape) == ((6000, 20), (1, 20))
    assert stats.kstest(x.ravel(), "norm").pvalue > 0.01
    bound = 4.5 / np.sqrt(6000)
    np.testing.assert_allclose(np.corrcoef(x.T), np.eye(20), atol=bound)
    assert len(np.unique(scans.x, axis=0)) == 6000


def test_labels_are_those_of_one_linear_teacher():
    """A linear classifier learns most of them, and is validated and tested on the same rule."""
    train, val, test = parts()
    assert set(train[1]) == set(val[1]) == set(test[1]) == set(range(10))
    assert train[1].dtype == np.int64
    model = LogisticRegression(max_iter=300).fit(*train)
    assert model.score(*val) > 0.8
    assert model.score(*test) > 0.8
    shuffled = LogisticRegression(max_iter=300).fit(train[0], np.roll(train[1], 1))
    assert shuffled.score(*val) < 0.2


def test_the_default_keeps_its_bytes():
    assert hashlib.sha256(read().x[:2048].tobytes()).hexdigest() == (
        "e131e9fb7dd7ea438b049cbfe0a58d4fb6231ffc33b78e0e8276e0451e2ab50d"
    )


def test_prepared_it_keeps_its_floats_and_needs_no_standardizing(tmp_path):
    level = {"examples": 40, "features": 3, "classes": 4}
    card = prepare("gaussian", level, tmp_path / "a")
    tensors, read_card = load("gaussian", level, tmp_path / "a")
    assert card == read_card
    for part, (x, y) in zip(("train", "val", "test"), parts(**level), strict=True):
        np.testing.assert_array_equal(tensors[f"{part}_x"], x)
        np.testing.assert_array_equal(tensors[f"{part}_y"], y)
    assert (card["mean"], card["std"]) == (0.0, 1.0)
    assert [card[name] for name in ("train", "val", "test", "classes", "features")] == [40, 10, 10, 4, 3]
    assert [len(counts) for counts in card["counts"].values()] == [4, 4, 4]
    prepare("gaussian", level, tmp_path / "b")
    for name in ("gaussian.safetensors", "gaussian.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("change", [{"examples": 41}, {"features": 4}, {"classes": 5}, {"seed": 1}])
def test_every_parameter_decides(change, tmp_path):
    level = {"examples": 40, "features": 3, "classes": 4}
    card = prepare("gaussian", level, tmp_path)
    assert not is_prepared("gaussian", {**level, **change}, tmp_path)
    assert prepare("gaussian", {**level, **change}, tmp_path)["digest"] != card["digest"]
    with pytest.raises(UserError, match=r"data.gaussian: was prepared with .*, the config says"):
        load("gaussian", level, tmp_path)


def test_a_split_parts_the_same_examples_otherwise():
    one, other = parts(0, examples=40), parts(1, examples=40)
    assert [len(y) for _, y in one] == [len(y) for _, y in other] == [40, 10, 10]
    assert not np.array_equal(one[2][0], other[2][0])
    both = [np.concatenate([x for x, _ in each]) for each in (one, other)]
    np.testing.assert_array_equal(*(x[np.lexsort(x.T)] for x in both))


def test_more_than_memory_holds_is_refused():
    with pytest.raises(UserError, match=r"data.gaussian.examples=10000000: with 1000 features that is more than"):
        read(examples=10_000_000, features=1000)
