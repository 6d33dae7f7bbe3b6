"""What a study says of itself in MLflow: a note, and one run that holds its report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ablation.records.horizon import horizon_of
from ablation.studies.study import Study
from ablation.studies.tracking.client import connect, find_experiment, refused
from ablation.studies.tracking.rows import runs_by_tag
from ablation.studies.tracking.view import link, shared_view

SYSTEM = "system/"
"""How the names of MLflow's system metrics begin."""

MOST_METRICS = 1000
"""Of one call, by MLflow's own limit."""


def log_report(study: Study) -> None:
    """Show a study's report in MLflow, where the study says so; see ``log_summary``."""
    if study.tracking["kind"] == "mlflow":
        manifest, metrics = (
            json.loads((folder / name).read_text("utf-8"))
            for folder, name in ((study.results_folder, "manifest.json"), (study.reports_folder, "metrics.json"))
        )
        log_summary(study.tracking["uri"], manifest, metrics, study.reports_folder)


def log_summary(uri: str, manifest: Mapping[str, Any], metrics: Mapping[str, Any], reports_folder: Path) -> str:
    """Log the study's summary run, its tables, figures and page as artifacts; return the run's id.

    The summary of an earlier report of the same study is replaced.

    Raises:
        UserError: MLflow refuses the URI, the database or the experiment.
    """
    client = connect(uri)
    # Behind it, for it is what MLflow can be imported after.
    from mlflow.entities import Metric

    with refused(uri):
        own = find_experiment(client, manifest["name"])
        earlier = [run for _, run, _ in runs_by_tag(client, own, "summary")]
        run_id = _create_summary(client, own, manifest)
        numbers = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
        told = [Metric(name, float(value), 0, 0) for name, value in numbers.items()]
        # How the machine was loaded is of the training, and not of this report.
        told += [point for run in earlier for point in _load_of(client, run)]
        for start in range(0, len(told), MOST_METRICS):
            client.log_batch(run_id, told[start : start + MOST_METRICS])
        for folder in ("tables", "figures"):
            client.log_artifacts(run_id, str(reports_folder / folder), folder)
        client.log_artifact(run_id, str(reports_folder / "index.html"))
        client.set_terminated(run_id, "FINISHED")
        # Only now: should the new one not come about, the old one is still there.
        for run in earlier:
            client.delete_run(run)
    return run_id


def log_load(
    client: Any, experiment: str, manifest: Mapping[str, Any], load: Sequence[tuple[str, float, int, int]]
) -> None:
    """Log how the machine was loaded in the study's summary run, made here if no report has made it.

    Args:
        client: MLflow's.
        experiment: the study's.
        manifest: the study's.
        load: of each sample name, value, time and number.
    """
    from mlflow.entities import Metric

    found = [run for _, run, _ in runs_by_tag(client, experiment, "summary")]
    run_id = found[0] if found else _create_summary(client, experiment, manifest)
    for start in range(0, len(load), MOST_METRICS):
        client.log_batch(run_id, [Metric(*point) for point in load[start : start + MOST_METRICS]])
    client.set_terminated(run_id, "FINISHED")


def describe_study(client: Any, experiment: str, manifest: Mapping[str, Any]) -> None:
    """Say what the study is in its experiment's note, and share the charts that it is looked at on."""
    client.set_experiment_tag(experiment, "mlflow.note.content", study_note(manifest, link(experiment)))
    varied = [factor for factor, levels in manifest["factors"].items() if len(levels) > 1]
    client.set_experiment_tag(experiment, *shared_view(horizon_of(manifest)[0], varied))


def _create_summary(client: Any, experiment: str, manifest: Mapping[str, Any]) -> str:
    tags = {"study": manifest["name"], "summary": manifest["name"], "mlflow.note.content": study_note(manifest)}
    run_id: str = client.create_run(experiment, run_name=f"summary of {manifest['name']}", tags=tags).info.run_id
    return run_id


def _load_of(client: Any, run: str) -> list[Any]:
    """Return the points of a run's system metrics."""
    names = [name for name in client.get_run(run).data.metrics if name.startswith(SYSTEM)]
    return [point for name in names for point in client.get_metric_history(run, name)]


def study_note(manifest: Mapping[str, Any], curves: str = "") -> str:
    """Return what the study is, in Markdown, for MLflow's description panels; its curves are where a link leads."""
    varied = {factor: levels for factor, levels in manifest["factors"].items() if len(levels) > 1}
    fixed = {factor: levels[0] for factor, levels in manifest["factors"].items() if len(levels) == 1}
    cells, (unit, _) = manifest["cells"], horizon_of(manifest)
    lines = [
        f"**{manifest['name']}**: a full factorial of {cells['expected']} cells, {cells['finished']} finished and "
        f"{cells['diverged']} diverged, {manifest['horizon'][unit]} {unit} each."
        + (f" [Its curves]({curves})" if curves else ""),
        "",
        *(f"- {factor}: {', '.join(map(str, levels))}" for factor, levels in varied.items()),
        f"- the same in every cell: {', '.join(f'{factor} {level}' for factor, level in fixed.items())}",
        "",
        f"Every run is a cell, named by its levels; the run called summary of {manifest['name']} holds the tables and "
        "figures of its report, once that is made.",
    ]
    return "\n".join(lines)
