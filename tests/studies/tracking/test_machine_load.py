"""How loaded the machine is, is sampled while a study trains, and stands in its summary run alone."""

import json
import time

import pytest

from ablation.studies.run import run_study
from ablation.studies.tracking import machine_load
from ablation.studies.tracking.machine_load import MachineLoad
from ablation.studies.tracking.summary import log_summary
from tests.studies.tracking.runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CPU = "system/cpu_utilization_percentage"


def test_samples_are_in_order_and_percentages_of_one():
    load = MachineLoad(0.02)
    time.sleep(0.3)
    told = load.stop()
    assert load.stop() == told, "no sample behind the last"
    cpu = [point for point in told if point[0] == CPU]
    assert len(cpu) > 2
    assert all(0 <= value <= 100 for _, value, _, _ in cpu)
    assert [number for *_, number in cpu] == list(range(len(cpu)))
    assert [moment for _, _, moment, _ in cpu] == sorted(moment for _, _, moment, _ in cpu)


def test_a_long_study_has_no_more_samples_than_a_short_one(monkeypatch):
    monkeypatch.setattr(machine_load, "MOST_SAMPLES", 8)
    load = MachineLoad(0.005)
    time.sleep(0.5)
    assert 4 <= len({number for *_, number in load.stop()}) <= 9


def test_it_stands_in_the_summary_run_and_stays_there_when_a_report_comes(tracked, tmp_path):
    checked, _, uri = tracked
    small = checked("seed=[0,1]")
    run_study(small)
    assert not [name for run in runs_of(uri, "single")[1] for name in run.data.metrics if name.startswith("system/")]
    client, (summary,) = runs_of(uri, "single", "summary")
    before = client.get_metric_history(summary.info.run_id, CPU)
    assert before
    run_study(small)
    assert client.get_metric_history(summary.info.run_id, CPU) == before, "of a pass that trains nothing there is none"
    reports = tmp_path / "reports" / "single"
    for name in ("tables/a.md", "figures/a.png", "index.html"):
        (reports / name).parent.mkdir(parents=True, exist_ok=True)
        (reports / name).write_text("content")
    manifest = json.loads((small.results_folder / "manifest.json").read_text())
    after = client.get_metric_history(log_summary(uri, manifest, {"cells": 2}, reports), CPU)
    assert [(point.value, point.timestamp) for point in after] == [(point.value, point.timestamp) for point in before]
    assert len(runs_of(uri, "single", "summary")[1]) == 1
