"""The pipeline file sees all that its stages read: code, config, locked versions and data."""

from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT
from tests.test_layers import imports

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"]
SOURCE = ROOT / "src"

DECIDES_NOTHING = {"conf/engine", "conf/tracking"}
"""Where and how a study runs; the bytes of what it leaves are the same."""


def file_of(module: str) -> Path | None:
    """Return the file of one of our modules, of the longest part of the name that is one."""
    parts = module.split(".")
    for end in range(len(parts), 0, -1):
        path = SOURCE.joinpath(*parts[:end])
        for found in (path.with_suffix(".py"), path / "__init__.py"):
            if found.is_file():
                return found
    return None


def reached(script: Path) -> set[Path]:
    """Return every file of ours that a script imports, however far away and however late."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        for module in imports(waiting.pop()):
            path = file_of(module)
            while path is not None and path not in found:
                found.add(path)
                waiting.append(path)
                # A package's own file runs before its modules.
                above = (
                    path.parent / "__init__.py" if path.name != "__init__.py" else path.parent.parent / "__init__.py"
                )
                path = above if above.is_file() and above.is_relative_to(SOURCE / "ablation") else None
    return found


def dependencies(stage: str) -> list[Path]:
    (matrix,) = STAGES[stage]["matrix"].items()
    return [ROOT / path.replace(f"${{item.{matrix[0]}}}", matrix[1][0]) for path in STAGES[stage]["deps"]]


@pytest.mark.parametrize("stage", STAGES)
def test_every_file_that_a_stage_imports_is_a_dependency(stage):
    known = dependencies(stage)
    unseen = [path for path in reached(ROOT / "pipelines" / f"{stage}.py") if not {path, *path.parents} & set(known)]
    assert not unseen, f"dvc.yaml, {stage}: {sorted(path.relative_to(ROOT).as_posix() for path in unseen)}"


@pytest.mark.parametrize("stage", STAGES)
def test_the_locked_versions_and_the_config_are_dependencies(stage):
    known = set(dependencies(stage))
    assert {ROOT / "requirements.lock", ROOT / "pipelines" / f"{stage}.py", ROOT / "conf" / "config.yaml"} <= known
    if stage == "study":
        groups = {path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name not in ("study", "report")}
        assert groups - {ROOT / path for path in DECIDES_NOTHING} <= known
