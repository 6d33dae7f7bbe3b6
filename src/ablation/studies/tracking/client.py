"""MLflow's client, opened quietly, its refusals in one line each."""

import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ablation import UserError
from ablation.studies.addresses import absolute, local_file, shown
from ablation.studies.tracking.database import make_ready
from ablation.studies.tracking.faults import is_full, reason
from ablation.studies.tracking.home import settle

QUIETED = {
    "alembic": logging.WARNING,
    "mlflow.utils.databricks_utils": logging.ERROR,
    "urllib3.connectionpool": logging.ERROR,
    # What it logs, with a traceback, it also raises.
    "mlflow.store.db.utils": logging.CRITICAL,
}
"""Loggers whose lines are kept from the terminal below these levels: what goes wrong is told in one line."""

PATIENCE = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "60", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3"}
"""How long to wait for a server that has answered before; by itself MLflow would wait for a quarter of an hour."""


class NoRoom(UserError):
    """MLflow could not be written to because of the disk, not because of what was asked for."""


def connect(uri: str) -> Any:
    """Return an MLflow client, its telemetry off; a database file is made ready first.

    Raises:
        UserError: MLflow refuses the URI or the database, or a server does not answer.
    """
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    for name, level in QUIETED.items():
        logging.getLogger(name).setLevel(level)
    try:
        Path.home()
    except RuntimeError:  # a user whom the system does not know; MLflow asks for a home as it is imported
        os.environ["HOME"] = tempfile.gettempdir()
    with refused(uri):
        # Imported here: it takes two seconds, and tracking=none does without.
        from mlflow import MlflowClient

        file = local_file(uri)
        if file is not None:
            make_ready(file)
            settle(file)
        else:
            _knock(uri)
        return MlflowClient(absolute(uri))


def _knock(uri: str) -> None:
    """Try a server once: MLflow itself would try again and again for minutes, with a line each time."""
    from mlflow.store.db.utils import create_sqlalchemy_engine
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    if uri.startswith(("http:", "https:")):
        http_request(get_default_host_creds(uri), "/health", "GET", max_retries=0, timeout=10, raise_on_status=False)  # type: ignore[no-untyped-call]
    elif uri.startswith(("sqlite", "postgresql", "mysql", "mssql")):
        engine = create_sqlalchemy_engine(uri)  # type: ignore[no-untyped-call]
        engine.connect().close()
        engine.dispose()


@contextmanager
def refused(uri: str) -> Iterator[None]:
    """Turn what MLflow and its database raise into one line."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if is_full(error):
            raise NoRoom(
                f"tracking.uri={shown(uri)}: MLflow cannot write there ({reason(error)}); make room for it"
            ) from error
        raise UserError(f"tracking.uri={shown(uri)}: MLflow refuses it ({reason(error)})") from error


def find_experiment(client: Any, name: str) -> str:
    """Return the id of the experiment of that name, made if it is not there, restored if it was deleted."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            # The interface opens such an experiment on its training runs, not on the traces of language models.
            return str(client.create_experiment(name, tags={"mlflow.experimentKind": "custom_model_development"}))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
            # Another study of that name has begun in the same moment.
            found = client.get_experiment_by_name(name)
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)
