"""Where examples come from: scikit-learn's bundled data, published files, a generator, or a table of a user's own.

A source yields all of its examples, and says how they are split into those to train, to validate and to test on. A new
one is one reader, one line in ``SOURCES`` and one file in ``conf/data/``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ablation import UserError
from ablation.datasets.bundled import bundled_files, read_bundled, read_digits
from ablation.datasets.cifar import SHAPE, cifar10_files, read_cifar10
from ablation.datasets.download import download
from ablation.datasets.examples import CLASSIFICATION, Examples, task_of
from ablation.datasets.idx import IMAGES, LABELS, LARGEST, read_idx
from ablation.datasets.split import Parts, random_split, shares_of, stratified_split
from ablation.datasets.table import read_table, table_files

CLASSES = 10
"""Classes where neither the examples name them nor the level has the parameter ``classes``: labelled 0 to 9."""

HALVES = {"full": "train", "t10k": "t10k"}
"""Which published half, by the name of its files, each ``part`` of a level reads."""


@dataclass(frozen=True)
class Source:
    """A kind of data."""

    citation: str
    """Who made the data and where they are described, in one line."""
    defaults: Mapping[str, Any]
    """The parameters that a level of this kind takes, with their defaults."""
    read: Callable[[str, Mapping[str, Any], Path], Examples]
    """``read(label, params, raw)``: all examples. ``params`` are complete; downloads are kept under ``raw``."""
    split: Callable[[str, Examples, Mapping[str, Any], int], Parts]
    """``split(label, examples, params, seed)``: which are trained, validated and tested on, by this seed."""
    files: Callable[[Mapping[str, Any], Path], list[Path]]
    """``files(params, raw)``: the files that ``read`` reads, whether they are there or not."""
    place: str | None = None
    """The parameter that says where files lie of which nothing but the place says that they are the ones meant."""
    known: Callable[[Mapping[str, Any]], tuple[int, ...] | None] = lambda params: None
    """``known(params)``: an image's ``Examples.shape`` where it is known with nothing read, drawn or downloaded."""


def split_by_shares(label: str, examples: Examples, params: Mapping[str, Any], seed: int) -> Parts:
    """Set the level's shares apart: of each class, or of all examples where each has a number."""
    validation, test = params["validation_fraction"], params["test_fraction"]
    if task_of(examples.y) == CLASSIFICATION:
        return stratified_split(label, examples.y, validation, test, seed, examples.about.get("class_names"))
    return random_split(len(examples.y), *shares_of(label, len(examples.y), validation, test), seed)


def read_gaussian(label: str, params: Mapping[str, Any], raw: Path) -> Examples:
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
    return Examples(x, np.argmax(x.astype(np.float64) @ teacher, axis=1), (1, features), {})


def split_gaussian(label: str, examples: Examples, params: Mapping[str, Any], seed: int) -> Parts:
    """Set as many apart to validate on, and to test on, as are a quarter of those to train on."""
    apart = _apart(int(params["examples"]))
    return random_split(len(examples.y), apart, apart, seed)


def _apart(examples: int) -> int:
    return max(1, examples // 4)


def read_mnist(kind: str, checksums: Mapping[str, str], label: str, params: Mapping[str, Any], raw: Path) -> Examples:
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
    return Examples(images.reshape(len(images), -1), labels.astype(np.int64), (rows, columns), {})


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
        files=partial(bundled_files, "digits"),
        known=lambda params: (8, 8),
    ),
    "breast_cancer": Source(
        citation="Wolberg, Mangasarian, Street, Street: Breast Cancer Wisconsin (Diagnostic), UCI, 1993, "
        "doi:10.24432/C5DW2B; as bundled with scikit-learn",
        defaults={**_SPLIT, "targets": [0.90, 0.94, 0.96]},
        read=partial(read_bundled, "breast_cancer"),
        split=split_by_shares,
        files=partial(bundled_files, "breast_cancer"),
    ),
    "wine": Source(
        citation="Aeberhard, Forina: Wine, UCI, 1992, doi:10.24432/C5PC7J; as bundled with scikit-learn",
        defaults={**_SPLIT, "targets": [0.85, 0.90, 0.95]},
        read=partial(read_bundled, "wine"),
        split=split_by_shares,
        files=partial(bundled_files, "wine"),
    ),
    "diabetes": Source(
        citation="Efron, Hastie, Johnstone, Tibshirani: Least angle regression, Ann. Statist. 32:407, 2004; as bundled "
        "with scikit-learn",
        defaults={**_SPLIT, "targets": [0.20, 0.30, 0.40]},
        read=partial(read_bundled, "diabetes"),
        split=split_by_shares,
        files=partial(bundled_files, "diabetes"),
    ),
    "table": Source(
        citation="a table of the user's own",
        defaults={"file": None, "target": None, "task": "auto", **_SPLIT, "targets": None},
        read=read_table,
        split=split_by_shares,
        files=table_files,
        place="file",
    ),
    "gaussian": Source(
        citation="Standard normal inputs, labelled by a random linear teacher; generated, no published data",
        defaults={"examples": 2048, "features": 64, "classes": 10, "seed": 0, "targets": [0.70, 0.75, 0.80]},
        read=read_gaussian,
        split=split_gaussian,
        files=lambda params, raw: [],
        known=lambda params: (1, int(params["features"])),
    ),
    "cifar10": Source(
        citation="Krizhevsky: Learning multiple layers of features from tiny images, 2009",
        defaults={
            "mirror": "https://www.cs.toronto.edu/~kriz/",
            "folder": None,
            "part": "full",
            **_SPLIT,
            "targets": [0.35, 0.40, 0.45],
        },
        read=read_cifar10,
        split=split_by_shares,
        files=cifar10_files,
        known=lambda params: SHAPE,
        place="folder",
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
        place="folder",
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
        place="folder",
    ),
}
"""Every kind of data by its name. The checksums are those that torchvision lists for the published files."""
