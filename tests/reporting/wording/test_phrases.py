"""How a number and its noun are said, everywhere on the page."""

import re

import pandas as pd

from ablation.reporting.design import plural
from ablation.reporting.figures import drawings
from ablation.reporting.findings import findings
from ablation.reporting.page.page import commands
from ablation.reporting.tables import builders
from ablation.reporting.wording.phrases import full_names, names, words
from tests.reporting.synthetic import Outcome


def test_words(analysed):
    levels = {"clipping": ["none", "no", "value"], "normalization": ["none", "batch"], "depth": [2, 20]}
    design = analysed({**levels, "init": ["zeros"]}, lambda _: Outcome()).design
    assert words(design, "clipping", "none") == "no clipping"
    assert words(design, "clipping", "no") == "clipping no"
    assert words(design, "normalization", "batch") == "batch normalization"
    assert (words(design, "depth", 20), words(design, "init", "zeros")) == ("depth 20", "zeros")
    assert (plural(1, "epoch"), plural(2.5, "epoch")) == ("1 epoch", "2.5 epochs")


def test_combinations_that_differ_are_said_unlike(analysed):
    levels = {"init": ["a", "a + b"], "activation": ["b + c", "c"]}
    design = analysed(levels, lambda _: Outcome()).design
    frame = pd.DataFrame({"init": ["a", "a + b"], "activation": ["b + c", "c"]})
    said = [names(design, frame, ["init", "activation"], place) for place in range(2)]
    assert said == ["a + (b + c)", "(a + b) + c"]
    assert [full_names(frame, ["init", "activation"], place) for place in range(2)] == said


def test_one_of_a_thing_is_not_several(analysed):
    a = analysed({}, lambda _: Outcome(diverges=0), epochs=1)
    text = " ".join([*(build(a).caption for build in builders()), *findings(a), commands(a.manifest, a.options)[0][0]])
    text += " ".join(view.caption + view.why + view.title for view in (drawing.show(a) for drawing in drawings()))
    assert not re.search(r"(?<![0-9.,])1 (cells|epochs|seeds|combinations|values)", text)
    assert "the only cell, by the first class" in text
    assert "1 cell diverged before the first probe" in text
