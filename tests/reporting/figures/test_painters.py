"""Several processes draw the same bytes as one, and none stays behind."""

import multiprocessing
import os

import pytest

from ablation import UserError
from ablation.reporting.figures import drawings, painters
from ablation.reporting.figures.painters import Painters


def test_processes_draw_the_same_bytes_in_the_same_order(small_analysis):
    two_drawings = drawings()[:2]
    views = [drawing.show(small_analysis) for drawing in two_drawings]
    with Painters(1) as alone:
        expected = list(alone.draw(two_drawings, views, small_analysis.design))
    with Painters(2) as two:
        drawn = list(two.draw(two_drawings, views, small_analysis.design))
    assert [each.files for each in drawn] == [each.files for each in expected]
    assert not multiprocessing.active_children()
    for files in (each.files for each in drawn):
        assert list(files) == ["png", "svg", "pdf"]
        assert files["pdf"].startswith(b"%PDF")
        assert not any(word in files["pdf"] + files["svg"] for word in (b"CreationDate", b"<dc:date>"))


HOW = "figures cannot be drawn by several processes here"


@pytest.mark.parametrize(
    "error", [OSError(30, "Read-only file system"), OSError("AF_UNIX path too long"), ImportError("no")]
)
def test_where_no_process_can_be_started_one_line_says_what_to_do(error, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr(painters, "ProcessPoolExecutor", refuse)
    with pytest.raises(UserError, match=rf"report\.workers: {HOW} \(.+\); report\.workers=1 draws them in this one"):
        Painters(2)
    Painters(1)


def test_a_painter_that_dies_is_one_line_and_no_other_is_left(small_analysis, monkeypatch):
    drawing = drawings()[0]
    monkeypatch.setattr(painters, "draw_named", end)
    with Painters(2) as two, pytest.raises(UserError, match=rf"report\.workers: {HOW} \(one of them died\)"):
        list(two.draw([drawing], [drawing.show(small_analysis)], small_analysis.design))
    assert not multiprocessing.active_children()


def end(*_):
    """What a process does that the system ends."""
    os._exit(1)
