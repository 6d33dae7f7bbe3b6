"""The stages as a user runs them: commands in an empty folder, killed and run again, and under DVC."""

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

TABLES = ("cells.parquet", "curves.parquet", "layers.parquet", "manifest.json")


def stage(name: str, *overrides: str, cwd: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "pipelines" / f"{name}.py"), "paths.root=.", *overrides]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def kept(store: Path) -> int:
    """Return how many cells a store holds, seen from outside while a study writes to it."""
    if not (store / "results.sqlite").exists():
        return 0
    with sqlite3.connect(f"file:{store / 'results.sqlite'}?mode=ro", uri=True) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM cells").fetchone()[0])
        except sqlite3.OperationalError:
            return 0


def children(process: int) -> list[int]:
    """Return the living processes whose working folder is that of this study's process."""
    folder = os.readlink(f"/proc/{process}/cwd")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "cwd") == folder:
                found.append(int(entry.name))
        except OSError:
            continue
    return [each for each in found if each != process]


def test_three_commands_lead_from_an_empty_folder_to_a_report(tmp_path):
    for name in ("prepare", "study", "report"):
        done = stage(name, "study=smoke", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"data", "store", "results", "reports", "mlflow.db", "mlruns"}
    assert done.stdout.strip().endswith("reports/smoke/index.html")
    page = (tmp_path / "reports" / "smoke" / "index.html").read_text("utf-8")
    assert "128 cells" in page
    metrics = json.loads((tmp_path / "reports" / "smoke" / "metrics.json").read_text("utf-8"))
    assert metrics["cells"] == 128

    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))
    outs = [out for section in ("outs", "metrics") for out in pipeline["stages"]["report"][section]]
    names = [next(iter(out)) if isinstance(out, dict) else out for out in outs]
    declared = [tmp_path / name.replace("${item.study}", "smoke") for name in names]
    assert all(path.exists() for path in declared), "what dvc.yaml names is made"
    written = [path for path in (tmp_path / "reports").rglob("*") if path.is_file()]
    assert all({path, *path.parents} & set(declared) for path in written), "what is made is declared to DVC"
    shown = [tmp_path / name.replace("reports/core", "reports/smoke") for name in pipeline["plots"]]
    assert shown
    assert all(path in written for path in shown), "what dvc plots show is to show is made"


def test_a_plan_says_what_a_study_costs_and_can_show_and_leaves_nothing(tmp_path):
    done = stage("plan", "study=smoke", "seed=[0,1,2]", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("smoke: 192 cells: 2 init x 2 activation x ")
    assert re.search(r"^ +3 \*  \d", done.stdout, re.MULTILINE)
    assert re.search(r"^advice: with 3 seeds", done.stdout, re.MULTILINE)
    assert list(tmp_path.iterdir()) == []

    done = stage("plan", "study=smoke", "plan.from=results/none", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: plan.from=results/none: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_summary_shows_each_network_and_leaves_nothing(tmp_path):
    done = stage("summary", "study=smoke", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("layer (type)") == 4, "2 depths, with batch normalization and without"
    done = stage("summary", "study=smoke", "depth=0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: depth=0: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for left-over processes in /proc")
def test_killed_half_way_it_leaves_no_process_and_goes_on_to_the_same_bytes(tmp_path):
    overrides = ["study=smoke", "tracking=none", "training.epochs=6", "seed=[0,1,2,3]", "engine.workers=2"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    assert stage("study", *overrides, cwd=whole).returncode == 0

    command = [sys.executable, str(ROOT / "pipelines" / "study.py"), "paths.root=.", *overrides]
    with subprocess.Popen(command, cwd=killed, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not 0 < kept(killed / "store") < 256 and time.monotonic() < deadline:
            time.sleep(0.005)
        left_behind = children(process.pid)
        process.send_signal(signal.SIGKILL)
    assert left_behind, "it had workers"
    some = kept(killed / "store")
    assert 0 < some < 256
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{each}").exists() for each in left_behind) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [each for each in left_behind if Path(f"/proc/{each}").exists()], "workers end with their study"

    done = stage("study", *overrides, cwd=killed)
    assert done.returncode == 0, done.stderr
    told = re.search(r"256 cells, (\d+) trained now(?:, (\d+) known without)?", done.stderr)
    assert told is not None, done.stderr
    assert sum(int(count or 0) for count in told.groups()) == 256 - some
    for name in TABLES:
        assert (killed / "results" / "smoke" / name).read_bytes() == (whole / "results" / "smoke" / name).read_bytes()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of this project under git and DVC, whose pipeline is a study of two cells."""
    copy = tmp_path / "project"
    for name in ("conf", "pipelines", "src"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    pipeline = (ROOT / "dvc.yaml").read_text("utf-8").replace("study: [core]", "study: [single]")
    (copy / "dvc.yaml").write_text(pipeline, "utf-8")
    with (copy / "conf" / "study" / "single.yaml").open("a", encoding="utf-8") as preset:
        preset.write("depth: [1]\nwidth: [8]\nseed: [0, 1]\ntraining: {epochs: 1, probe_size: 32}\n")
    for name in (".dvcignore", ".gitignore", "requirements.lock"):
        shutil.copy(ROOT / name, copy / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run([*git, "init", "-q"], cwd=copy, check=True)
    dvc(copy, "init", "-q")
    dvc(copy, "config", "core.analytics", "false")
    return copy


def dvc(copy: Path, *arguments: str) -> str:
    environment = os.environ | {
        "PYTHONPATH": str(copy / "src"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
    }
    done = subprocess.run(["dvc", *arguments], cwd=copy, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


EDITS = {
    "src/ablation/reporting/page/page.py": {"report"},
    "conf/activation/elu.yaml": {"study"},
    "src/ablation/datasets/split.py": {"prepare", "study", "report"},
    "requirements.lock": {"prepare", "study", "report"},
}
"""Files that are edited, and the stages that this makes out of date."""


@pytest.mark.slow
def test_dvc_reruns_what_a_change_touches_and_no_more(checkout):
    told = dvc(checkout, "repro")
    assert all(f"Running stage '{name}'" in told for name in ("prepare@digits", "study@single", "report@single"))
    assert '"cells": 2' in dvc(checkout, "metrics", "show", "--json")

    def out_of_date() -> set[str]:
        return set(re.findall(r"Running stage '(\w+)@", dvc(checkout, "repro", "--dry")))

    assert out_of_date() == set()
    for name, stages in EDITS.items():
        file = checkout / name
        before = file.read_text("utf-8")
        file.write_text(f"{before}\n# edited\n", "utf-8")
        assert out_of_date() == stages, name
        file.write_text(before, "utf-8")

    preset = checkout / "conf" / "study" / "single.yaml"
    preset.write_text(preset.read_text("utf-8").replace("seed: [0, 1]", "seed: [0, 1, 2]"), "utf-8")
    assert out_of_date() == {"study", "report"}
    assert "3 cells, 1 trained now" in dvc(checkout, "repro", "study@single")
