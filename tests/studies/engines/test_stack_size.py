import torch
from hypothesis import given
from hypothesis import strategies as st

from ablation.studies.engines.cohorts import COHORT_BYTES, COHORT_CELLS, FEW_CELLS_BYTES, Limits, cohort_limits
from ablation.studies.engines.stack_size import GAIN, STACKS, fastest_stack, narrowest_of_the_fast

CPU = torch.device("cpu")


@given(st.lists(st.floats(0.1, 10.0), min_size=len(STACKS), max_size=len(STACKS)))
def test_the_fastest_stack_is_taken_unless_a_narrower_one_is_nearly_as_fast(seconds):
    times = dict(zip(STACKS, seconds, strict=True))
    chosen = narrowest_of_the_fast(times)
    # Each refused stack may be a little faster than the one that it was held against.
    assert times[chosen] * GAIN <= min(times.values())
    assert all(times[narrower] > times[chosen] for narrower in STACKS if narrower < chosen)


def test_this_machine_can_be_measured_and_keeps_its_threads():
    threads = torch.get_num_threads()
    assert fastest_stack() in STACKS
    assert torch.get_num_threads() == threads


def test_a_processor_elsewhere_is_not_measured_here(monkeypatch):
    monkeypatch.setattr("ablation.studies.engines.cohorts.fastest_stack", None)
    assert cohort_limits(CPU, measure=False) == Limits(COHORT_BYTES, COHORT_CELLS, FEW_CELLS_BYTES)
