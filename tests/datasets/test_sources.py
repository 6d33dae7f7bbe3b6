import builtins
import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from ablation import UserError
from ablation.datasets.cifar import BATCHES, ROW
from ablation.datasets.settings import complete
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


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_names_the_files_that_it_reads(kind, own_folder, tmp_path, monkeypatch):
    """Every file that is opened while a level is read, and that is no mere description, and none else."""
    level = {"folder": str(own_folder), "verify": False} if "mnist" in kind else {}
    if kind == "cifar10":
        for name in BATCHES["full"]:
            (own_folder / name).write_bytes(bytes(ROW))
        level = {"folder": str(own_folder)}
    if kind == "table":
        (own_folder / "my.csv").write_text("a,label\n1,0.5\n2,1.5\n")
        level = {"file": str(own_folder / "my.csv"), "target": "label"}
    read(kind, level, tmp_path)  # what is imported on the way is read now
    opened, real = set(), io.open

    def watched(path, *rest, **named):
        if Path(path).suffix != ".rst":
            opened.add(Path(path))
        return real(path, *rest, **named)

    for module in (builtins, io):
        monkeypatch.setattr(module, "open", watched)
    read(kind, level, tmp_path)
    assert opened == set(SOURCES[kind].files(complete(kind, level)[1], tmp_path))


def test_digits(tmp_path):
    scans = read("digits", None, tmp_path)
    assert scans.x.shape == (1797, 64)
    assert scans.x.dtype == np.uint8
    assert (scans.x.min(), scans.x.max()) == (0, 16)
    assert scans.y.dtype == np.int64
    # Counts by class from the data set's own description.
    assert np.bincount(scans.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert files_under(tmp_path) == []


@pytest.mark.parametrize(
    ("kind", "shape", "counts"),
    [("breast_cancer", (569, 30), [212, 357]), ("wine", (178, 13), [59, 71, 48]), ("diabetes", (442, 10), None)],
)
def test_bundled_tables(kind, shape, counts, tmp_path):
    """Sizes and counts are those of the data sets' own descriptions."""
    examples = read(kind, None, tmp_path)
    assert (examples.x.shape, examples.x.dtype, len(examples.about["columns"])) == (shape, np.float64, shape[1])
    if counts:
        assert np.bincount(examples.y).tolist() == counts
        assert len(examples.about["class_names"]) == len(counts)
    else:
        # In raw units: years of age, and what was scored from 25 to 346.
        assert (examples.x[:, 0].min(), examples.x[:, 0].max()) == (19, 79)
        assert (examples.y.min(), examples.y.max(), examples.y.dtype) == (25, 346, np.float64)
    assert files_under(tmp_path) == []


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
@pytest.mark.parametrize(
    ("given", "half", "other", "each"), [({}, "train", "t10k", 10), ({"part": "t10k"}, "t10k", "train", 5)]
)
def test_a_part_is_one_half_and_needs_the_files_of_that_alone(kind, given, half, other, each, own_folder, tmp_path):
    """What is tuned on validation images must not have seen the test half: it is not even opened."""
    level = {"folder": str(own_folder), "verify": False, **given}
    for path in own_folder.glob(f"{other}-*"):
        path.write_bytes(b"not to be read")
    scans = read(kind, level, tmp_path)
    assert scans.x.shape == (10 * each, 12)
    assert scans.shape == (4, 3)
    assert scans.y.tolist() == np.repeat(np.arange(10), each).tolist()
    assert scans.y.dtype == np.int64
    for path in own_folder.glob(f"{other}-*"):
        path.unlink()
    assert len(read(kind, level, tmp_path).x) == 10 * each
    names = [path.name for path in SOURCES[kind].files(complete(kind, level)[1], tmp_path)]
    assert names == [f"{half}-images-idx3-ubyte.gz", f"{half}-labels-idx1-ubyte.gz"]


def test_rows_are_images_in_c_order(tmp_path):
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    write_half(tmp_path, "t10k", images, np.array([3, 9], np.uint8))
    scans = read("mnist", {"folder": str(tmp_path), "verify": False, "part": "t10k"}, tmp_path)
    np.testing.assert_array_equal(scans.x, [list(range(12)), list(range(12, 24))])
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
    (own_folder / "train-labels-idx1-ubyte.gz").write_bytes(packed_idx(np.zeros(49, np.uint8)))
    message = refusal("mnist", {"folder": str(own_folder), "verify": False}, tmp_path)
    assert message == f"{own_folder}: the train half has 100 images, but 49 labels"


def test_labels_must_be_digits(own_folder, tmp_path):
    labels = np.zeros(100, np.uint8)
    labels[17] = 10
    (own_folder / "train-labels-idx1-ubyte.gz").write_bytes(packed_idx(labels))
    message = refusal("mnist", {"folder": str(own_folder), "verify": False}, tmp_path)
    assert message == f"{own_folder}: expected labels from 0 to 9, found 10 at place 17 of the train half"


def test_a_home_folder_is_expanded(own_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(own_folder.parent))
    train = read("mnist", {"folder": "~/own", "verify": False}, tmp_path)
    assert len(train.y) == 100


def test_downloaded_half_is_read_and_kept(real_mnist, server, tmp_path):
    for name in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
        server.bodies[f"/mirror/{name}"] = (real_mnist / name).read_bytes()
    for mirror in (f"{server.url}/mirror", f"{server.url}/mirror/"):
        scans = read("mine", {"kind": "mnist", "part": "t10k", "mirror": mirror}, tmp_path / "raw")
        assert scans.x.shape == (10_000, 784)
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
    scans = read("mnist", {"part": "t10k", "folder": str(real_mnist)}, tmp_path)
    # As the MNIST page counts them.
    assert np.bincount(scans.y).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert "bef4ecab" in refusal("fashion_mnist", {"part": "t10k", "folder": str(real_mnist)}, tmp_path)
