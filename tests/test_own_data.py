"""Data of one's own, and a regression, as a user has them: the commands, from a file to a report's page."""

import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from tests.conftest import ROOT

SMALL = ("study=single", "name=mine", "width=8", "depth=2", "batch_size=16", "tracking=none", "engine.workers=1")
"""Overrides of a study and a plan."""


def stage(name, *overrides, cwd):
    command = [sys.executable, str(ROOT / "pipelines" / f"{name}.py"), "paths.root=.", *overrides]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def reported(folder, *overrides):
    """Run a study and its report, and return the page, the convergence table and the manifest."""
    for name, given in (("study", (*SMALL, *overrides)), ("report", ("study=single", "name=mine", "tracking=none"))):
        done = stage(name, *given, cwd=folder)
        assert done.returncode == 0, done.stderr
    page = (folder / "reports" / "mine" / "index.html").read_text("utf-8")
    table = pd.read_csv(folder / "reports" / "mine" / "tables" / "convergence.csv")
    return page, table, json.loads((folder / "results" / "mine" / "manifest.json").read_text("utf-8"))


def test_a_small_csv_from_the_current_folder(tmp_path):
    draw = np.random.default_rng(1)
    x = draw.normal(size=(120, 3)) * [1.0, 1e5, 1e-5] + [0, 1e6, 0]
    grade = np.where(x[:, 1] > 1e6, np.where(x[:, 2] > 0, "good", "fair"), "bad")
    frame = pd.DataFrame({**dict(zip("abc", x.T, strict=True)), "same": 1, "grade": grade})
    frame.to_csv(tmp_path / "my.csv", index=False)
    given = ("data=table", "data.table.file=my.csv", "data.table.target=grade")
    prepared = stage("prepare", "study=single", *given, cwd=tmp_path)
    assert prepared.stderr == (
        "table: 72 training, 24 validation and 24 test examples, 4 features, 3 classes; data/table.safetensors; "
        "same: one value in all of the training part, so nothing to learn from; taken as 0\n"
    )
    page, table, manifest = reported(tmp_path, *given, "training.epochs=30", "activation=[relu,tanh]", "seed=[0,1]")
    assert "90% validation accuracy" in page
    assert "R squared" not in page
    assert manifest["data"]["table"]["classes"] == 3
    assert table["test_accuracy"].min() > 0.6
    spoiled = frame.assign(b=frame["b"].astype(str).where(frame.index != 7, "n/a"))
    spoiled.to_csv(tmp_path / "my.csv", index=False)
    refused = stage("study", *SMALL, *given, cwd=tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == (
        "error: data.table.file=my.csv: column b is n/a in row 8, and must hold numbers alone; leave it out, or write "
        "its words as numbers"
    )


def test_a_regression_on_diabetes(tmp_path):
    given = ("data=diabetes", "loss=mse", "lr=0.05", "activation=[relu,tanh]", "seed=[0,1]", "training.epochs=15")
    page, table, manifest = reported(tmp_path, *given)
    assert manifest["data"]["diabetes"]["task"] == "regression"
    assert "R squared 0.3 in validation" in page
    assert "validation accuracy" not in page
    # Least squares come to about 0.5 of what there is to explain.
    assert table["test_accuracy"].between(0.2, 0.6).all()
    planned = stage("plan", *SMALL, *given, cwd=tmp_path)
    assert "R squared" in planned.stdout
    assert "accuracy" not in planned.stdout.split("smallest difference")[1].split("in brackets")[0]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (("data=table",), "data.table.file=null: must name a CSV, Parquet or npz file"),
        (("data=diabetes",), "loss=cross_entropy: takes classes, and the targets of data=diabetes are numbers"),
    ],
)
def test_what_does_not_go_together_is_one_line(overrides, told, tmp_path):
    done = stage("study", *SMALL, *overrides, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(f"error: {told}")
    assert not (tmp_path / "results").exists()


def test_the_documented_commands_of_own_data_run(tmp_path):
    page = (ROOT / "docs" / "studies.md").read_text("utf-8").split("## Data of your own")[1].split("\n## ")[0]
    commands = re.findall(r"^    python pipelines/study.py (.*)$", page, re.MULTILINE)
    assert len(commands) == 2
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(60, 3)), columns=["a", "b", "price"])
    frame.to_parquet(tmp_path / "my.parquet")
    frame.drop(columns="price").assign(label=["x", "y"] * 30).to_csv(tmp_path / "my.csv", index=False)
    for command in commands:
        done = stage("plan", *shlex.split(command.replace("~", str(tmp_path))), *SMALL[1:], cwd=tmp_path)
        assert done.returncode == 0, done.stderr
