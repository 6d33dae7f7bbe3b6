import hashlib
import json
import os
import pickle
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from safetensors.numpy import load_file, save_file

from ablation import UserError
from ablation.datasets.card import PARTS, digest, mean_and_std
from ablation.datasets.prepared import (
    NotPreparedError,
    foreseen,
    is_prepared,
    load,
    name_of,
    named,
    prepare,
    up_to_date,
)
from ablation.datasets.settings import complete
from ablation.datasets.sources import SOURCES
from tests.datasets.idx_files import files_under, packed_idx, write_half


def refusal(function, *args):
    with pytest.raises(UserError) as caught:
        function(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def own(own_folder):
    return {"kind": "mnist", "folder": str(own_folder), "verify": False}


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    folder = tmp_path_factory.mktemp("digits")
    return folder, prepare("digits", None, folder)


def test_digits_by_the_numbers(digits):
    folder, card = digits
    tensors, read = load("digits", {}, folder)
    assert read == card
    assert files_under(folder) == ["digits.json", "digits.safetensors"]
    assert {name: (array.shape, array.dtype.name) for name, array in tensors.items()} == {
        "test_x": ((359, 64), "uint8"),
        "test_y": ((359,), "int64"),
        "train_x": ((1079, 64), "uint8"),
        "train_y": ((1079,), "int64"),
        "val_x": ((359, 64), "uint8"),
        "val_y": ((359,), "int64"),
    }
    assert (card["train"], card["val"], card["test"]) == (1079, 359, 359)
    assert card["counts"] == {
        part: [int((tensors[f"{part}_y"] == number).sum()) for number in range(10)] for part in PARTS
    }
    assert (card["label"], card["kind"], card["features"], card["image_shape"], card["classes"]) == (
        "digits",
        "digits",
        64,
        [8, 8],
        10,
    )
    assert card["parameters"] == {"validation_fraction": 0.2, "test_fraction": 0.2}
    assert "Alpaydin" in card["source"]
    np.testing.assert_allclose([card["mean"], card["std"]], [tensors["train_x"].mean(), tensors["train_x"].std()])


def test_digits_keep_their_digest(digits):
    """What every stored result on the default data is keyed by; it changes only if the data do."""
    assert digits[1]["digest"] == "319320eb7fc1fd1d59f8d0332af877585315c9154676b5b57ee034e0d1988473"


def test_tensors_can_be_written_to(digits):
    """A tensor made from a read-only array is undefined behavior in torch."""
    assert all(array.flags.writeable for array in load("digits", None, digits[0])[0].values())


def test_every_scan_is_in_one_part(digits):
    from sklearn.datasets import load_digits

    def rows(images, labels):
        return sorted([*map(int, image), int(label)] for image, label in zip(images, labels, strict=True))

    tensors, _ = load("digits", None, digits[0])
    bunch = load_digits()
    all_parts = [np.concatenate([tensors[f"{part}_{axis}"] for part in PARTS]) for axis in "xy"]
    assert rows(*all_parts) == rows(bunch.data, bunch.target)


def test_equal_parameters_give_equal_bytes(own, tmp_path):
    for folder in ("a", "b"):
        prepare("mine", own, tmp_path / folder)
    for name in files_under(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_train_half_is_split_and_the_published_test_half_left_alone(own, tmp_path):
    card = prepare("mine", own, tmp_path)
    tensors, _ = load("mine", own, tmp_path)
    assert (card["train"], card["val"], card["test"], card["image_shape"]) == (60, 20, 20, [4, 3])
    assert card["counts"] == {"train": [6] * 10, "val": [2] * 10, "test": [2] * 10}
    whole = SOURCES["mnist"].read("mine", complete("mine", own)[1], tmp_path)
    all_parts = np.concatenate([tensors[f"{part}_x"] for part in PARTS])
    assert sorted(map(bytes, all_parts)) == sorted(map(bytes, whole.x))
    assert prepare("mine", {**own, "targets": [0.1, 0.2, 0.3]}, tmp_path) == card


@pytest.mark.parametrize("part", ["full", "t10k"])
def test_split_parameters_decide(part, own, tmp_path):
    cards = [
        prepare("mine", {**own, "part": part, **change}, tmp_path)
        for change in ({}, {"test_fraction": 0.4}, {"validation_fraction": 0.4})
    ]
    each = {"full": 100, "t10k": 50}[part]
    assert [card["val"] for card in cards] == [each // 5, each // 5, 2 * each // 5]
    assert [card["test"] for card in cards] == [each // 5, 2 * each // 5, each // 5]
    assert len({card["digest"] for card in cards}) == 3
    assert "was prepared with validation_fraction=0.4" in refusal(load, "mine", {**own, "part": part}, tmp_path)


def test_every_split_has_a_file_of_its_own_with_the_same_examples(own, tmp_path):
    tmp_path = tmp_path / "data"
    cards = [prepare("mine", own, tmp_path, split) for split in (0, 1, 12)]
    names = ["mine", "mine.split1", "mine.split12"]
    assert files_under(tmp_path) == sorted(f"{name}.{ending}" for name in names for ending in ("json", "safetensors"))
    loaded = [load("mine", own, tmp_path, split)[0] for split in (0, 1, 12)]
    assert [card["split"] for card in cards] == [0, 1, 12]
    assert len({card["digest"] for card in cards}) == 3
    assert len({json.dumps(card["counts"]) for card in cards}) == 1
    everything = [sorted(map(bytes, np.concatenate([each[f"{part}_x"] for part in PARTS]))) for each in loaded]
    assert everything[0] == everything[1] == everything[2]
    for part in PARTS:
        assert len({each[f"{part}_x"].tobytes() for each in loaded}) == 3
    assert [(name_of("mine", split), named(name)) for split, name in zip((0, 1, 12), names, strict=True)] == [
        (name, ("mine", split)) for split, name in zip((0, 1, 12), names, strict=True)
    ]


def test_a_split_is_not_taken_for_another(own, tmp_path):
    for split in (1, 2):
        prepare("mine", own, tmp_path, split)
    for ending in ("json", "safetensors"):
        os.replace(tmp_path / f"mine.split1.{ending}", tmp_path / f"mine.split2.{ending}")
    assert "found an altered one" in refusal(load, "mine", own, tmp_path, 2)
    assert not is_prepared("mine", own, tmp_path, 1)
    told = []
    assert up_to_date("mine", own, tmp_path, told.append, 2)["split"] == 2
    assert up_to_date("mine", own, tmp_path, told.append, 1)["split"] == 1
    assert told[1] == f"data.mine.split1 is not prepared yet: preparing it in {tmp_path}"


def test_real_mnist_end_to_end(real_mnist, server, tmp_path):
    level = {"part": "t10k", "folder": str(real_mnist)}
    card = prepare("mnist", level, tmp_path / "own")
    tensors, _ = load("mnist", level, tmp_path / "own")
    assert (card["train"], card["val"], card["test"], card["features"]) == (6000, 2000, 2000, 784)
    pixels = tensors["train_x"].astype(np.float64)
    np.testing.assert_allclose([card["mean"], card["std"]], [pixels.mean(), pixels.std()], rtol=1e-12)
    # Downloaded, the same files give the same bytes, and what was prepared from one serves the other.
    for path in real_mnist.iterdir():
        server.bodies[f"/{path.name}"] = path.read_bytes()
    downloaded = {"part": "t10k", "mirror": server.url}
    assert prepare("mnist", downloaded, tmp_path / "net") == card
    assert is_prepared("mnist", downloaded, tmp_path / "own")


def test_prepared_with_other_parameters(own, tmp_path):
    prepare("mnist", own, tmp_path)
    assert is_prepared("mnist", own, tmp_path)
    other = {**own, "part": "t10k"}
    assert not is_prepared("mnist", other, tmp_path)
    message = refusal(load, "mnist", other, tmp_path)
    assert message.startswith(
        "data.mnist: was prepared with part=full, the config says part=t10k; run python pipelines/prepare.py data=mnist"
    )
    assert message.endswith(f" data.mnist.folder={own['folder']} data.mnist.verify=false data.mnist.part=t10k")


def test_default_level_has_the_short_command(own, tmp_path):
    for split, words in ((0, ""), (3, ".split3")):
        prepare("digits", {"test_fraction": 0.1}, tmp_path, split)
        assert refusal(load, "digits", None, tmp_path, split) == (
            f"data.digits{words}: was prepared with test_fraction=0.1, the config says test_fraction=0.2; "
            f"run python pipelines/prepare.py data=digits{' split=3' if split else ''}"
        )


def test_what_a_worker_raises_comes_back_whole():
    error = pickle.loads(pickle.dumps(NotPreparedError("data.a: is damaged", "run it")))
    assert (str(error), error.why) == ("data.a: is damaged; run it", "data.a: is damaged")


def test_not_prepared(tmp_path):
    assert not is_prepared("digits", None, tmp_path)
    assert refusal(load, "digits", None, tmp_path) == (
        f"data.digits: is not prepared, {tmp_path / 'digits.safetensors'} is missing; "
        "run python pipelines/prepare.py data=digits"
    )
    assert "same data level and split" in refusal(load, "mine", {"kind": "digits"}, tmp_path)


def test_a_wrong_level_is_an_error_everywhere(tmp_path):
    for function in (prepare, load, is_prepared):
        message = refusal(function, "mnist", {"part": "half"}, tmp_path)
        assert message == "data.mnist.part=half: must be full or t10k"
    assert files_under(tmp_path) == []


@pytest.mark.parametrize("missing", ["mine.json", "mine.safetensors"])
def test_half_of_a_prepared_level_is_none(own, tmp_path, missing):
    prepare("mine", own, tmp_path)
    (tmp_path / missing).unlink()
    assert not is_prepared("mine", own, tmp_path)
    assert f"{tmp_path / missing} is missing" in refusal(load, "mine", own, tmp_path)


def test_one_changed_pixel_is_noticed(own, tmp_path):
    prepare("mine", own, tmp_path)
    path = tmp_path / "mine.safetensors"
    tensors = load_file(path)
    tensors["val_x"][3, 5] ^= 1
    save_file(tensors, path)
    assert "expected the digest that its card has" in refusal(load, "mine", own, tmp_path)
    assert not is_prepared("mine", own, tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff" * 100, b"{}"])
def test_damaged_tensors(own, tmp_path, content):
    prepare("mine", own, tmp_path)
    (tmp_path / "mine.safetensors").write_bytes(content)
    assert "found a damaged file" in refusal(load, "mine", own, tmp_path)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[1]", b"{}", b'{"kind": "mnist", "parameters": [1]}', b'"a"'])
def test_damaged_card(own, tmp_path, content):
    prepare("mine", own, tmp_path)
    (tmp_path / "mine.json").write_bytes(content)
    assert "expected the card of a prepared file" in refusal(load, "mine", own, tmp_path)


def test_what_an_earlier_version_prepared_is_prepared_anew(own, tmp_path):
    """It has no part to test on, and its card no share of it."""
    prepare("mine", own, tmp_path)
    tensors = load_file(tmp_path / "mine.safetensors")
    save_file({name: tensors[name] for name in ("train_x", "train_y", "val_x", "val_y")}, tmp_path / "mine.safetensors")
    assert "expected the parts train, val, test, found others" in refusal(load, "mine", own, tmp_path)
    told = []
    card = up_to_date("mine", own, tmp_path, told.append)
    assert (card["test"], len(told)) == (20, 1)
    assert told[0].endswith(f"preparing it anew in {tmp_path}")


@pytest.mark.parametrize(("key", "value"), [("mean", 0.0), ("counts", {}), ("label", "other"), ("parameters", {})])
def test_altered_card(own, tmp_path, key, value):
    card = prepare("mine", own, tmp_path)
    (tmp_path / "mine.json").write_text(json.dumps({**card, key: value}))
    assert "found an altered one" in refusal(load, "mine", own, tmp_path)


def test_errors_leave_what_was_there(own, own_folder, tmp_path):
    prepare("mine", own, tmp_path / "data")
    before = {path: path.read_bytes() for path in (tmp_path / "data").iterdir()}
    (own_folder / "train-labels-idx1-ubyte.gz").write_bytes(packed_idx(np.full(100, 77, np.uint8)))
    refusal(prepare, "mine", own, tmp_path / "data")
    assert {path: path.read_bytes() for path in (tmp_path / "data").iterdir()} == before
    refusal(prepare, "fresh", own, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


def test_constant_images_are_refused(own, own_folder, tmp_path):
    labels = np.repeat(np.arange(10, dtype=np.uint8), 3)
    write_half(own_folder, "train", np.full((30, 4, 3), 7, np.uint8), labels)
    message = refusal(prepare, "mine", own, tmp_path / "data")
    assert message == "data.mine: every pixel to train on is 7, so there is nothing to standardize or learn"
    assert files_under(tmp_path / "data") == []


def test_folder_that_cannot_be_written(own, tmp_path):
    (tmp_path / "data").write_text("a file where the folder should be")
    assert "cannot be written" in refusal(prepare, "mine", own, tmp_path / "data")


def test_no_partial_file_is_left_if_the_disk_is_full(own, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("os.replace", full)
    assert "cannot be written: No space left on device" in refusal(prepare, "mine", own, tmp_path / "data")
    assert files_under(tmp_path / "data") == []


def test_new_tensors_with_an_old_card_count_as_not_prepared(own, tmp_path):
    """What a power cut between the two files leaves."""
    level = {**own, "part": "t10k"}
    prepare("mine", level, tmp_path)
    old = (tmp_path / "mine.json").read_bytes()
    prepare("mine", {**level, "test_fraction": 0.4}, tmp_path)
    (tmp_path / "mine.json").write_bytes(old)
    assert not is_prepared("mine", level, tmp_path)


@settings(deadline=None)
@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=30)))
def test_mean_and_std_against_exact_fractions(pixels):
    mean, std = mean_and_std(pixels)
    values = [int(value) for value in pixels.reshape(-1)]
    assert mean == float(statistics.fmean(values))
    assert std == pytest.approx(statistics.pstdev(values), rel=1e-14)


def test_mean_and_std_beyond_one_block():
    pixels = np.zeros((3, 2**20), np.uint8)
    pixels[2, 5:] = 255
    ones = 2**20 - 5
    share = ones / pixels.size
    assert mean_and_std(pixels) == pytest.approx((255 * share, 255 * (share * (1 - share)) ** 0.5), rel=1e-14)


def test_digest_sees_names_types_shapes_and_order(digits):
    base = {"a": np.arange(6, dtype=np.uint8), "b": np.arange(2, dtype=np.int64)}
    others = [
        {"a": base["a"], "c": base["b"]},
        {"a": base["a"].view(np.int8), "b": base["b"]},
        {"a": base["a"].reshape(2, 3), "b": base["b"]},
        {"a": base["a"][::-1], "b": base["b"]},
        {"a": base["a"]},
    ]
    assert len({digest(tensors) for tensors in (base, *others)}) == 6
    assert digest(dict(reversed(base.items()))) == digest(base)
    assert digest({"a": base["a"], "b": base["b"].astype(">i8")}) == digest(base)
    by_hand = b'["a", "uint8", [6]]\n' + bytes(range(6)) + b'["b", "int64", [2]]\n' + bytes(8) + b"\1" + bytes(7)
    assert digest(base) == hashlib.sha256(by_hand).hexdigest()


def test_a_card_is_foreseen_without_a_file(tmp_path, own):
    for label, params, split in (("digits", None, 0), ("digits", None, 3), ("own", own, 0)):
        folder = tmp_path / f"{label}{split}"
        card = foreseen(label, params, folder, split)
        assert not folder.exists()
        assert card == prepare(label, params, folder, split)
        before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
        assert foreseen(label, params, folder, split) == card
        assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_card_is_foreseen_where_the_file_is_damaged_and_left_so(tmp_path):
    card = prepare("digits", None, tmp_path)
    path = tmp_path / "digits.safetensors"
    path.write_bytes(b"damaged")
    assert foreseen("digits", None, tmp_path) == card
    assert path.read_bytes() == b"damaged"


def test_nothing_is_downloaded_to_foresee_a_card(tmp_path, server):
    told = refusal(foreseen, "mnist", {"mirror": server.url}, tmp_path)
    assert "data.mnist: is not downloaded yet, " in told
    assert "run python pipelines/prepare.py data=mnist" in told
    assert server.requests == []
    assert list(tmp_path.iterdir()) == []


def test_what_was_prepared_otherwise_is_prepared_anew_and_foreseen(tmp_path):
    before, told = prepare("digits", None, tmp_path), []
    params = {"validation_fraction": 0.3}
    seen = foreseen("digits", params, tmp_path)
    assert seen["val"] > before["val"]
    assert load("digits", None, tmp_path)[1] == before, "to foresee writes nothing"
    assert up_to_date("digits", params, tmp_path, told.append) == seen
    assert told == [
        "data.digits: was prepared with validation_fraction=0.2, the config says validation_fraction=0.3: preparing it "
        f"anew in {tmp_path}"
    ]
    assert up_to_date("digits", params, tmp_path, told.append) == seen
    assert len(told) == 1, "once"


def test_a_table_asked_for_another_target_tells_what_is_wrong_with_that(tmp_path):
    (tmp_path / "my.csv").write_text("a,b,label\n" + "".join(f"{n},{n * n},{n % 3}\n" for n in range(12)))
    level = {"kind": "table", "file": str(tmp_path / "my.csv")}
    prepare("mine", level | {"target": "label"}, tmp_path)
    for function in (foreseen, lambda *given: up_to_date(*given, print)):
        assert "data.mine.target=lable: no column of my.csv" in refusal(
            function, "mine", level | {"target": "lable"}, tmp_path
        )
    assert up_to_date("mine", level | {"target": "b", "task": "regression"}, tmp_path, print)["classes"] is None


@pytest.mark.parametrize("name", ["folder", "folder.csv"])
def test_a_folder_in_place_of_a_table_is_told_by_its_key(name, tmp_path):
    (tmp_path / name).mkdir()
    told = refusal(prepare, "mine", {"kind": "table", "file": str(tmp_path / name), "target": "b"}, tmp_path)
    assert told == f"data.mine.file={tmp_path / name}: is a folder, not a file"
