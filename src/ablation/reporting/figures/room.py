"""How much a figure may hold and still be read in print: the one rule for all figures, and its numbers.

A figure shows no more levels than it has places for, its caption says how many there are (``view.thinned``), and it has
no more panels side by side than fit. What is then still too large, too flat or too crowded, as very long names make it,
is not drawn, and the page says why.
"""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ablation.reporting.naming import Label

PANELS = 12
"""Most panels of a figure."""
LINES = 20
"""Most lines in a panel, or entries of a legend; more colors and markers are not told apart."""
PLACES = 24
"""Most levels along an axis."""
MARKS = 80
"""Most marks along an axis in all, several at each of its places."""
WIDE = 14.0
"""Inches that the panels of a row may take together."""
SIDE = 17.0
"""Inches of a figure's longer side: letters of 9 points are still 6 points high where it is printed 11 inches wide."""
FLAT = 3.2
"""Most that a figure may be wider than it is high, or the other way round."""
LEAST = 0.5
"""Inches of a panel's shorter side."""


def fitting(width: float, most: int = PANELS) -> int:
    """How many panels of this width (inches) stand side by side, one at least."""
    return max(1, min(most, int(WIDE // width)))


def places(marks: int) -> int:
    """How many levels find a place along an axis where so many marks stand at each."""
    return max(2, min(PLACES, MARKS // max(1, marks)))


def across(places: int, marks: int, each: float = 0.12) -> float:
    """Inches of a panel that has this many names along its axis, and so many marks at each."""
    return max(2.2, each * places * marks, 0.2 * places)


def unreadable(figure: Figure, levels: Mapping[str, Sequence[Label]], fits: bool = True) -> str:
    """Why a figure that is laid out cannot be read, and which override would help; nothing where it can.

    ``fits`` is whether its parts found room when it was laid out.
    """
    width, height = figure.get_size_inches()
    panels = [axis for axis in figure.axes if axis.axison]
    if len(panels) > PANELS + 1:  # and a scale of colors
        what = f"It would have {len(panels)} panels"
    elif max(width, height) > SIDE or max(width / height, height / width) > FLAT:
        what = f"It would be {width:.0f} by {height:.0f} inches large"
    elif not fits or any(min(inches(axis)) < LEAST for axis in panels if not is_scale(axis)):
        what = "Its panels would be too small"
    else:
        return ""
    many = max(levels, key=lambda factor: len(levels[factor]))
    ends = ",".join(str(level) for level in (levels[many][0], levels[many][-1]))
    fewer = (
        f"fewer levels, as {many}=[{ends}]," if len(levels[many]) > 2 and len(ends) <= 60 else "shorter names of levels"
    )
    return f"{what}, which cannot be read; {fewer} would make it readable. The tables have every number."


def inches(axis: Axes) -> tuple[float, float]:
    """A panel's width and height."""
    figure, box = axis.get_figure(root=True), axis.get_position()
    assert figure is not None
    width, height = figure.get_size_inches()
    return box.width * width, box.height * height


def is_scale(axis: Axes) -> bool:
    """Whether this is the scale of a figure's colors, which is narrow."""
    return axis.get_label() == "<colorbar>"
