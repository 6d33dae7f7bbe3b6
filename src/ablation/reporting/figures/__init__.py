"""The report's figures, reproducible to the byte: which there are, and how a view becomes a PNG, an SVG and a PDF.

A figure is a file: ``show`` decides what it shows and says, ``plot`` draws that. A view that cannot be drawn becomes
a sentence that says why, so every study has the same files.
"""

from ablation.reporting.figures import alone  # noqa: F401  # before anything imports matplotlib

# isort: split
import io
import textwrap
import warnings
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.beside_theory import phase, predicted_delta
from ablation.reporting.figures.convergence import (
    batchnorm_vs_clipping,
    learning_curves,
    rate_sensitivity,
    success_curves,
    time_to_target,
)
from ablation.reporting.figures.effects import against_reference, effect_sizes, interactions, time_residuals
from ablation.reporting.figures.gradients import dead_saturated, delta_norm, trainable
from ablation.reporting.figures.lettering import legible
from ablation.reporting.figures.room import unreadable
from ablation.reporting.figures.theme import INK, LARGEST, themed
from ablation.reporting.figures.view import View
from ablation.reporting.options import Options


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
    "convergence": (time_to_target, success_curves, batchnorm_vs_clipping, learning_curves, rate_sensitivity),
    "effects": (effect_sizes, interactions, time_residuals),
    "gradients": (trainable, delta_norm, dead_saturated),
    "theory": (predicted_delta, phase),
    "reference": (against_reference,),
}
"""Every figure of the report by chapter, each chapter's in the order of the page."""


def figures_for(options: Options) -> dict[str, tuple[Drawing, ...]]:
    """Those of a report with these options: without a baseline nothing is held against one."""
    return {name: chapter for name, chapter in FIGURES.items() if name != "reference" or options.reference}


def drawings(options: Options | None = None) -> list[Drawing]:
    """Every figure that there is, or those of a report with these options."""
    chapters = FIGURES if options is None else figures_for(options)
    return [drawing for chapter in chapters.values() for drawing in chapter]


def sentence(view: View) -> Figure:
    """What stands where a figure cannot be drawn."""
    figure = Figure(figsize=(6.5, 1.6))
    figure.text(0.5, 0.72, legible(view.title), ha="center", va="center", size=11, wrap=True)
    figure.text(0.5, 0.36, "\n".join(textwrap.wrap(legible(view.why), 80)), ha="center", va="center", size=9, color=INK)
    return figure


@dataclass(frozen=True)
class Drawn:
    """A figure as PNG, SVG and PDF, by the ending of the file's name, and its view, which says why where it is none."""

    view: View
    files: dict[str, bytes]


def draw(drawing: Plots, view: View, design: Design) -> Drawn:
    """The figure of a view, or a sentence where there is none or nobody could read it."""
    with themed():
        figure = sentence(view) if view.why else drawing.plot(view, design)
        figure.set_dpi(min(figure.get_dpi(), LARGEST / max(figure.get_size_inches())))
        fits = lay_out(figure)
        # Fewer rates of those that optimizers bring would change no figure's size.
        levels = {factor: of for factor, of in design.levels.items() if factor != "lr" or not design.own_rates}
        if not view.why and (why := unreadable(figure, levels, fits)):
            view = replace(view, why=why)
            figure = sentence(view)
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
