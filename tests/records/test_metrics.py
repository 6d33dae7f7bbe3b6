"""The page on metrics is made from the columns, and MLflow, the trainer and the tables have the same names."""

import pytest

from ablation.records.columns import COLUMNS, CURVES, LAYER_METRICS, LOGGED, OUTCOMES
from ablation.records.metrics import PAGE, page
from ablation.training.measurement import CURVE_METRICS, TEST_METRICS
from ablation.training.probes import METRICS


def test_the_page_is_up_to_date():
    assert PAGE.read_text("utf-8") == page(), "python -m ablation.records.metrics writes it anew"


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_has_one_name_and_a_definition_of_one_line(table):
    names = [column.name for column in COLUMNS[table]]
    assert len(set(names)) == len(names)
    for column in COLUMNS[table]:
        assert column.definition.strip()
        assert "\n" not in column.definition
        assert "|" not in column.definition + column.unit


def test_what_is_measured_is_what_is_written_and_logged():
    assert sorted(CURVES.names[3:]) == sorted(CURVE_METRICS)
    assert sorted(LAYER_METRICS) == sorted(METRICS)
    assert set(LOGGED) <= set(CURVE_METRICS)
    assert {name.removeprefix("best_") for name in OUTCOMES} <= {*CURVE_METRICS, *TEST_METRICS}
