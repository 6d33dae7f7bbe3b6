"""What all tests share: the command line composed in this process, and small specifications."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ablation.studies.config import compose_command_line
from ablation.studies.own.files import install
from ablation.studies.study import Study, check_study
from ablation.training.spec import Level, Spec

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def no_choices_of_ones_own():
    """Take back what a test has put in force."""
    yield
    install(())


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Compose the config as the command line with these overrides would."""

    def composed(*overrides: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["study.py", *overrides])
        config = compose_command_line()
        assert config is not None
        return config

    return composed


@pytest.fixture
def study(compose: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Study]:
    """Return a checked study of one small cell, but for the overrides, that lies under ``tmp_path``."""

    def checked(*overrides: str) -> Study:
        return check_study(
            compose(
                "study=single",
                "depth=2",
                "width=8",
                "training.epochs=2",
                "training.probe_size=32",
                "engine=serial",
                "tracking=none",
                *(f"paths.{name}={tmp_path / name}" for name in ("data", "results", "reports", "store")),
                *overrides,
            )
        )

    return checked


def make_spec(**changes: Any) -> Spec:
    """Return a small cell's specification, with these fields changed; a choice may be given as its kind alone."""
    levels = {
        "init": Level("he_normal", {}),
        "activation": Level("relu", {}),
        "normalization": Level("none", {}),
        "clipping": Level("none", {}),
        "optimizer": Level("sgd", {}),
        "schedule": Level("constant", {}),
        "loss": Level("cross_entropy", {}),
    }
    numbers = {"widths": (8, 8), "batch_size": 16, "lr": 0.1, "seed": 0, "epochs": 2, "probe_size": 32}
    changed = {name: Level(value, {}) if isinstance(value, str) else value for name, value in changes.items()}
    return Spec(**{**levels, **numbers, **changed})
