"""Small real data that come with scikit-learn: digits, and tables of measurements."""

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ablation.datasets.examples import Examples

FILES = {
    "digits": ["digits.csv.gz"],
    "breast_cancer": ["breast_cancer.csv"],
    "wine": ["wine_data.csv"],
    "diabetes": ["diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"],
}
"""In which files scikit-learn keeps each."""


def read_digits(label: str, params: Mapping[str, Any], raw: Path) -> Examples:
    """Return the 1,797 scans of 8 x 8 pixels, valued 0 to 16, that scikit-learn carries with it. There is no split."""
    # Imported here: it takes a second, and only these sources need it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Examples(bunch.data.astype(np.uint8), bunch.target.astype(np.int64), (8, 8), {})


def read_bundled(kind: str, label: str, params: Mapping[str, Any], raw: Path) -> Examples:
    """Return a bundled table: its columns in raw units, and classes in scikit-learn's order, or numbers."""
    from sklearn import datasets

    # Diabetes also comes with columns that somebody has scaled over all rows; here each split scales by its own.
    load = {
        "breast_cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "diabetes": partial(datasets.load_diabetes, scaled=False),
    }[kind]
    bunch = load()
    about = {"columns": [str(name) for name in bunch.feature_names]}
    y = bunch.target.astype(np.float64)
    if "target_names" in bunch:
        y, about["class_names"] = bunch.target.astype(np.int64), [str(name) for name in bunch.target_names]
    return Examples(bunch.data.astype(np.float64), y, (1, bunch.data.shape[1]), about)


def bundled_files(kind: str, params: Mapping[str, Any], raw: Path) -> list[Path]:
    """Return the files in which scikit-learn keeps its data of this kind, without importing it."""
    found = find_spec("sklearn")
    folder = Path(found.origin).parent / "datasets" / "data" if found and found.origin else None
    return [folder / name for name in FILES[kind]] if folder else []
