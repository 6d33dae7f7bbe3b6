"""The files of a report are all the new ones or all the old ones, and what is not a report's own stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from ablation.reporting.placing import digests, listed, move_into
from tests.conftest import ROOT


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def put(folder, *names, text=""):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text or name)


def page(folder):
    (folder / "index.html").write_text(
        f'<p>x</p><pre id="files" tabindex="0"><code>{listed(digests(folder))}</code></pre>'
    )


@pytest.mark.parametrize("old", [["a", "b/c", "index.html"], ["b/c"], []])
def test_a_move_that_fails_half_way_is_undone(old, tmp_path, monkeypatch):
    put(tmp_path / "new", "a", "b/c", "index.html", text="new")
    put(tmp_path / "out", *old, "mine", text="out")
    before, replace = files(tmp_path / "out"), os.replace

    def full(source, target):
        if target == tmp_path / "out" / "index.html" and source == tmp_path / "new" / "index.html":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        move_into(tmp_path / "new", tmp_path / "out")
    assert files(tmp_path / "out") == before


@pytest.fixture
def report(tmp_path):
    """The folder of a report whose page names three files beside it, and a new one of two of them."""
    old, new = tmp_path / "out", tmp_path / "new"
    put(old, "tables/kept.csv", "tables/gone.csv", "figures/gone.png", "figures/changed.png")
    page(old)
    put(new, "tables/kept.csv", "metrics.json", text="new")
    page(new)
    (old / "figures" / "changed.png").write_text("retouched")
    put(old, "figures/mine.png", "notes.txt", text="mine")
    return old


def test_what_the_report_before_made_and_this_one_does_not_is_taken_away_and_nothing_else(report, tmp_path):
    move_into(tmp_path / "new", report)
    assert set(files(report)) == {
        "index.html",
        "metrics.json",
        "tables/kept.csv",
        "figures/changed.png",
        "figures/mine.png",
        "notes.txt",
    }
    assert (report / "tables" / "kept.csv").read_text() == "new"


def test_where_no_page_tells_what_the_report_before_made_what_a_report_may_make_is_taken_away(report, tmp_path):
    (report / "index.html").unlink()
    move_into(tmp_path / "new", report, [Path("figures/gone.png"), Path("figures/never.png"), Path("tables/kept.csv")])
    assert {"tables/kept.csv", "tables/gone.csv", "figures/mine.png"} < set(files(report))
    assert "figures/gone.png" not in files(report)


@pytest.mark.parametrize("path", ["../secret.csv", "tables/../../secret.csv", "/etc/passwd", "notes.txt"])
def test_a_page_cannot_name_what_lies_elsewhere(path, report, tmp_path):
    put(tmp_path, "secret.csv")
    here = report / path
    text = listed({path: "0" * 64 if not here.is_file() else digests(here.parent).get(here.name, "0" * 64)})
    (report / "index.html").write_text(f'<pre id="files"><code>{text}</code></pre>')
    before = files(tmp_path)
    move_into(tmp_path / "new", report)
    assert set(before) - set(files(tmp_path)) == {"new/index.html", "new/metrics.json", "new/tables/kept.csv"}


@pytest.mark.parametrize("at", ["index.html", "kept.csv"])
def test_what_was_taken_away_comes_back_where_a_move_fails(at, report, tmp_path, monkeypatch):
    before, replace = files(report), os.replace

    def full(source, target):
        if Path(target).name == at and ".before-" not in str(source):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        move_into(tmp_path / "new", report)
    assert files(report) == before


@pytest.mark.skipif(not shutil.which("sha256sum"), reason="needs sha256sum")
def test_a_mixture_of_two_reports_is_told_by_its_page(report, tmp_path):
    def checked(folder):
        text = (folder / "index.html").read_text().split("<code>")[1].split("</code>")[0]
        command = ["sha256sum", "--check", "--quiet", "--strict"]
        return subprocess.run(command, cwd=folder, input=text, text=True, capture_output=True, check=False).returncode

    move_into(tmp_path / "new", report)
    assert checked(report) == 0
    (report / "tables" / "kept.csv").write_text("of a report whose process was killed")
    assert checked(report) != 0


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("dvc"), reason="needs dvc on the path")
def test_under_dvc_a_report_that_fails_leaves_the_one_before(tmp_path):
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]["report"]
    stage |= {
        "matrix": {"study": ["mine"]},
        "deps": ["source"],
        "params": [],
        "cmd": "cat source && test $(cat source) = good",
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"report": stage}}))
    put(tmp_path, "source", text="good")
    put(tmp_path / "reports" / "mine", "index.html", "metrics.json", "methods.md", text="{}")
    put(tmp_path / "reports" / "mine", "tables/a.csv", "figures/a.png", text="{}")
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}

    def dvc(*arguments):
        return subprocess.run(
            ["dvc", *arguments], cwd=tmp_path, env=environment, capture_output=True, check=False
        ).returncode

    assert dvc("init", "-q", "--no-scm") == 0
    assert dvc("repro") == 0
    before = files(tmp_path / "reports")
    assert len(before) == 5
    put(tmp_path, "source", text="bad")
    assert dvc("repro") != 0
    assert files(tmp_path / "reports") == before
