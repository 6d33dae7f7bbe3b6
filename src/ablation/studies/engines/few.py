"""Whether a study is worth worker processes: few cells are trained sooner without any."""

from collections.abc import Mapping, Sequence
from typing import Any

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.duration import reckon
from ablation.studies.machine.cost import Ends

START = 2.5
"""Seconds that worker processes take to begin, above all to load torch, on the machine that the reckoning is for."""

LONGEST = 30.0
"""Seconds of training from which on there are workers all the same: what dies in one, of memory, is tried again."""


def done_sooner_here(
    cohorts: Sequence[Cohort], ends: Mapping[str, Ends], engine: Mapping[str, Any], device: str, workers: int
) -> bool:
    """Return whether to train cohorts in this process, although the engine has workers; the bits are the same.

    Args:
        cohorts: what is to be trained.
        ends: what each data set is to a network, by label.
        engine: the engine; where it says how many workers, it has them.
        device: the type of where cells are trained.
        workers: how many there would be.
    """
    if engine["kind"] != "processes" or engine.get("workers") is not None or device != "cpu" or not cohorts:
        return False
    here = reckon(cohorts, ends, 1)
    return here <= LONGEST and here <= START + reckon(cohorts, ends, workers)
