"""How a number and its noun are said, everywhere on the page."""

import re

from ablation.reporting.design import plural
from ablation.reporting.figures import drawings
from ablation.reporting.findings import findings
from ablation.reporting.page.page import commands
from ablation.reporting.tables import builders
from ablation.reporting.wording import words
from tests.reporting.synthetic import Outcome


def test_words():
    assert words("clipping", "none") == "no clipping"
    assert words("normalization", "batch") == "batch normalization"
    assert (words("depth", 20), words("init", "zeros")) == ("depth 20", "zeros")
    assert (plural(1, "epoch"), plural(2.5, "epoch")) == ("1 epoch", "2.5 epochs")


def test_one_of_a_thing_is_not_several(analysed):
    a = analysed({}, lambda _: Outcome(diverges=0), epochs=1)
    text = " ".join([*(build(a).caption for build in builders()), *findings(a), commands(a.manifest, a.options)[0][0]])
    text += " ".join(view.caption + view.why + view.title for view in (drawing.show(a) for drawing in drawings()))
    assert not re.search(r"(?<![0-9.,])1 (cells|epochs|seeds|combinations|values)", text)
    assert "the only cell, by the first class" in text
    assert "1 cell diverged before the first probe" in text
