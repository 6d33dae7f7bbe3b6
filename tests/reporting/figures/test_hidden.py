"""Lines that lie on each other are all seen: by gaps in those on top, or by the width of those below."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ablation.reporting.figures.hidden import DASHES, WIDER, dashes, widths
from ablation.reporting.figures.panels import lines

X = np.arange(10.0)
FLAT, RISING = (X, np.zeros(10)), (X, X / 9)
NEARLY = (X, np.full(10, 0.01))


def test_what_lies_on_another_line_has_gaps_and_what_lies_below_is_wider():
    assert dashes([FLAT, RISING, NEARLY, FLAT], 1.0) == [DASHES[0], DASHES[0], DASHES[1], DASHES[2]]
    assert widths([FLAT, RISING, NEARLY, FLAT], 1.0, 1.0) == [1 + 2 * WIDER, 1.0, 1 + WIDER, 1.0]
    assert dashes([FLAT, NEARLY], 0.1) == [DASHES[0], DASHES[0]], "on a shorter axis they are apart"
    assert dashes([FLAT] * 9, 1.0)[-1] == DASHES[-1]


def test_lines_are_compared_where_both_have_points():
    late = (X + 9, np.zeros(10))
    assert dashes([FLAT, late], 1.0) == [DASHES[0], DASHES[1]], "at the one point that they share"
    assert dashes([FLAT, (X + 10, np.zeros(10))], 1.0) == [DASHES[0], DASHES[0]]
    assert dashes([], 1.0) == []


@pytest.mark.parametrize("dashed", [True, False])
def test_every_one_of_three_equal_lines_shows_its_color(dashed):
    names = ["relu", "leaky_relu", "elu"]
    frame = pd.concat(
        [pd.DataFrame({"activation": name, "x": X, "mean": 0.5, "low": 0.5, "high": 0.5}) for name in names]
    )
    canvas = FigureCanvasAgg(Figure(figsize=(4, 3), dpi=130))
    axis = canvas.figure.subplots()
    colors = {"elu": "#ff0000", "leaky_relu": "#00ff00", "relu": "#0000ff"}
    style = {name: {"color": color, "marker": ""} for name, color in colors.items()}
    lines(axis, frame, "x", style, dashed=dashed)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3].reshape(-1, 3).astype(int)
    for color in colors.values():
        own = np.array([int(color[at : at + 2], 16) for at in (1, 3, 5)])
        assert (np.abs(pixels - own).max(axis=1) < 40).sum() > 30, color
