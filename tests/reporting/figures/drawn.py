"""A figure as its file's ``plot`` leaves it, laid out and not yet written."""

from matplotlib.figure import Figure

from ablation.reporting.design import Design
from ablation.reporting.figures import Drawing, lay_out
from ablation.reporting.figures.theme import themed
from ablation.reporting.figures.view import View


def drawn(drawing: Drawing, view: View, design: Design) -> Figure:
    """Draw a view and lay it out, as the report does."""
    with themed():
        figure = drawing.plot(view, design)
        lay_out(figure)
    return figure
