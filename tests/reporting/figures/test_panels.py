"""Labels at the ends of lines are moved apart, and no further."""

import numpy as np
import pytest

from ablation.reporting.figures.panels import apart


@pytest.mark.parametrize("heights", [[1, 1, 1], [0.5, 0.52, 0.9], [0] * 8, [1] * 8, [0.3]])
def test_labels_are_moved_apart_in_order(heights):
    spots = apart(heights, 0.1, 1.03)
    assert np.all(np.diff(np.sort(spots)) >= 0.1 - 1e-12)
    assert max(spots) <= 1.03
    order = np.argsort(heights, kind="stable")
    assert [heights[i] for i in np.argsort(spots)] == [heights[i] for i in order]


@pytest.mark.parametrize("heights", [[0.5, 0.5, 0.5], [1.0, 0.99, 0.0], [0.2]])
def test_of_equal_heights_the_first_stands_highest(heights):
    spots = apart(heights[::-1], 0.068, 1.0)[::-1]
    assert np.argsort(spots, kind="stable").tolist() == np.argsort(heights, kind="stable").tolist()
    assert (np.diff(np.sort(spots)) >= 0.068 - 1e-9).all()
    assert max(spots) <= 1
