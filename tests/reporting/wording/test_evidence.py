"""How sure one can be of a difference is said with it."""

import pytest

from ablation.reporting.statistics.differences import Difference
from ablation.reporting.wording.evidence import difference_text


@pytest.mark.parametrize(
    ("difference", "says"),
    [
        (Difference(-2.0, -3.0, -1.0, 3), "-2 epochs [-3, -1], a clear difference"),
        (Difference(2.0, 1.0, 3.0, 3), "+2 epochs [+1, +3], a clear difference"),
        (Difference(2.0, -1.0, 5.0, 9), "+2 epochs [-1, +5], no clear difference"),
        (Difference(2.0, 2.0, 2.0, 5), "the same in every seed but weak evidence from so few seeds"),
        (Difference(2.0, 2.0, 2.0, 6), "+2 epochs [+2, +2], a clear difference"),
        (Difference(2.0, float("nan"), float("nan"), 1), "+2 epochs, one seed: no interval, so no evidence"),
    ],
)
def test_how_sure_one_can_be_is_said(difference, says):
    assert says in difference_text(difference, "epochs")
