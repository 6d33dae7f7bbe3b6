"""Which project is run: the one whose pipelines/ are, wherever it lies and wherever the package was installed from."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of this project whose single study is another one, and that has one more activation."""
    project = tmp_path / "a copy (1)"
    for name in ("conf", "pipelines", "src"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    preset = project / "conf" / "study" / "single.yaml"
    preset.write_text(preset.read_text("utf-8") + "depth: [3]\n", "utf-8")
    code = project / "src" / "ablation" / "choices" / "activations.py"
    code.write_text(code.read_text("utf-8") + '\nACTIVATIONS["twice"] = lambda x: (2 * x, 2 + 0 * x)\n', "utf-8")
    return project


def run(project: Path, *words: str, cwd: Path, stage: str = "study", **environment: str):
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "ABLATION_STORE")}
    return subprocess.run(
        [sys.executable, project / "pipelines" / f"{stage}.py", *words],
        cwd=cwd,
        env=inherited | environment,
        capture_output=True,
        text=True,
        check=False,
    )


SMALL = ["study=single", "tracking=none", "width=8", "training.epochs=1", "training.probe_size=32"]


@pytest.mark.parametrize("engine", [["engine=serial"], ["engine=processes", "engine.workers=1"]])
def test_a_copy_runs_its_own_code_and_config(copy, tmp_path, engine):
    words = [*SMALL, "activation=[]", "+activation.twice={}", *engine]
    # An installed package, as an editable install or a PYTHONPATH of the user's gives it.
    done = run(copy, *words, cwd=copy, PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 0, done.stderr
    manifest = json.loads((copy / "results" / "single" / "manifest.json").read_text())
    assert manifest["factors"]["depth"] == [3]
    assert manifest["factors"]["activation"] == ["twice"]
    done = run(ROOT, *words, "paths.root=.", cwd=tmp_path)
    assert done.returncode == 2
    assert "activation knows no kind twice" in done.stderr


def test_a_project_without_its_own_code_or_config_is_refused(copy, tmp_path):
    shutil.move(copy / "conf", tmp_path / "conf")
    done = run(copy, *SMALL, cwd=tmp_path, PYTHONPATH=str(ROOT / "src"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{copy}/conf/config.yaml: missing" in done.stderr
    shutil.move(copy / "src", tmp_path / "src")
    done = run(copy, *SMALL, cwd=tmp_path, PYTHONPATH=str(ROOT / "src"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"belongs to the project in {copy}, but the package ablation came from {ROOT}" in done.stderr


def test_a_subfolder_of_the_project_has_no_store_of_its_own(copy):
    folder = copy / "notebooks" / "mine"
    folder.mkdir(parents=True)
    done = run(copy, *SMALL, "paths.results=here", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"in {copy}, the project's folder")
    assert (copy / "store" / "results.sqlite").is_file()
    assert [path.name for path in folder.iterdir()] == ["here"], "a path of the user's own is where the user is"
    assert (folder / "here" / "single" / "cells.parquet").is_file()


def test_a_link_to_the_project_is_the_project(copy, tmp_path):
    (tmp_path / "link").symlink_to(copy)
    done = run(tmp_path / "link", *SMALL, cwd=tmp_path / "link")
    assert done.returncode == 0, done.stderr
    assert (copy / "store").is_dir()


def test_a_tilde_is_the_users_own_folder(copy, tmp_path):
    done = run(
        copy,
        *SMALL,
        "paths.root=.",
        "paths.results=~/results",
        cwd=tmp_path,
        HOME=str(tmp_path / "home"),
        ABLATION_STORE="~/st",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "home" / "st" / "results.sqlite").is_file()
    assert (tmp_path / "home" / "results" / "single").is_dir()
    assert not list(tmp_path.rglob("~"))


def test_from_outside_it_is_refused_unless_a_folder_is_named(copy, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    for stage in ("prepare", "study", "report", "plan", "summary"):
        done = run(copy, "study=single", cwd=outside, stage=stage)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"error: {outside}: is not in the project's folder, {copy}; ")
        assert "paths.root=." in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(outside.iterdir()) == []
    done = run(copy, *SMALL, "paths.root=.", cwd=outside)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in outside.iterdir()} == {"data", "results", "store"}
    assert not (copy / "store").exists()


def test_a_root_is_named_from_wherever_one_is(copy, tmp_path):
    root = tmp_path / "kept (here)"
    root.mkdir()
    done = run(copy, *SMALL, "paths.root=../kept (here)", cwd=copy, ABLATION_STORE="store of mine")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in root.iterdir()} == {"data", "results"}
    assert (copy / "store of mine" / "results.sqlite").is_file(), "what the user names otherwise is where the user is"
    done = run(copy, *SMALL, "paths.root=nowhere", cwd=copy)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: paths.root=/")
    assert "cannot be gone to (No such file or directory)" in done.stderr
