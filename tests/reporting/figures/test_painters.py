"""Several processes draw the same bytes as one, and none stays behind."""

import multiprocessing

from ablation.reporting.figures import drawings
from ablation.reporting.figures.painters import Painters


def test_processes_draw_the_same_bytes_in_the_same_order(small_analysis):
    two_drawings = drawings()[:2]
    views = [drawing.show(small_analysis) for drawing in two_drawings]
    with Painters(1) as alone:
        expected = list(alone.draw(two_drawings, views, small_analysis.design))
    with Painters(2) as two:
        drawn = list(two.draw(two_drawings, views, small_analysis.design))
    assert drawn == expected
    assert not multiprocessing.active_children()
    for files in drawn:
        assert list(files) == ["png", "svg", "pdf"]
        assert files["pdf"].startswith(b"%PDF")
        assert not any(word in files["pdf"] + files["svg"] for word in (b"CreationDate", b"<dc:date>"))
