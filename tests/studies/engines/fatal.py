"""What workers do in the tests in place of training: die, or run out of memory, at a cohort of a certain seed.

A module of its own, for workers import it; how often it was tried is told by a file for each try, beside the data.
"""

import os
import signal

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.local import train_here
from ablation.studies.engines.work import Supply, TooLargeError, Trained

SEED = 3


def tries(source: Supply) -> int:
    """Return how often the cohort was tried."""
    return len(list(source.folder.glob("try-*")))


def _is_it(cohort: Cohort, source: Supply) -> bool:
    if all(cell.spec.seed != SEED for cell in cohort.cells):
        return False
    (source.folder / f"try-{tries(source)}").touch()
    return True


def dies_thrice(cohort: Cohort, source: Supply) -> Trained:
    if _is_it(cohort, source) and tries(source) <= 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return train_here(cohort, source)


def dies_always(cohort: Cohort, source: Supply) -> Trained:
    if _is_it(cohort, source):
        os._exit(9)
    return train_here(cohort, source)


def is_too_large(cohort: Cohort, source: Supply) -> Trained:
    if _is_it(cohort, source):
        raise TooLargeError("a cell of many layers does not fit into memory")
    return train_here(cohort, source)


def is_wrong(cohort: Cohort, source: Supply) -> Trained:
    if _is_it(cohort, source):
        raise ZeroDivisionError
    return train_here(cohort, source)
