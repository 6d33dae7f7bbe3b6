"""Who may import whom: the rooms of ``src/ablation`` and the libraries that only one of them may know."""

import ast
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "src" / "ablation"
FILES = sorted(PACKAGE.rglob("*.py")) + sorted((ROOT / "pipelines").glob("*.py"))

ROOMS = {
    "choices": {"choices"},
    "training": {"choices", "training"},
    "datasets": {"datasets"},
    "records": {"records"},
    "studies": {"choices", "training", "datasets", "records", "studies"},
    "reporting": {"records", "reporting"},
    "pipelines": {"choices", "training", "datasets", "records", "studies", "reporting"},
}
"""Which rooms each room may import."""

ALONE = {
    "hydra": {f"studies/config/{name}.py" for name in ("__init__", "arrangement", "own", "refusals", "words")},
    "omegaconf": {"studies/config/__init__.py"},
    "mlflow": {
        f"studies/tracking/{name}.py"
        for name in ("__init__", "cell_runs", "client", "database", "look", "machine_load", "rows", "summary")
    },
    "seaborn": {"reporting/figures/theme.py"},
    "ray": {"studies/engines/ray.py"},
}
"""Libraries that only these files, and the pipelines, may import."""

BELOW = {"statistics", "theory", "analysis", "design", "naming", "options", "scoring", "wording", "worth"}
REPORTING = {
    "statistics": {"statistics", "design", "naming", "options"},
    "theory": {"theory", "statistics", "design"},
    "tables": {"tables", *BELOW},
    "figures": {"figures", *BELOW},
    "wording": {"wording", "statistics", "theory", "analysis", "design", "naming", "options"},
    "asking": {"asking", "figures", *BELOW},
    "findings": {"findings", *BELOW},
    "questions": {"questions", "asking", "figures", *BELOW},
    "explorer": {"explorer", "figures", *BELOW},
    "page": {"page", "explorer", "asking", "findings", "figures", "tables", "placing", *BELOW},
}
"""Which rooms and files of ``reporting`` each of its rooms may import: downward only."""


def imports(path: Path) -> set[str]:
    """Return the full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def room(path: Path) -> str:
    return "pipelines" if path.parent.name == "pipelines" else path.relative_to(PACKAGE).parts[0]


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE)) if path.is_relative_to(PACKAGE) else f"pipelines/{path.name}"


@pytest.mark.parametrize("path", [path for path in FILES if path.parent != PACKAGE], ids=name)
def test_a_file_imports_only_what_its_room_may(path):
    allowed = ROOMS[room(path)]
    for module in imports(path):
        parts = module.split(".")
        if parts[0] == "ablation" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
            assert parts[1] in allowed, f"{name(path)} imports {module}"
        for library, files in ALONE.items():
            if parts[0] == library:
                assert name(path) in files or room(path) == "pipelines", f"{name(path)} imports {module}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "reporting").glob("*/**/*.py")), ids=name)
def test_rooms_of_reporting_import_downward_only(path):
    allowed = REPORTING[path.relative_to(PACKAGE).parts[1]]
    ours = [module.split(".")[2] for module in imports(path) if module.startswith("ablation.reporting.")]
    assert set(ours) <= allowed, f"{name(path)} imports {sorted(set(ours) - allowed)}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "choices").rglob("*.py")), ids=name)
def test_choices_import_torch_and_the_standard_library_alone_and_never_each_other(path):
    assert foreign(path) <= {"torch", "ablation"}
    # A chapter may be a folder, whose files know each other.
    chapter = path.relative_to(PACKAGE).parts[1]
    for module in imports(path):
        assert not module.startswith("ablation.") or module.startswith(f"ablation.choices.{chapter}."), module


@pytest.mark.parametrize("path", sorted((PACKAGE / "training").rglob("*.py")), ids=name)
def test_training_imports_torch_and_numpy_alone_so_that_it_can_be_lifted(path):
    assert foreign(path) <= {"torch", "numpy", "ablation"}


@pytest.mark.parametrize(
    "path", [path for room in ("records", "reporting") for path in sorted((PACKAGE / room).rglob("*.py"))], ids=name
)
def test_reporting_and_what_it_reads_never_import_torch(path):
    assert "torch" not in foreign(path)


def foreign(path: Path) -> set[str]:
    """Return the top names that are not of the standard library."""
    return {module.split(".")[0] for module in imports(path)} - set(sys.stdlib_module_names)


def test_the_rooms_are_those_of_the_design():
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS) - {
        "pipelines"
    }
