"""What holds of every table."""

import pytest

from ablation.reporting.tables import builders
from ablation.reporting.tables.table import to_csv


@pytest.mark.parametrize("build", builders(), ids=lambda build: build.__name__)
def test_every_table_says_how_many_and_of_what(build, small_analysis):
    table = build(small_analysis)
    assert len(table.frame) > 0
    assert any(word in table.caption for word in ("2 seeds", "128 cells", "a seed"))
    assert len(to_csv(table).splitlines()) == len(table.frame) + 1
    assert table.name == build.__name__
