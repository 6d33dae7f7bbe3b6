"""Delta's axis: where norms beyond its ends stand, and how many powers of ten it has at least."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ablation.reporting.figures.delta_axis import CEILING, FLOOR, edged, power, two_decades


def test_what_lies_beyond_stands_on_an_edge():
    assert edged([0.0, 1e-40, 0.5, 1e30, np.inf, np.nan]).tolist() == [FLOOR, FLOOR, 0.5, CEILING, CEILING, CEILING]
    assert (power(FLOOR), power(CEILING)) == ("1e-30", "1e10")


@pytest.mark.parametrize(("given", "shown"), [((0.2, 0.5), (0.1, 1.0)), ((0.05, 20.0), (0.05, 20.0))])
def test_an_axis_has_two_powers_of_ten(given, shown):
    axis = Figure().subplots()
    axis.set(yscale="log", ylim=given)
    two_decades(axis)
    assert axis.get_ylim() == pytest.approx(shown)
