"""``gpu.sh``: on a machine without a GPU it says so and ends, and its parts work there, in small, with few packages."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.conftest import ROOT

SCRIPT = ROOT / "benchmarks" / "gpu.sh"

BARE = ["mlflow", "dvc", "seaborn", "statsmodels", "matplotlib", "jinja2", "pooch", "platformdirs", "ray"]
"""What a machine with a GPU may not have."""


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_it_says_so_in_one_line(tmp_path):
    ended = run(str(tmp_path / "gpu.txt"))
    assert ended.returncode == 1
    assert re.fullmatch(r"error: gpu\.sh: torch \S+ finds no CUDA device; --dry .*\n", ended.stderr)
    assert ended.stdout == ""
    assert not (tmp_path / "gpu.txt").exists()


def test_it_names_what_is_missing_before_anything_is_run(tmp_path):
    bare = tmp_path / "python"
    bare.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    bare.chmod(0o755)
    ended = run("--dry", str(tmp_path / "gpu.txt"), PYTHON=str(bare))
    assert ended.returncode == 1
    assert "lacks torch numpy pandas" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "gpu.txt").exists()


@pytest.mark.slow
def test_every_part_runs_without_the_packages_of_tracking_and_report(tmp_path):
    refuse(BARE, tmp_path / "site")
    ended = run("--dry", str(tmp_path / "gpu.txt"), PYTHONPATH=str(tmp_path / "site"))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told = (tmp_path / "gpu.txt").read_text("utf-8")
    assert told == ended.stdout
    tests, fifth, whole, table, ways, kernels, kernel = told.split("\n## ")[1:]
    assert "skipped" in tests.lower() or "passed" in tests
    assert [re.search(r'"run_steps": (\d+)', study)[1] for study in (fifth, whole)] == ["16", "80"]
    assert re.search(r"\| 5x32x64 \| 2 \| relu \| none \| [\d,]+ \| [\d,]+ \| ", table)
    assert re.search(r"\| as it is \| 2 \| [\d,]+ \| [\d.]+ \|\n", ways)
    assert re.search(r"\| as it is \| batch \| 1 \| [\d,]+ \| [\d.]+ \| ", kernels)
    assert "the same bits" in kernel or "no Triton here" in kernel


def refuse(modules: list[str], folder: Path) -> None:
    """Have every Python that finds this folder on its path do as if these modules were not installed."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(
        f"""import sys

class Refusal:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}: refused", name=name)

sys.meta_path.insert(0, Refusal())
""",
        "utf-8",
    )


@pytest.mark.slow
def test_a_study_without_tracking_does_without_them(tmp_path):
    refuse(BARE, tmp_path / "site")
    study = "study=single depth=2 width=8 training.epochs=1 tracking=none engine=serial".split()
    ended = subprocess.run(
        [sys.executable, str(ROOT / "pipelines" / "study.py"), *study, f"paths.root={tmp_path}"],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "results" / "single" / "cells.parquet").is_file()
