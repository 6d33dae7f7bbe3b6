"""A study of equal steps: its times are in steps, and all that is said of them says so."""

import json
import re

import pytest

from ablation.records.files import read_results
from ablation.reporting import figures, tables
from ablation.reporting.analysis import analyse
from ablation.reporting.design import digits
from ablation.reporting.findings import findings
from ablation.reporting.findings.headlines import headlines
from ablation.reporting.options import Options
from ablation.reporting.page.again import facts, size
from ablation.reporting.questions import ask_all
from ablation.reporting.report import write_report
from ablation.reporting.statistics.power import spreads
from ablation.reporting.tables.table import to_text
from tests.reporting.synthetic import STEPS, Outcome, write_study

FACTORS = {
    "batch_size": [8, 64],
    "activation": ["relu", "tanh", "elu"],
    "init": ["zeros", "he_normal", "torch_default"],
    "normalization": ["none", "batch", "batch_after"],
    "clipping": ["none", "value"],
    "depth": [2, 5],
    "lr": [0.1, 1.0],
    "seed": [0, 1],
}
EPOCH = re.compile(r"epoch", re.IGNORECASE)


def late(cell):
    """Periods to the target: fewer for large batches and with batch normalization, and for some seeds beyond all."""
    if cell["init"] == "zeros":
        return Outcome(None)
    periods = 4 - (cell["batch_size"] == 64) - (cell["normalization"] == "batch") + cell["seed"]
    return Outcome(periods if periods < 5 or cell["depth"] == 2 else None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("steps") / "results", FACTORS, late, 10, equal_steps=True)


@pytest.fixture(scope="module")
def steps(folder):
    return analyse(read_results(folder), Options())


def test_times_are_in_steps_and_one_horizon_is_common_to_all(steps):
    design, cells = steps.design, steps.cells
    assert (design.unit, design.noun, design.horizon, design.period) == ("steps", "step", 10 * STEPS, STEPS)
    assert design.length == "80 steps"
    assert cells["time"].max() == design.horizon
    assert (cells["arrival"] == cells["steps_primary"]).all()
    known = cells[cells["reached"]]
    assert (known["no_later_than"] - known["later_than"] == STEPS).all()
    # An epoch has 32 steps of 8 and 4 of 64.
    fewer = cells["batch_size"].astype(int).map({8: 32, 64: 4})
    assert (cells["epochs_primary"] * fewer == cells["steps_primary"])[cells["reached"]].all()
    assert steps.grid.tolist() == [STEPS * period for period in range(11)]


def test_a_study_of_equal_steps_concludes_what_one_of_equal_epochs_does(steps, tmp_path):
    """With one batch size they are the same study, told in another unit."""
    factors = {**FACTORS, "batch_size": [32]}
    other = analyse(read_results(write_study(tmp_path / "epochs", factors, late, 10)), Options())
    same = analyse(read_results(write_study(tmp_path / "steps", factors, late, 10, equal_steps=True)), Options())
    assert (same.cells["time"] == STEPS * other.cells["time"]).all()
    assert (same.cells["mean_loss"] - other.cells["mean_loss"]).abs().max() < 1e-12
    assert same.cells["failure"].tolist() == other.cells["failure"].tolist()
    for one, two in zip(same.effects, other.effects, strict=True):
        left, right = (each.table["omega_sq"].to_numpy(dtype=float) for each in (one, two))
        assert left == pytest.approx(right, abs=1e-6, nan_ok=True)
    ratios = [
        each.marginal_means.query("response in ('steps', 'epochs')")["ratio"].to_numpy() for each in (same, other)
    ]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-5, nan_ok=True)
    left, right = (spreads(each.effects).query("response == 'epochs'")["sd"].tolist() for each in (same, other))
    assert left == pytest.approx(right, rel=1e-4)


def test_all_that_is_said_is_in_steps(steps):
    said = [*findings(steps), size(steps.manifest, steps.design), *(value for _, value in facts(steps.manifest, steps))]
    for drawing in figures.drawings():
        view = drawing.show(steps)
        said += [view.title, view.caption, view.alt, view.why, steps.design.in_units(drawing.TOPIC), *view.frame]
    for question in ask_all(steps):
        if question.view.name == "question_batch_size":  # it is about both
            continue
        said += [question.answer, *question.evidence, question.view.title, question.view.caption, *question.view.frame]
    for table in (build(steps) for build in tables.builders()):
        said += [table.title, table.caption, *map(str, table.frame)]
        said += [entry for row in to_text(table, steps.design.horizon, steps.design.unit) for entry in row]
    # The same time is there in the other unit, too, and its column says so.
    assert {text for text in said if EPOCH.search(text)} <= {"median_epochs"}
    assert sum("steps" in text for text in said) > 20


def test_headlines_and_tables_name_their_columns_by_the_unit(steps):
    numbers = headlines(steps)
    deep = steps.summary.query("depth == 5")
    assert numbers["depth_5_best_median_steps"] == deep.sort_values("rmst")["median_steps"].iloc[0]
    assert numbers["depth_5_rmst"] == pytest.approx(steps.tuned.query("depth == 5")["time"].mean(), rel=1e-5)
    assert not [name for name in numbers if "epochs" in name]
    columns = list(steps.summary)
    assert [name for name in columns if name.startswith("median")] == [
        "median_steps",
        "median_epochs",
        "median_steps_easy",
        "median_steps_hard",
    ]
    convergence = next(build(steps) for build in tables.builders() if build.__name__ == "convergence")
    zeros = next(row for row in to_text(convergence, 80, "steps") if "zeros" in row)
    assert (zeros[columns.index("median_steps")], zeros[columns.index("median_epochs")]) == (">80", ">H")


def test_its_report_is_written_whole(folder, tmp_path):
    page = write_report(folder, tmp_path / "report", Options(workers=1)).read_text("utf-8")
    assert "Success as a function of steps" in page
    assert "Steps to target, initializer by activation" in page
    assert "{unit}" not in page.lower()
    assert "depth_5_best_median_steps" in json.loads((tmp_path / "report" / "metrics.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("number", "text"), [(0.2512, "0.251"), (999.4, "999"), (999.6, "1,000"), (12345.6, "12,346"), (1e-7, "1e-07")]
)
def test_many_steps_are_no_power_of_ten(number, text):
    assert digits(number) == text
    assert digits(-number, sign="+") == f"-{text}"
    assert digits(number, sign="+") == f"+{text}"
