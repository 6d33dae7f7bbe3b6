"""A study that is shown in a database of its own."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ablation.studies.study import Study

Tracked = tuple[Callable[..., Study], type[MlflowClient], str]


@pytest.fixture
def tracked(
    study: Callable[..., Study], tmp_path: Path, finished_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Tracked:
    """Return a study's overrides, and the URI of a database that need not be made first."""
    monkeypatch.chdir(tmp_path)
    for name in ("mlflow.db", "other.db"):
        shutil.copy(finished_database, tmp_path / name)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    def checked(*overrides: str) -> Study:
        return study("tracking=mlflow", f"tracking.uri={uri}", *overrides)

    return checked, MlflowClient, uri
