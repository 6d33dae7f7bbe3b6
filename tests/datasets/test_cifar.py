"""CIFAR-10's binary batches: small ones made here, in its format."""

import hashlib
import io
import tarfile

import numpy as np
import pytest

from ablation import UserError
from ablation.datasets import cifar
from ablation.datasets.cifar import ARCHIVE, BATCHES, ROW
from ablation.datasets.prepared import load, prepare, up_to_date
from ablation.datasets.settings import complete
from ablation.datasets.sources import SOURCES
from tests.datasets.idx_files import files_under

NAMES = [name for part in BATCHES.values() for name in part]


def batch(number, each=1):
    """Return a batch with so many images of each class."""
    rows = np.random.default_rng(number).integers(0, 256, (10 * each, ROW), dtype=np.uint8)
    rows[:, 0] = np.repeat(np.arange(10), each)
    return rows.tobytes()


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(batch(number, each=5 if name == "test_batch.bin" else 1))
    return folder


@pytest.fixture
def published(own, server, monkeypatch):
    """The same batches packed as they are published, on a server."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for path in sorted(own.iterdir(), reverse=True):
            tar.add(path, f"cifar-10-batches-bin/{path.name}")
    server.bodies[f"/{ARCHIVE}"] = content.getvalue()
    monkeypatch.setattr(cifar, "MD5", hashlib.md5(content.getvalue()).hexdigest())
    return {"mirror": server.url}


def read(level, raw):
    return SOURCES["cifar10"].read("cifar10", complete("cifar10", level)[1], raw)


def refusal(level, raw):
    with pytest.raises(UserError) as caught:
        read(level, raw)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("part", BATCHES)
def test_a_part_is_its_batches_in_order(part, own, tmp_path):
    for path in own.iterdir():
        if path.name not in BATCHES[part]:
            path.write_bytes(b"not to be read")
    examples = read({"folder": str(own), "part": part}, tmp_path)
    whole = np.frombuffer(b"".join((own / name).read_bytes() for name in BATCHES[part]), np.uint8).reshape(-1, ROW)
    assert examples.x.shape == (50, 3072)
    np.testing.assert_array_equal(examples.x, whole[:, 1:])
    np.testing.assert_array_equal(examples.y, whole[:, 0])
    assert (examples.shape, examples.about["class_names"][3]) == ((3, 32, 32), "cat")
    assert SOURCES["cifar10"].files(complete("cifar10", {"folder": str(own), "part": part})[1], tmp_path) == [
        own / name for name in BATCHES[part]
    ]


def test_what_is_downloaded_is_what_lies_in_a_folder(own, published, server, tmp_path):
    card = prepare("cifar10", published, tmp_path / "net")
    assert files_under(tmp_path / "net") == ["cifar10.json", "cifar10.safetensors", f"raw/cifar10/{ARCHIVE}"]
    assert card["digest"] == prepare("cifar10", {"folder": str(own)}, tmp_path / "own-data")["digest"]
    assert (card["features"], card["classes"], card["image_shape"]) == (3072, 10, [3, 32, 32])
    assert [card[part] for part in ("train", "val", "test")] == [30, 10, 10]
    asked = len(server.requests)
    up_to_date("cifar10", published, tmp_path / "net", print)
    assert len(server.requests) == asked


def test_the_published_checksum_is_that_of_its_page():
    assert (ARCHIVE, cifar.MD5) == ("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530")


def test_another_archive_is_refused(published, server, tmp_path):
    server.bodies[f"/{ARCHIVE}"] += b"more"
    assert "expected the published file, with MD5" in refusal(published, tmp_path / "net")
    assert not (tmp_path / "net" / "cifar10" / ARCHIVE).exists()


@pytest.mark.parametrize("lacking", ["data_batch_3.bin", "test_batch.bin"])
def test_an_archive_without_a_batch(lacking, own, tmp_path, monkeypatch):
    archive = tmp_path / "cifar10" / ARCHIVE
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name in NAMES:
            if name != lacking:
                tar.add(own / name, name)
    monkeypatch.setattr(cifar, "download", lambda url, path, md5: None)
    part = "test" if lacking == "test_batch.bin" else "full"
    assert refusal({"part": part}, tmp_path) == f"{archive}: expected {lacking} in it, found none"
    archive.write_bytes(archive.read_bytes()[:-200])
    assert "expected a sound archive, found a damaged one" in refusal({"part": part}, tmp_path)


def test_batches_that_are_none(own, tmp_path):
    level, path = {"folder": str(own)}, own / "data_batch_2.bin"
    whole = path.read_bytes()
    for content in (b"", whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        assert refusal(level, tmp_path) == (f"{path}: expected rows of 3073 bytes, found {len(content):,} bytes in all")
    path.write_bytes(whole[: 4 * ROW] + b"\x0a" + whole[4 * ROW + 1 :])
    assert refusal(level, tmp_path) == f"{path}: expected labels from 0 to 9, found 10 at place 4"
    path.unlink()
    assert refusal(level, tmp_path) == f"{path}: expected a batch of CIFAR-10, found none"
    assert refusal({"folder": str(tmp_path / "none")}, tmp_path).endswith("none: is no folder")


def test_another_folder_is_another_set_of_images(own, tmp_path):
    """Nothing but the folder says which images are meant, so what is prepared of one is not taken for the other's."""
    prepare("cifar10", {"folder": str(own)}, tmp_path / "data")
    assert load("cifar10", {"folder": str(own)}, tmp_path / "data")[1]["made_from"]["folder"] == str(own)
    with pytest.raises(UserError, match="is no folder"):
        up_to_date("cifar10", {"folder": str(tmp_path / "gone")}, tmp_path / "data", print)


def test_parts_have_words_of_their_own():
    with pytest.raises(UserError, match=r"^data\.cifar10\.part=t10k: must be full or test$"):
        complete("cifar10", {"part": "t10k"})
