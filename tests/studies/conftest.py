"""MLflow's database as it is after each step of its making, of which one is enough for all tests."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import event


@pytest.fixture(scope="session")
def making(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return copies of the file as MLflow makes it in place: after every twentieth statement, and the finished one.

    Beside a copy lies the journal, where there was one: it is what a kill at that moment would have left.
    """
    from mlflow.store.db import utils

    folder = tmp_path_factory.mktemp("making")
    live = folder / "mlflow.db"
    copies: list[Path] = []
    statements = 0
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{live}")

    def copy() -> None:
        place = folder / str(len(copies))
        place.mkdir()
        for file in folder.glob("mlflow.db*"):
            shutil.copy(file, place)
        copies.append(place / "mlflow.db")

    @event.listens_for(engine, "after_cursor_execute")
    def count(connection: object, cursor: object, statement: str, *rest: object) -> None:
        nonlocal statements
        if not statement.lstrip().upper().startswith(("PRAGMA", "SELECT")):
            statements += 1
            if statements % 20 == 1:
                copy()

    utils._initialize_tables(engine)
    engine.dispose()
    copy()
    return copies


@pytest.fixture(scope="session")
def finished_database(making: list[Path]) -> Path:
    """Return a file that is MLflow's database, with nothing in it."""
    return making[-1]
