"""MLflow's client, opened quietly, its refusals in one line each."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ablation import UserError


def connect(uri: str) -> Any:
    """Return an MLflow client, its telemetry off and its migration's log lines kept from the terminal."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # Imported here: it takes two seconds, and tracking=none does without.
    from mlflow import MlflowClient

    with refused(uri):
        return MlflowClient(uri)


@contextmanager
def refused(uri: str) -> Iterator[None]:
    """Turn what MLflow and its database raise into one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(f"tracking.uri={uri}: MLflow refuses it ({' '.join(str(error).split())[:300]})") from error


def find_experiment(client: Any, name: str) -> str:
    """Return the id of the experiment of that name, made if it is not there, restored if it was deleted."""
    found = client.get_experiment_by_name(name)
    if found is None:
        # The interface opens such an experiment on its training runs, not on the traces of language models.
        return str(client.create_experiment(name, tags={"mlflow.experimentKind": "custom_model_development"}))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)
