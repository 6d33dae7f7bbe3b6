import hashlib

import numpy as np
import pytest

from ablation import UserError
from ablation.datasets.levels import complete
from ablation.datasets.sources import SOURCES
from tests.datasets.idx_files import files_under, packed_idx, write_half


def read(label, params, raw):
    kind, params = complete(label, params)
    return SOURCES[kind].read(label, params, raw)


def refusal(label, params, raw):
    with pytest.raises(UserError) as caught:
        read(label, params, raw)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_digits(tmp_path):
    scans, rest = read("digits", None, tmp_path)
    assert rest is None
    assert scans.images.shape == (1797, 64)
    assert scans.images.dtype == np.uint8
    assert (scans.images.min(), scans.images.max()) == (0, 16)
    assert scans.labels.dtype == np.int64
    # Counts by class from the data set's own description.
    assert np.bincount(scans.labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert files_under(tmp_path) == []


def test_full_part_keeps_the_published_halves(own_folder, tmp_path):
    train, val = read("mnist", {"folder": str(own_folder), "verify": False}, tmp_path)
    assert train.images.shape == (100, 12)
    assert val.images.shape == (50, 12)
    assert train.shape == val.shape == (4, 3)
    assert train.labels.tolist() == np.repeat(np.arange(10), 10).tolist()
    assert val.labels.dtype == np.int64


def test_t10k_part_needs_its_two_files_only(own_folder, tmp_path):
    for path in own_folder.glob("train-*"):
        path.unlink()
    scans, rest = read("fashion_mnist", {"folder": str(own_folder), "verify": False, "part": "t10k"}, tmp_path)
    assert rest is None
    assert len(scans.images) == len(scans.labels) == 50


def test_rows_are_images_in_c_order(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_half(tmp_path, "t10k", images, np.array([3, 9], np.uint8))
    scans, _ = read("mnist", {"folder": str(tmp_path), "verify": False, "part": "t10k"}, tmp_path)
    np.testing.assert_array_equal(scans.images, [list(range(12)), list(range(12, 24))])
    assert scans.shape == (3, 4)


def test_an_own_folder_is_verified_unless_told_otherwise(own_folder, tmp_path):
    message = refusal("mnist", {"folder": str(own_folder)}, tmp_path)
    assert message.startswith(
        f"{own_folder / 'train-images-idx3-ubyte.gz'}: expected the published file, with MD5 f68b3c"
    )


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
def test_missing_file_and_missing_folder(kind, tmp_path):
    absent = tmp_path / "absent"
    assert refusal(kind, {"folder": str(absent)}, tmp_path) == f"data.{kind}.folder={absent}: is no folder"
    absent.mkdir()
    message = refusal(kind, {"folder": str(absent)}, tmp_path)
    assert message == f"{absent / 'train-images-idx3-ubyte.gz'}: expected a gzipped IDX file, found none"


def test_images_and_labels_must_agree_in_number(own_folder, tmp_path):
    (own_folder / "t10k-labels-idx1-ubyte.gz").write_bytes(packed_idx(np.zeros(49, np.uint8)))
    message = refusal("mnist", {"folder": str(own_folder), "verify": False}, tmp_path)
    assert message == f"{own_folder}: the t10k half has 50 images, but 49 labels"


def test_labels_must_be_digits(own_folder, tmp_path):
    labels = np.zeros(100, np.uint8)
    labels[17] = 10
    (own_folder / "train-labels-idx1-ubyte.gz").write_bytes(packed_idx(labels))
    message = refusal("mnist", {"folder": str(own_folder), "verify": False}, tmp_path)
    assert message == f"{own_folder}: expected labels from 0 to 9, found 10 at place 17 of the train half"


def test_halves_must_agree_in_shape(own_folder, tmp_path):
    write_half(own_folder, "t10k", np.zeros((2, 3, 4), np.uint8), np.zeros(2, np.uint8))
    message = refusal("mine", {"kind": "mnist", "folder": str(own_folder), "verify": False}, tmp_path)
    assert message == "data.mine: the train images are 4 x 3, the t10k images 3 x 4 pixels"


def test_a_home_folder_is_expanded(own_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(own_folder.parent))
    train, _ = read("mnist", {"folder": "~/own", "verify": False}, tmp_path)
    assert len(train.labels) == 100


def test_downloaded_half_is_read_and_kept(real_mnist, server, tmp_path):
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        server.bodies[f"/mirror/{name}"] = (real_mnist / name).read_bytes()
    for mirror in (f"{server.url}/mirror", f"{server.url}/mirror/"):
        scans, rest = read("mine", {"kind": "mnist", "part": "t10k", "mirror": mirror}, tmp_path / "raw")
        assert rest is None
        assert scans.images.shape == (10_000, 784)
    assert server.requests == ["/mirror/t10k-images-idx3-ubyte.gz", "/mirror/t10k-labels-idx1-ubyte.gz"]
    assert files_under(tmp_path) == ["raw/mnist/t10k-images-idx3-ubyte.gz", "raw/mnist/t10k-labels-idx1-ubyte.gz"]


def test_another_file_from_the_mirror_is_refused_and_not_kept(own_folder, server, tmp_path):
    body = (own_folder / "t10k-images-idx3-ubyte.gz").read_bytes()
    server.bodies["/t10k-images-idx3-ubyte.gz"] = body
    message = refusal("fashion_mnist", {"part": "t10k", "mirror": server.url}, tmp_path / "raw")
    assert "with MD5 bef4ecab320f06d8554ea6380940ec79" in message
    assert hashlib.md5(body).hexdigest() in message
    assert files_under(tmp_path / "raw") == []


def test_the_real_half_is_verified(real_mnist, tmp_path):
    scans, _ = read("mnist", {"part": "t10k", "folder": str(real_mnist)}, tmp_path)
    # As the MNIST page counts them.
    assert np.bincount(scans.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert "bef4ecab" in refusal("fashion_mnist", {"part": "t10k", "folder": str(real_mnist)}, tmp_path)
