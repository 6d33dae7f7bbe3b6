import pytest

from ablation.studies.cells import Cell
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.few import LONGEST, START, done_sooner_here
from ablation.studies.machine.cost import Ends, seconds
from tests.conftest import make_spec

ENDS = {"digits": Ends(64, 10, 1000, 300, 300)}
AUTO = {"kind": "processes", "workers": None}


def cohorts(count: int, **changes: object) -> list[Cohort]:
    """Return so many cohorts of one cell each."""
    cell = Cell("a", {"data": "digits", "split": 0}, make_spec(**changes))
    return [Cohort([0], [cell], "0")] * count


def taken(**changes: object) -> float:
    return seconds(make_spec(**changes), ENDS["digits"], 1)


def test_a_single_run_needs_no_worker():
    assert done_sooner_here(cohorts(1), ENDS, AUTO, "cpu", 2)


def test_workers_are_started_where_they_save_more_than_it_takes_to_start_them():
    one = taken(epochs=10)
    enough = int(2 * START / one)  # two workers save half of it
    assert enough * one < LONGEST
    assert done_sooner_here(cohorts(enough - 2, epochs=10), ENDS, AUTO, "cpu", 2)
    assert not done_sooner_here(cohorts(enough + 2, epochs=10), ENDS, AUTO, "cpu", 2)


def test_one_long_run_has_a_worker_that_may_die():
    assert taken(epochs=10_000) > LONGEST
    assert not done_sooner_here(cohorts(1, epochs=10_000), ENDS, AUTO, "cpu", 2)


@pytest.mark.parametrize(
    ("engine", "device"),
    [
        ({"kind": "processes", "workers": 2}, "cpu"),
        ({"kind": "ray"}, "cpu"),
        ({"kind": "serial"}, "cpu"),
        (AUTO, "cuda"),
    ],
)
def test_an_engine_that_was_asked_for_is_kept(engine, device):
    assert not done_sooner_here(cohorts(1), ENDS, engine, device, 2)
