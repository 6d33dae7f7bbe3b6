"""Runs written straight into MLflow's database, many in one transaction.

MLflow's client takes 25 ms a run, most of it in a session per call: more than a small cell takes to train. Here a batch
of runs is one insert per table, through MLflow's own table definitions, in about a millisecond a run. It fits the
versions of MLflow that pyproject.toml allows; a test reads the runs back through the public client and compares them
with runs that were written through it.
"""

import base64
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

_PREFIX = base64.b32encode(secrets.token_bytes(5)).decode().lower()
_NUMBERS = count()


def _new_id() -> str:
    """Return a run's id: this process's own letters and a number.

    MLflow's own ids are of 32 letters, which stand four times with every point of a curve, at random places of the
    indices: with these the database is half as large, and grows at its end.
    """
    return f"{_PREFIX}{next(_NUMBERS):04x}"


@dataclass(frozen=True)
class Run:
    """A finished run, as MLflow is told it.

    Attributes:
        name: shown in the list of runs.
        failed: whether it counts as failed.
        start, end: milliseconds since 1970.
        tags, params: text by name.
        metrics: name, value (finite), timestamp, step; at most one a name and step.
        dataset: an ``mlflow.entities.Dataset``, the run's training input.
    """

    name: str
    failed: bool
    start: int
    end: int
    tags: dict[str, str]
    params: dict[str, str]
    metrics: list[tuple[str, float, int, int]]
    dataset: Any


def write_through_client(client: Any, experiment: str, run: Run) -> str:
    """Write a run by MLflow's public calls, for a tracking server, whose database is not at hand; return its id."""
    from mlflow.entities import DatasetInput, InputTag, Metric, Param

    made = client.create_run(experiment, start_time=run.start, run_name=run.name, tags=run.tags)
    run_id: str = made.info.run_id
    metrics = [Metric(*metric) for metric in run.metrics]
    client.log_batch(run_id, metrics, [Param(name, value) for name, value in run.params.items()])
    client.log_inputs(run_id, [DatasetInput(run.dataset, [InputTag("mlflow.data.context", "training")])])
    client.set_terminated(run_id, "FAILED" if run.failed else "FINISHED", run.end)
    return run_id


def is_database(client: Any) -> bool:
    """Return whether the client writes to a database itself."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    return isinstance(client._tracking_client.store, SqlAlchemyStore)


def runs_by_tag(client: Any, experiment: str, tag: str) -> list[tuple[str, str, str]]:
    """Return the tag's value, the id and the status of each run of the experiment that carries the tag."""
    if not is_database(client):
        found, token = [], None
        while True:
            page = client.search_runs([experiment], max_results=1000, page_token=token)
            found += [(run.data.tags[tag], run.info.run_id, run.info.status) for run in page if tag in run.data.tags]
            token = page.token
            if not token:
                return found
    # The client would read every run whole, with its metrics: seconds per thousand runs.
    from mlflow.store.tracking.dbmodels.models import SqlRun, SqlTag

    with client._tracking_client.store.ManagedSessionMaker(read_only=True) as session:
        query = session.query(SqlTag.value, SqlRun.run_uuid, SqlRun.status).join(
            SqlRun, SqlRun.run_uuid == SqlTag.run_uuid
        )
        query = query.filter(
            SqlTag.key == tag, SqlRun.experiment_id == int(experiment), SqlRun.lifecycle_stage == "active"
        )
        return [(value, run, status) for value, run, status in query]


def write_rows(client: Any, experiment: str, runs: Sequence[Run]) -> list[str]:
    """Write runs into the database behind the client, all of them or none; return their ids."""
    from mlflow.store.tracking.dbmodels import models
    from mlflow.utils.uri import append_to_uri_path
    from sqlalchemy import insert

    location = client.get_experiment(experiment).artifact_location
    ids = [_new_id() for _ in runs]
    rows: dict[Any, list[dict[str, Any]]] = {
        table: []
        for table in (
            models.SqlRun,
            models.SqlTag,
            models.SqlParam,
            models.SqlMetric,
            models.SqlLatestMetric,
            models.SqlInput,
            models.SqlInputTag,
        )
    }
    with client._tracking_client.store.ManagedSessionMaker(read_only=False) as session:
        distinct = {run.dataset.digest: run.dataset for run in runs}
        datasets = {digest: _dataset_id(session, experiment, dataset) for digest, dataset in distinct.items()}
        for run_id, run in zip(ids, runs, strict=True):
            rows[models.SqlRun].append(
                {
                    "run_uuid": run_id,
                    "name": run.name,
                    "source_type": "UNKNOWN",
                    "source_name": "",
                    "entry_point_name": "",
                    "source_version": "",
                    "user_id": "",
                    "status": "FAILED" if run.failed else "FINISHED",
                    "start_time": run.start,
                    "end_time": run.end,
                    "lifecycle_stage": "active",
                    "artifact_uri": str(append_to_uri_path(location, run_id, "artifacts")),  # type: ignore[no-untyped-call]
                    "experiment_id": int(experiment),
                }
            )
            for table, texts in (
                (models.SqlTag, {**run.tags, "mlflow.runName": run.name}),
                (models.SqlParam, run.params),
            ):
                rows[table] += [{"key": key, "value": value, "run_uuid": run_id} for key, value in texts.items()]
            metrics: list[dict[str, Any]] = [
                {"key": name, "value": value, "timestamp": time, "step": step, "is_nan": False, "run_uuid": run_id}
                for name, value, time, step in run.metrics
            ]
            rows[models.SqlMetric] += metrics
            latest = {metric["key"]: metric for metric in sorted(metrics, key=lambda metric: metric["step"])}
            rows[models.SqlLatestMetric] += latest.values()
            rows[models.SqlInput].append(
                {
                    "input_uuid": run_id,
                    "source_type": "DATASET",
                    "source_id": datasets[run.dataset.digest],
                    "destination_type": "RUN",
                    "destination_id": run_id,
                }
            )
            rows[models.SqlInputTag].append({"input_uuid": run_id, "name": "mlflow.data.context", "value": "training"})
        for table, content in rows.items():
            session.execute(insert(table), content)
    return ids


def _dataset_id(session: Any, experiment: str, dataset: Any) -> str:
    """Return the database's id of a data set, which is entered once an experiment."""
    from mlflow.store.tracking.dbmodels.models import SqlDataset

    own = {"experiment_id": int(experiment), "name": dataset.name, "digest": dataset.digest}
    found = session.query(SqlDataset).filter_by(**own).one_or_none()
    if found is None:
        found = SqlDataset(
            **own,
            dataset_uuid=uuid.uuid4().hex,
            dataset_source_type=dataset.source_type,
            dataset_source=dataset.source,
            dataset_schema=dataset.schema,
            dataset_profile=dataset.profile,
        )
        session.add(found)
        session.flush()
    return str(found.dataset_uuid)
