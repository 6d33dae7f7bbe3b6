"""Where images and labels come from: scikit-learn's bundled scans, four published IDX files, or a generator.

A source yields all of its images, and says how they are split into those to train, to validate and to test on. A new
one is one reader here, one line in ``SOURCES`` and one file in ``conf/data/``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ablation import UserError
from ablation.datasets.download import download
from ablation.datasets.idx import IMAGES, LABELS, LARGEST, read_idx
from ablation.datasets.split import Parts, random_split, stratified_split

CLASSES = 10
"""Every source tells ten classes apart, labelled 0 to 9, unless its levels have the parameter ``classes``."""


HALVES = {"full": "train", "t10k": "t10k"}
"""Which published half, by the name of its files, each ``part`` of a level reads."""


@dataclass(frozen=True)
class Scans:
    """Labelled gray-scale images, or vectors that stand for them."""

    images: NDArray[np.uint8] | NDArray[np.float32]
    """``[n, features]``, a row an image in C order: bytes in raw units, or floats that need no standardizing."""
    labels: NDArray[np.int64]
    """``[n]``, from 0."""
    shape: tuple[int, int]
    """Rows and columns of an image; their product is ``features``."""


@dataclass(frozen=True)
class Source:
    """A kind of data."""

    citation: str
    """Who made the data and where they are described, in one line."""
    defaults: Mapping[str, Any]
    """The parameters that a level of this kind takes, with their defaults."""
    read: Callable[[str, Mapping[str, Any], Path], Scans]
    """``read(label, params, raw)``: all images. ``params`` are complete; downloaded files are kept under ``raw``."""
    split: Callable[[str, NDArray[np.int64], Mapping[str, Any], int], Parts]
    """``split(label, labels, params, seed)``: which of them are trained, validated and tested on, by this seed."""
    files: Callable[[Mapping[str, Any], Path], list[Path]]
    """``files(params, raw)``: the files that ``read`` reads, whether they are there or not."""
    known: Callable[[Mapping[str, Any]], tuple[int, int] | None] = lambda params: None
    """``known(params)``: rows and columns of an image where they are known with nothing read, drawn or downloaded."""


def read_digits(label: str, params: Mapping[str, Any], raw: Path) -> Scans:
    """Return the 1,797 scans of 8 x 8 pixels, valued 0 to 16, that scikit-learn carries with it. There is no split."""
    # Imported here: it takes a second, and only this source needs it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Scans(bunch.data.astype(np.uint8), bunch.target.astype(np.int64), (8, 8))


def digits_files(params: Mapping[str, Any], raw: Path) -> list[Path]:
    """Return the one file in which scikit-learn keeps its scans, without importing it."""
    found = find_spec("sklearn")
    return [Path(found.origin).parent / "datasets" / "data" / "digits.csv.gz"] if found and found.origin else []


def split_by_shares(label: str, labels: NDArray[np.int64], params: Mapping[str, Any], seed: int) -> Parts:
    """Set the level's shares of each class apart."""
    return stratified_split(label, labels, params["validation_fraction"], params["test_fraction"], seed)


def read_gaussian(label: str, params: Mapping[str, Any], raw: Path) -> Scans:
    """Return standard normal inputs that a fixed linear teacher labels: those to train on, and half as many more.

    x ~ N(0, 1) in every feature, independent; y = argmax_c (x T)_c with one T ~ N(0, 1): what theory assumes of inputs,
    and something that can be learned. Uniform doubles go through the quantile function, rather than numpy's own normal
    draws, whose stream has changed before; rounded to float32 they are the same bytes on every machine.

    Raises:
        UserError: the numbers would not fit into memory.
    """
    examples, features, classes = (int(params[key]) for key in ("examples", "features", "classes"))
    if examples * features > LARGEST:
        raise UserError(
            f"data.{label}.examples={examples}: with {features} features that is more than the {LARGEST} values allowed"
        )
    draw = np.random.Generator(np.random.PCG64(params["seed"]))

    def normal(rows: int, columns: int) -> NDArray[np.float64]:
        # Half a step away from 0, whose quantile is infinite.
        return np.asarray(ndtri(draw.random((rows, columns)) + 2.0**-54))

    teacher = normal(features, classes)
    x = normal(examples + 2 * _apart(examples), features).astype(np.float32)
    return Scans(x, np.argmax(x.astype(np.float64) @ teacher, axis=1), (1, features))


def split_gaussian(label: str, labels: NDArray[np.int64], params: Mapping[str, Any], seed: int) -> Parts:
    """Set as many apart to validate on, and to test on, as are a quarter of those to train on."""
    apart = _apart(int(params["examples"]))
    return random_split(len(labels), apart, apart, seed)


def _apart(examples: int) -> int:
    return max(1, examples // 4)


def read_mnist(kind: str, checksums: Mapping[str, str], label: str, params: Mapping[str, Any], raw: Path) -> Scans:
    """Return one published half, from the level's own folder, or from the mirror by way of ``raw/<kind>/``.

    It is the train half with ``part=full`` and the test half with ``part=t10k``. The other is neither read nor
    downloaded: the parts of a study are all of the train half, and the published test half is for who publishes.

    Raises:
        UserError: a file is missing or is not what it should be, the download fails, or files do not fit together.
    """
    paths = mnist_files(kind, params, raw)
    folder, half = paths[0].parent, HALVES[params["part"]]
    if params["folder"] is not None and not folder.is_dir():
        raise UserError(f"data.{label}.folder={folder}: is no folder")
    arrays = []
    for path, magic in zip(paths, (IMAGES, LABELS), strict=True):
        if params["folder"] is None:
            download(f"{params['mirror'].rstrip('/')}/{path.name}", path, checksums[path.name])
        arrays.append(read_idx(path, magic, checksums[path.name] if params["verify"] else None))
    images, labels = arrays
    if len(images) != len(labels):
        raise UserError(f"{folder}: the {half} half has {len(images)} images, but {len(labels)} labels")
    if labels.max() >= CLASSES:
        place = int(np.argmax(labels >= CLASSES))
        raise UserError(
            f"{folder}: expected labels from 0 to 9, found {labels[place]} at place {place} of the {half} half"
        )
    _, rows, columns = images.shape
    return Scans(images.reshape(len(images), -1), labels.astype(np.int64), (rows, columns))


def mnist_files(kind: str, params: Mapping[str, Any], raw: Path) -> list[Path]:
    """Return the files of images and of labels of the half that a level reads."""
    folder = raw / kind if params["folder"] is None else Path(params["folder"]).expanduser()
    half = HALVES[params["part"]]
    return [folder / f"{half}-images-idx3-ubyte.gz", folder / f"{half}-labels-idx1-ubyte.gz"]


def mnist_shape(params: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the shape of the published images, which those of files that are not verified need not have."""
    return (28, 28) if params["verify"] else None


_SPLIT = {"validation_fraction": 0.2, "test_fraction": 0.2}
_FILES = {"folder": None, "verify": True, "part": "full"}

SOURCES: dict[str, Source] = {
    "digits": Source(
        citation="Alpaydin, Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998, doi:10.24432/C50P49; "
        "its test set, as bundled with scikit-learn",
        defaults={**_SPLIT, "targets": [0.85, 0.90, 0.95]},
        read=read_digits,
        split=split_by_shares,
        files=digits_files,
        known=lambda params: (8, 8),
    ),
    "gaussian": Source(
        citation="Standard normal inputs, labelled by a random linear teacher; generated, no published data",
        defaults={"examples": 2048, "features": 64, "classes": 10, "seed": 0, "targets": [0.70, 0.75, 0.80]},
        read=read_gaussian,
        split=split_gaussian,
        files=lambda params, raw: [],
        known=lambda params: (1, int(params["features"])),
    ),
    "mnist": Source(
        citation="LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998",
        defaults={
            "mirror": "https://ossci-datasets.s3.amazonaws.com/mnist/",
            **_FILES,
            **_SPLIT,
            "targets": [0.90, 0.95, 0.97],
        },
        read=partial(
            read_mnist,
            "mnist",
            {
                "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
                "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
                "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
            },
        ),
        split=split_by_shares,
        files=partial(mnist_files, "mnist"),
        known=mnist_shape,
    ),
    "fashion_mnist": Source(
        citation="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
        defaults={
            "mirror": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            **_FILES,
            **_SPLIT,
            "targets": [0.75, 0.80, 0.85],
        },
        read=partial(
            read_mnist,
            "fashion_mnist",
            {
                "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
                "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
                "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
            },
        ),
        split=split_by_shares,
        files=partial(mnist_files, "fashion_mnist"),
        known=mnist_shape,
    ),
}
"""Every kind of data by its name. The checksums are those that torchvision lists for the published files."""
