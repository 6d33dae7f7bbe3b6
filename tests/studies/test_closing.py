"""What the terminal says of the best is what the report's tables say."""

import math

import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.options import Options
from ablation.studies.closing import closing_lines, standings
from tests.reporting.synthetic import SMALL, Outcome, plausible, write_study


@pytest.mark.parametrize("tuning", ["nested", "same"])
@pytest.mark.parametrize("nuisance", [("lr",), (), ("lr", "clipping")])
def test_every_combination_has_the_numbers_of_the_reports_table(tmp_path, nuisance, tuning):
    results = read_results(write_study(tmp_path / "small", SMALL, plausible, name="small"))
    analysis = analyse(results, Options(nuisance=nuisance, tuning=tuning))
    found = standings(results, nuisance, tuning == "nested")
    table = analysis.summary
    assert len(found) == len(table)
    rows = {tuple(map(str, (row[name] for name in analysis.design.compared))): row for _, row in table.iterrows()}
    tuned = analysis.tuned.groupby(list(analysis.design.compared), observed=True)["accuracy"].mean()
    scores = {tuple(map(str, levels)): value for levels, value in tuned.items()}
    for each in found:
        levels = tuple(str(each.levels[name]) for name in analysis.design.compared)
        row = rows[levels]
        assert each.mean_time == pytest.approx(row["rmst"])
        assert each.time == row[f"median_{analysis.design.unit}"]
        assert each.test == pytest.approx(row["test_accuracy"], abs=1e-8)
        assert each.validation == pytest.approx(scores[levels])
        for name in nuisance:
            assert each.levels[name] == row[name]
    assert [each.mean_time for each in found] == sorted(row["rmst"] for row in rows.values())


def test_the_table_has_the_best_three_under_their_names(tmp_path):
    results = read_results(write_study(tmp_path / "small", SMALL, plausible, name="small"))
    head, names, *rows = closing_lines(results, ("lr",), nested=True)
    best = standings(results, ("lr",), nested=True)
    assert head.startswith(f"the best 3 of {len(best)} combinations over {len(SMALL['seed'])} seeds (target: 90")
    assert len(rows) == 3
    for name, level in best[0].levels.items():
        assert rows[0][names.index(name) :].split()[0] == str(level)
    assert rows[0].endswith(f"{best[0].test:.1%}")


def test_what_never_arrives_is_beyond_the_horizon_and_one_run_is_the_result(tmp_path):
    one = {name: levels[:1] for name, levels in SMALL.items()}
    folder = write_study(tmp_path / "one", one, lambda cell: Outcome(reaches=None), name="one")
    head, _, row = closing_lines(read_results(folder), ("lr",), nested=True)
    assert head.startswith("the result over 1 seed (")
    assert row.startswith(">")
    assert math.isinf(standings(read_results(folder), ("lr",), nested=True)[0].time)
