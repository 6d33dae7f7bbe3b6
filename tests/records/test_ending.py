"""What a study of few cells says of each in a terminal."""

from ablation.records.ending import ending_lines
from ablation.records.files import read_results
from tests.reporting.synthetic import Outcome, write_study


def said(tmp_path, factors, plant, **more):
    return ending_lines(read_results(write_study(tmp_path / "in", factors, plant, **more)))


def test_a_line_a_cell_with_the_levels_that_vary_and_the_scores(tmp_path):
    factors = {"activation": ["tanh", "relu"], "examples": [64, None], "lr": [0.1, 1.0]}

    def plant(cell):
        reaches = None if cell["activation"] == "tanh" else 3.0
        return Outcome(reaches, final=0.953, diverges=2 if cell["lr"] == 1.0 else None)

    lines = said(tmp_path, factors, plant)
    assert [line.split() for line in lines[1:3]] == [
        ["tanh", "0.1", "64", "finished", ">6", "15.0%", "15.0%", "5.0%"],
        ["tanh", "0.1", "all", "finished", ">6", "15.0%", "15.0%", "5.0%"],
    ]
    assert [line.split() for line in lines[5::3]] == [
        ["relu", "0.1", "64", "finished", "3", "95.3%", "95.3%", "85.3%"],
        ["relu", "1", "all", "diverged", "-", "11.7%", "-", "-"],
    ]
    assert lines[0].split("  ")[0] == "activation"
    assert lines[0].endswith("epochs to 90%  best val. accuracy  val. accuracy  test accuracy")
    assert len(set(map(len, lines))) == 1, "aligned"


def test_a_single_run_has_no_column_of_levels(tmp_path):
    lines = said(tmp_path, {}, lambda _: Outcome(2))
    assert [line.split()[0] for line in lines] == ["status", "finished"]


def test_a_regression_has_r_squared_and_equal_steps_count_in_steps(tmp_path):
    head, line = said(tmp_path, {}, lambda _: Outcome(2), variance=1.0, equal_steps=True)
    assert "steps to 0.9  best val. R squared" in head
    assert line.split() == ["finished", "16", "0.96", "0.96", "0.86"]


def test_more_cells_than_fit_are_left_to_the_report(tmp_path):
    assert said(tmp_path, {"seed": range(21)}, lambda _: Outcome()) == []
