"""The package as a notebook uses it: the same results as the command line, values in place of exits."""

import json
import subprocess
import sys

import pytest

import ablation.notebook
from ablation.studies.config import compose
from tests.conftest import ROOT
from tests.studies.command_line import SMALL, run_in

OVERRIDES = (*SMALL, "activation=[relu,tanh]", "seed=[0,1]", "engine=serial", "tracking=none")


def test_a_study_is_run_read_analysed_and_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = ablation.run(*OVERRIDES)
    assert len(found.cells) == 4
    assert set(found.layers["step"]) >= {0, 1}
    again = ablation.results("results/small")
    assert again.cells.equals(found.cells)
    assert again.manifest == found.manifest

    findings = ablation.analyse("name=small", "report.confidence=0.9")
    assert len(findings.tuned) == 4
    assert set(findings.agreement["activation"]) == {"relu", "tanh"}
    assert "activation" in set(findings.effects["term"])

    page = ablation.report("name=small", "report.workers=1", "tracking=none")
    assert page.path.is_file()
    assert page._repr_html_() == '<iframe src="reports/small/index.html" width="100%" height="800"></iframe>'


def test_what_the_user_can_mend_is_raised(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ablation.UserError, match="activation=reluu: no such level"):
        ablation.run("study=single", "activation=reluu")
    with pytest.raises(ablation.UserError, match="missing; run the study first"):
        ablation.report("name=nowhere")
    with pytest.raises(ablation.UserError, match="asks about the config"):
        ablation.run("study=single", "--cfg=job")
    with pytest.raises(AttributeError, match="has no attribute 'trian'"):
        _ = ablation.trian
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_a_notebook_writes_the_bytes_of_the_command_line(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    subprocess.run([sys.executable, "-c", f"import ablation; ablation.run(*{OVERRIDES})"], cwd=here, check=True)
    done = run_in(there, "study", *OVERRIDES)
    assert done.returncode == 0, done.stderr
    for name in ("cells.parquet", "curves.parquet", "layers.parquet", "manifest.json"):
        assert (here / "results/small" / name).read_bytes() == (there / "results/small" / name).read_bytes()


@pytest.mark.slow
def test_the_notebook_of_the_docs_runs_from_top_to_bottom(tmp_path, monkeypatch, capsys):
    """Its cells in their order, in an empty folder, as a kernel runs them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablation.notebook, "compose", lambda words: compose([*words, "tracking=none", "engine=serial"]))
    notebook = json.loads((ROOT / "docs" / "notebook.ipynb").read_text("utf-8"))
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "notebook", "exec"), names)
    assert set(names["mine"].cells["activation"]) == {"tanh", "softsign"}
    assert len(names["findings"].agreement) == 6
    assert "activation=reluu: no such level" in capsys.readouterr().out
    assert (tmp_path / "reports" / "units" / "index.html").is_file()
