"""A small study as a user would run it: a process of its own, in a folder of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

SMALL = ("study=single", "name=small", "depth=2", "width=8", "training.epochs=1", "training.probe_size=32")


def study_in(folder: Path, *overrides: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a study with these overrides and environment variables."""
    return subprocess.run(
        [sys.executable, str(ROOT / "pipelines" / "study.py"), *SMALL, *overrides],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
