"""A small study as a user would run it: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.conftest import ROOT

SMALL = ("study=single", "name=small", "depth=2", "width=8", "training.epochs=1", "training.probe_size=32")


def run_in(
    folder: Path, stage: str, *overrides: str, by: Sequence[str] = (), **variables: str | None
) -> subprocess.CompletedProcess[str]:
    """Run a stage with these overrides and environment variables, of which None takes one away.

    ``by`` is a command that runs another, such as ``setpriv``.
    """
    environment: dict[str, str | None] = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    return subprocess.run(
        [*by, sys.executable, str(ROOT / "pipelines" / f"{stage}.py"), "paths.root=.", *overrides],
        cwd=folder,
        env={name: value for name, value in environment.items() if value is not None},
        capture_output=True,
        text=True,
        check=False,
    )


def study_in(
    folder: Path, *overrides: str, by: Sequence[str] = (), **variables: str | None
) -> subprocess.CompletedProcess[str]:
    """Run a small study, without MLflow."""
    return run_in(folder, "study", *SMALL, "tracking=none", *overrides, by=by, **variables)
