"""What tests of engines hold against each other: the records of a study, by cell."""

from collections.abc import Iterable, Mapping

import numpy as np

from ablation.studies.engines.work import Trained
from ablation.studies.store import Record

ENDS = {"digits": (64, 10)}
"""Inputs and outputs of the data."""


def by_name(trained: Iterable[Trained]) -> dict[str, Record]:
    return {cell.name: record for done in trained for cell, record in zip(done.cohort.cells, done.records, strict=True)}


def assert_same_bits(records: Mapping[str, Record], others: Mapping[str, Record]) -> None:
    assert records.keys() == others.keys()
    for name, record in records.items():
        assert record.diverged_step == others[name].diverged_step
        # Where a measurement is not defined, it is NaN in both.
        np.testing.assert_array_equal(record.curves, others[name].curves)
        np.testing.assert_array_equal(record.layers, others[name].layers)
        np.testing.assert_array_equal(record.test, others[name].test)
