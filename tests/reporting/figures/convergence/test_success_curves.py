"""Labels at the ends of step curves."""

import numpy as np
import pytest

from ablation.reporting.figures.convergence.success_curves import apart


@pytest.mark.parametrize("heights", [[1, 1, 1], [0.5, 0.52, 0.9], [0] * 8, [1] * 8, [0.3]])
def test_labels_are_moved_apart_in_order(heights):
    spots = apart(heights, 0.1)
    assert np.all(np.diff(np.sort(spots)) >= 0.1 - 1e-12)
    assert max(spots) <= 1.03
    order = np.argsort(heights, kind="stable")
    assert [heights[i] for i in np.argsort(spots)] == [heights[i] for i in order]
