"""The runs of an experiment, as the public client finds them."""

from typing import Any

from mlflow import MlflowClient


def runs_of(uri: str, name: str, tag: str = "cell_key") -> tuple[MlflowClient, list[Any]]:
    """Return a client, and the runs of an experiment that have a tag: its cells, or its summary."""
    client = MlflowClient(uri)
    found = client.search_runs([client.get_experiment_by_name(name).experiment_id], max_results=1000)
    return client, [run for run in found if tag in run.data.tags]
