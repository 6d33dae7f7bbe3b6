"""The report's figures, reproducible to the byte: which there are, and how a view becomes a PNG, an SVG and a PDF.

A figure is a file: ``show`` decides what it shows and says, ``plot`` draws that. Of a view that cannot be drawn there
is no file; the page's end says why, and what would change that.
"""

from ablation.reporting.figures import alone  # noqa: F401  # before anything imports matplotlib

# isort: split
import io
import warnings
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.beside_theory import phase, predicted_delta
from ablation.reporting.figures.convergence import (
    batchnorm_vs_clipping,
    choices,
    learning_curves,
    rate_sensitivity,
    success_curves,
    time_to_target,
)
from ablation.reporting.figures.effects import effect_sizes, interactions, time_residuals
from ablation.reporting.figures.gradients import dead_saturated, delta_norm, trainable
from ablation.reporting.figures.lettering import legible
from ablation.reporting.figures.room import unreadable
from ablation.reporting.figures.theme import LARGEST, RESOLUTION, enlarged, themed
from ablation.reporting.figures.view import View
from ablation.reporting.options import STYLES


class Plots(Protocol):
    """A file that draws what a view shows."""

    @property
    def __name__(self) -> str:
        """The file as a module, by which a worker finds it."""

    def plot(self, view: View, design: Design) -> Figure:
        """The figure, drawn."""


class Drawing(Plots, Protocol):
    """What a figure's file holds."""

    TOPIC: str
    """What it is about, its heading on the page, with ``{unit}`` for what times are counted in; its finding stands in
    the figure itself."""

    def show(self, analysis: Analysis) -> View:
        """What the figure shows and says of this study."""


FIGURES: dict[str, tuple[Drawing, ...]] = {
    "summary": (choices,),
    "convergence": (time_to_target, success_curves, batchnorm_vs_clipping, learning_curves, rate_sensitivity),
    "effects": (effect_sizes, interactions, time_residuals),
    "gradients": (trainable, delta_norm, dead_saturated),
    "theory": (predicted_delta, phase),
}
"""Every figure of the report by chapter, in the order of the page."""


KINDS = ("png", "svg", "pdf")
"""The endings of a figure's files."""


def name_of(drawing: Drawing) -> str:
    """A figure's name, which is that of its file here and of those that are made of it."""
    return drawing.__name__.rpartition(".")[2]


def drawings() -> list[Drawing]:
    """Every figure of the report."""
    return [drawing for chapter in FIGURES.values() for drawing in chapter]


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG, SVG and PDF, by the ending of the file's name; where there is none, the view says why."""

    view: View
    files: dict[str, bytes]


def draw(drawing: Plots, view: View, design: Design, style: str = STYLES[0]) -> Drawn:
    """The figure of a view; none where there is nothing to draw, or nobody could read it."""
    if view.why:
        return Drawn(view, {})
    with themed(style):
        figure = drawing.plot(view, design)
        for line in figure.findobj(Line2D):
            line.set(linewidth=line.get_linewidth() * enlarged(), markersize=line.get_markersize() * enlarged())
        figure.set_dpi(min(figure.get_dpi(), RESOLUTION[style] * LARGEST / max(figure.get_size_inches())))
        fits = lay_out(figure)
        # Fewer rates of those that optimizers bring would change no figure's size.
        levels = {factor: of for factor, of in design.levels.items() if factor != "lr" or not design.own_rates}
        if why := unreadable(figure, levels, fits):
            return Drawn(replace(view, why=why), {})
        dateless = {"Creator": None, "Title": legible(view.title)}
        png, svg, pdf = io.BytesIO(), io.BytesIO(), io.BytesIO()
        # ``savefig`` would go through the whole figure once more for each, to lay it out.
        pillow = {"compress_level": 9}
        cast(Any, FigureCanvasAgg(figure)).print_png(png, metadata={"Software": None}, pil_kwargs=pillow)
        cast(Any, FigureCanvasSVG(figure)).print_svg(svg, metadata={"Date": None, **dateless})
        cast(Any, FigureCanvasPdf(figure)).print_pdf(pdf, metadata={"CreationDate": None, "Producer": None, **dateless})
    return Drawn(view, {"png": png.getvalue(), "svg": svg.getvalue(), "pdf": pdf.getvalue()})


def lay_out(figure: Figure) -> bool:
    """Give panels, labels and legends their places, for good; whether there was room for all of them."""
    engine = figure.get_layout_engine()
    if engine is None:
        return True
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "constrained_layout not applied")
        try:
            engine.execute(figure)
            engine.execute(figure)  # long labels need a second pass to find their room
        except UserWarning:
            return False
    figure.set_layout_engine("none")
    return True
