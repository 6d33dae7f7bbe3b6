import pytest

from ablation import UserError
from ablation.records.horizon import horizon_of


def test_a_horizon_is_in_epochs_or_in_steps():
    assert horizon_of({"horizon": {"epochs": 15}}) == ("epochs", 15.0)
    assert horizon_of({"horizon": {"steps": 2000}}) == ("steps", 2000.0)


@pytest.mark.parametrize("given", [{}, {"hours": 3}, {"epochs": 1, "steps": 2}, {"epochs": "many"}, 5])
def test_what_is_neither_is_refused(given):
    with pytest.raises(UserError, match="must be a number of epochs or of steps"):
        horizon_of({"horizon": given})
