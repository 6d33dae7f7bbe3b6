"""Figures have the same bytes whatever settings for matplotlib a user has, even such as it cannot read."""

import hashlib
import os
import subprocess
import sys

import matplotlib as mpl
import pytest
import seaborn as sns

from ablation.reporting.figures import draw, drawings

SCRIPT = """
import hashlib, os, sys
before = dict(os.environ), os.getcwd()
from ablation.reporting.figures import draw
from ablation.reporting.figures.view import View
from matplotlib.figure import Figure
class Plain:
    @staticmethod
    def plot(view, design):
        figure = Figure()
        axes = figure.subplots()
        axes.plot([0.5, 1.5], [0.25, -1.75], marker="o")
        axes.set_title(view.title)
        return figure
class Some:
    levels = {"depth": [1]}
assert (dict(os.environ), os.getcwd()) == before, "what belongs to the user is as it was"
print(*(hashlib.sha256(content).hexdigest() for content in draw(Plain, View("a", "Half: 0.5"), Some).files.values()))
"""
USETEX = "text.usetex: True\naxes.grid: maybe\nno such key: 1\nfont.size: 30\naxes.formatter.use_locale: True\n"


def told(folder, **environment):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MPL", "MATPLOTLIB", "LC_"))}
    command = [sys.executable, "-W", "error", "-c", SCRIPT]
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout


@pytest.mark.slow
def test_no_backend_settings_file_style_or_locale_of_the_user_matters(tmp_path):
    (tmp_path / "clean").mkdir()
    expected = told(tmp_path / "clean")
    assert len(expected.split()) == 3
    here, config = tmp_path / "here", tmp_path / "config"
    (config / "stylelib").mkdir(parents=True)
    here.mkdir()
    (here / "matplotlibrc").write_bytes(b"\xff\xfe no text")
    (config / "matplotlibrc").write_text(USETEX)
    (config / "stylelib" / "mine.mplstyle").write_bytes(b"\xff\xfe no text")
    inline = "module://matplotlib_inline.backend_inline"
    assert told(here, MPLBACKEND=inline, MPLCONFIGDIR=str(config), MATPLOTLIBRC=str(config)) == expected
    c_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert told(config, MPLBACKEND="no such backend", MPLCONFIGDIR="/dev/null/no", **c_locale) == expected


def digests(files):
    return [hashlib.sha256(content).hexdigest() for content in files.values()]


def test_what_a_program_has_set_before_matters_not_and_stays(small_analysis):
    drawing = drawings()[0]
    view = drawing.show(small_analysis)
    expected = digests(draw(drawing, view, small_analysis.design).files)
    with mpl.rc_context():
        sns.set_theme("talk", "dark")
        mpl.rcParams.update({"text.usetex": True, "savefig.bbox": "tight", "lines.linewidth": 9, "axes.titlepad": 40})
        before = dict(mpl.rcParams)
        assert digests(draw(drawing, view, small_analysis.design).files) == expected
        assert dict(mpl.rcParams) == before
