"""make in a project that was moved, copied, unpacked from an archive, or lies in a repository of somebody else's."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="there is no make")

SAYS_WHERE = """
import ablation
import pathlib
import sys


def test_where():
    pathlib.Path("told").write_text(f"code of {ablation.__file__} by {sys.prefix}")
"""
STAGES = """
stages:
  report:
    matrix:
      study: [mine]
    cmd: python -c "import ablation, pathlib; pathlib.Path('made').write_text(ablation.__file__)"
    outs: [made]
"""


OTHER_STAGES = """
stages:
  report:
    foreach: {other: 1, third: 2}
    do:
      wdir: ..
      cmd: touch ${key}_made
      outs: ["${key}_made"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project whose environment is there: a new one, that finds the packages of the one which runs this."""
    folder = tmp_path / "my projects" / "é (1)"
    folder.mkdir(parents=True)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (folder / "src" / "ablation").mkdir(parents=True)
    for name in ("__init__", "environment"):
        shutil.copy(ROOT / "src" / "ablation" / f"{name}.py", folder / "src" / "ablation")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_where.py").write_text(SAYS_WHERE)
    (folder / "dvc.yaml").write_text(STAGES)
    (folder / ".dvc").mkdir()
    (folder / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
    environment = folder / ".venv"
    venv.create(environment, symlinks=True, with_pip=False)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = environment / "lib" / version / "site-packages"
    (packages / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (packages / "__editable__.ablation-0.1.0.pth").write_text(f"{folder}/src\n")
    # As pip writes it, of an environment whose path is too long for a first line, or has spaces in it.
    for name in ("tool", "plain"):
        head = f"#!/bin/sh\n'''exec' \"{environment}/bin/python\" \"$0\" \"$@\"\n' '''\n"
        head = head if name == "tool" else f"#!{environment}/bin/python3\n"
        script = environment / "bin" / name
        script.write_text(f"{head}import ablation, sys\nprint(ablation.__file__, sys.argv[1:])\n")
        script.chmod(0o755)
    stamp = subprocess.run(
        "cat requirements.lock pyproject.toml | cksum | cut -d ' ' -f 1",
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    (environment / f"ready-{stamp}").touch()
    return folder


def make(folder: Path, *words: str) -> str:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "PYTEST", "GIT_")) and name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        ["make", *words],
        cwd=folder,
        env=inherited | {"DVC_NO_ANALYTICS": "1", "PYTEST_XDIST_AUTO_NUM_WORKERS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def assert_is_its_own(folder: Path) -> None:
    """Hold that make, and scripts called by their names, run this folder's code by this folder's environment."""
    make(folder, "test")
    assert (folder / "told").read_text() == f"code of {folder}/src/ablation/__init__.py by {folder}/.venv"
    for name in ("tool", "plain"):
        told = subprocess.run(
            [folder / ".venv" / "bin" / name, "a b", "c"],
            cwd="/",
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        place = os.path.realpath(told.split(" [")[0])
        assert place == f"{folder}/src/ablation/__init__.py"
        assert told.endswith("['a b', 'c']\n")


def test_a_new_project_is_its_own(project):
    assert_is_its_own(project)


def test_a_moved_project_repairs_its_environment(project, tmp_path):
    make(project, "test")
    moved = Path(shutil.move(project, tmp_path / "moved"))
    assert_is_its_own(moved)


def test_a_copied_project_is_its_own_and_leaves_the_original_alone(project, tmp_path):
    # Never made here, so that what lies in it is as pip has left it.
    copy = tmp_path / "p2"
    subprocess.run(["cp", "-r", project, copy], check=True)
    assert_is_its_own(copy)
    assert_is_its_own(project)
    shutil.rmtree(project)
    assert_is_its_own(copy)


def test_an_environment_elsewhere_that_others_use_is_left_as_it_is(project, tmp_path):
    shared = Path(shutil.move(project / ".venv", tmp_path / "shared"))
    (project / ".venv").symlink_to(shared)
    before = {path.name: path.read_bytes() for path in (shared / "bin").iterdir() if path.is_file()}
    make(project, "test")
    assert before == {path.name: path.read_bytes() for path in (shared / "bin").iterdir() if path.is_file()}


def made(project: Path) -> bool:
    """Whether make repro has run the stage, with this folder's own code; takes its traces away."""
    assert make(project, "repro").splitlines()[-1] == f"The report: {project}/reports/mine/index.html"
    told = (project / "made").read_text()
    (project / "made").unlink()
    (project / "dvc.lock").unlink()
    return told == f"{project}/src/ablation/__init__.py"


def no_scm(project: Path) -> bool:
    config = project / ".dvc" / "config.local"
    return config.exists() and "no_scm" in config.read_text()


def test_another_study_is_made_where_it_is_named(project):
    elsewhere = project / "pipelines" / "dvc.yaml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(OTHER_STAGES)
    told = make(project, "repro", "STUDY=other")
    assert told.splitlines()[-1] == f"The report: {project}/reports/other/index.html"
    assert {path.name for path in project.glob("*made")} == {"other_made"}, "in the project's folder, and no other"
    assert made(project)
    assert not (project / "third_made").exists(), "plain repro leaves out what is not named"


@pytest.mark.slow
def test_the_study_is_made_in_git_outside_git_and_in_a_repository_that_does_not_know_it(project):
    assert made(project)
    assert no_scm(project), "an unpacked archive is no repository"
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run([*git, "init", "-q"], cwd=project.parent, check=True)
    assert made(project)
    assert no_scm(project), "a repository around it that does not know it is not its own"
    shutil.rmtree(project.parent / ".git")
    subprocess.run([*git, "init", "-q"], cwd=project, check=True)
    assert made(project)
    assert not no_scm(project), "a repository that was made here is"
