"""The page as text: its parts in order, its policy, its rows; what a browser makes of it is tested beside."""

import base64
import hashlib
import re
from dataclasses import replace
from html import unescape
from itertools import pairwise

import pandas as pd
import pytest

from ablation.reporting.asking.question import Question
from ablation.reporting.figures import FIGURES
from ablation.reporting.figures.view import View
from ablation.reporting.findings.opening import Number, Opening
from ablation.reporting.page import page
from ablation.reporting.page.page import CHAPTERS, Chapter, picture, render
from ablation.reporting.tables import TABLES
from ablation.reporting.tables.table import Table

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1500).to_bytes(4, "big") + (800).to_bytes(4, "big")
VIEW = View("curves", "It rises", "Mean over 3 <seeds>.", 'Lines. "It" rises.')


OPENING = Opening("What <is> it?", ["1 [0.5, 2] & so."], [Number("9 > 8", "cells")], "Few.", "run 'x'")


def rendered(analysis, *tables):
    chapter = Chapter("convergence", "Convergence", [picture("Curves", VIEW, PNG)], tables)
    return render(analysis, OPENING, None, ["A & B <c>"], [chapter])


def test_every_chapter_of_the_registries_has_a_place_and_a_heading():
    assert {*FIGURES, *TABLES} == {"summary", *CHAPTERS}, "the first screen is no chapter"


def test_the_first_screen_has_the_question_the_answer_the_numbers_the_warning_and_a_figure(small_analysis):
    html = render(small_analysis, OPENING, picture("Curves", VIEW, PNG), [], [])
    place = 0
    for part in (
        '<p class="lead">What &lt;is&gt; it?</p>',
        "<p>1 [0.5,\xa02] &amp; so.</p>",
        "<div><dt>cells</dt><dd>9 &gt; 8</dd></div>",
        "Few. This tries more: <code>run &#39;x&#39;</code>",
        '<figure id="figure-curves" data-topic="Curves">',
        "<details",
    ):
        assert part in html
        assert html.index(part) > place, "in this order"
        place = html.index(part)
    without = render(small_analysis, replace(OPENING, warning="", command=""), None, [], [])
    assert 'class="warning"' not in without
    assert "<figure" not in without


def test_all_but_the_first_screen_is_folded_under_its_name_and_what_it_says(small_analysis):
    html = rendered(small_analysis, Table("t_1", "T", "C", pd.DataFrame({"a": [1, 2]})))
    folds = re.findall(r'<details class="fold"><summary><h3[^>]*>(.*?)</h3>(?: <span class="said">(.*?)</span>)?', html)
    assert folds == [
        ("All findings", "1 sentence, each computed, with how sure it is"),
        ("Curves", "It rises"),
        ("T", "a table of 2 rows"),
    ]
    assert "<details open" not in html


def test_headings_go_down_one_step_at_a_time_and_every_link_within_the_page_leads_somewhere(small_analysis):
    html = rendered(small_analysis, Table("t_1", "T", "C", pd.DataFrame({"a": [1]})))
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    links = re.findall(r'href="#([^"]+)"', html)
    assert {"main", "summary", "convergence", "figure-curves", "table-t_1", "again"} == set(links)
    assert set(links) <= set(ids)
    assert set(re.findall(r'aria-(?:labelledby|describedby)="([^"]+)"', html)) <= set(ids)
    assert '<html lang="en">' in html


def test_the_policy_names_the_one_style_and_the_one_script_that_stand_there(small_analysis):
    html = rendered(small_analysis)
    policy = unescape(re.search(r'Content-Security-Policy" content="([^"]+)"', html).group(1))
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        [content] = re.findall(rf"<{tag}>(.*?)</{tag}>", html, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "style=" not in html
    assert not re.search(r"\bon[a-z]+=", html)


def test_a_picture_has_its_texts_and_sizes_and_what_was_not_drawn_is_told_at_the_end(small_analysis):
    html = rendered(small_analysis)
    assert 'alt="Lines. &#34;It&#34; rises." width="1200" height="640"' in html
    assert "<figcaption>Mean over 3 &lt;seeds&gt;. " in html
    assert "<li>A &amp; B &lt;c&gt;</li>" in html
    assert 'id="more"' not in html
    html = render(small_analysis, OPENING, None, [], [], lacking=[("Curves; <b>", "There is nothing.")])
    assert "<li><b>Curves; &lt;b&gt;</b>: There is nothing.</li>" in html
    assert '<a href="#more">' in html
    assert "<img" not in html
    assert picture("Curves", VIEW, PNG, 2).width == 600


def test_a_question_has_its_answer_also_where_its_figure_could_not_be_drawn(small_analysis):
    shown = Question("Is <a> so?", "Yes & no.", ["For one."], "Missing: b.", VIEW)
    lost = replace(shown, answer="Too much to draw.", evidence=(), view=replace(VIEW, name="other", why="Too large."))
    answers = [(shown, picture("A", VIEW, PNG)), (lost, None)]
    html = render(small_analysis, OPENING, None, [], [], answers)
    assert '<a href="#figure-curves">Is &lt;a&gt; so?</a>' in html
    assert html.count('<h3>Is &lt;a&gt; so?</h3> <span class="said">Yes &amp; no.</span>') == 1
    assert html.count("<li>For one.</li>") == 1
    assert '<a href="#figure-other">' in html
    assert '<span class="said">Too much to draw.</span>' in html
    assert 'id="figure-other"' in html
    assert "Missing: b." not in html
    assert html.count("<img") == 1


@pytest.mark.parametrize(("rows", "first", "paper"), [(9, False, False), (10, False, True), (13, True, True)])
def test_a_long_table_shows_its_first_rows_and_says_so(rows, first, paper, small_analysis, monkeypatch):
    monkeypatch.setattr(page, "MOST_ROWS", 12)
    monkeypatch.setattr(page, "MOST_PRINTED", 9)
    html = rendered(small_analysis, Table("t", "T", "C", pd.DataFrame({"a": [f"row {i}" for i in range(rows)]})))
    assert html.count("<td>row ") == min(rows, 12)
    assert (f"The first 12 of {rows} rows; all of them are in tables/t.csv." in html) is first
    assert (f"On paper, the first 9 of {rows} rows; all of them are in tables/t.csv." in html) is paper


def test_on_paper_the_style_keeps_as_many_rows_as_the_page_says():
    assert f"nth-child(n + {page.MOST_PRINTED + 1} of :not([hidden]))" in page.part("style.css")
