"""Every study has its stages, and the pipeline files see all that they read: code, config, locked versions, data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.test_layers import imports

FILES = ("dvc.yaml", "pipelines/dvc.yaml")
"""What plain `dvc repro` runs, and what it leaves out."""

SOURCE = ROOT / "src"

NO_STAGE = {"single", "smoke"}
"""Presets that are there to be changed, and to be tried in seconds."""

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


def stages(file: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield of each stage its name, what it is of, and its definition with that filled in."""
    for name, stage in yaml.safe_load((ROOT / file).read_text("utf-8"))["stages"].items():
        if "matrix" in stage:
            ((variable, items),) = stage["matrix"].items()
            values = {item: {f"item.{variable}": item} for item in items}
            body = {key: value for key, value in stage.items() if key != "matrix"}
        else:
            body = stage["do"]
            values = {
                key: {
                    "key": key,
                    **({f"item.{k}": v for k, v in item.items()} if type(item) is dict else {"item": item}),
                }
                for key, item in stage["foreach"].items()
            }
        for item, known in values.items():
            text = yaml.safe_dump(body)
            for variable, value in known.items():
                text = text.replace(f"${{{variable}}}", value)
            yield name, item, yaml.safe_load(text)


def outs(stage: dict[str, Any]) -> list[str]:
    """Return what a stage makes."""
    made = [*stage.get("outs", []), *stage.get("metrics", [])]
    return [next(iter(out)) if isinstance(out, dict) else out for out in made]


def read(stage: dict[str, Any]) -> set[Path]:
    """Return what a stage depends on: files and folders, and the YAML files that are its parameters, whole."""
    params = stage.get("params", [])
    assert all(list(each.values()) == [None] for each in params), "a part of a file would leave changes unseen"
    return {ROOT / path for path in [*stage["deps"], *(next(iter(each)) for each in params)]}


ALL = [pytest.param(*each, id=f"{file}:{each[0]}@{each[1]}") for file in FILES for each in stages(file)]
every_stage = pytest.mark.parametrize(("name", "item", "stage"), ALL)


@every_stage
def test_every_file_that_a_stage_imports_is_a_dependency(name, item, stage):
    known = {ROOT / path for path in stage["deps"]}
    unseen = [path for path in reached(ROOT / "pipelines" / f"{name}.py") if not {path, *path.parents} & known]
    assert not unseen, f"{name}@{item}: {sorted(path.relative_to(ROOT).as_posix() for path in unseen)}"


@every_stage
def test_the_locked_versions_and_the_config_are_dependencies(name, item, stage):
    known = read(stage)
    assert {ROOT / "requirements.lock", ROOT / "pipelines" / f"{name}.py", ROOT / "conf" / "config.yaml"} <= known
    if name == "study":
        groups = {path for path in (ROOT / "conf").iterdir() if path.is_dir() and path.name not in ("study", "report")}
        assert groups - {ROOT / path for path in DECIDES_NOTHING} <= known
    if name == "report":
        assert set((ROOT / "conf" / "report").iterdir()) <= known
    if name == "prepare":
        assert {ROOT / "conf" / "data", ROOT / "conf" / "data" / f"{item}.yaml"} & known
    else:
        presets = {ROOT / "conf" / "study" / f"{each}.yaml" for each in built_on(item)}
        assert ROOT / "conf" / "study" in known or presets <= known


@every_stage
def test_a_studys_preset_is_its_parameters_and_a_reports_options_are_too(name, item, stage):
    params = {next(iter(each)) for each in stage.get("params", [])}
    preset, options = f"conf/study/{item}.yaml", "conf/report/default.yaml"
    data = {f"conf/data/{item}.yaml"} & {str(path.relative_to(ROOT)) for path in (ROOT / "conf" / "data").iterdir()}
    kinds = {"study": {preset}, "report": {preset, options}}
    assert params == kinds.get(name, data if stage.get("wdir") is None else set())


def test_a_preset_that_dvc_has_changed_is_the_same_to_hydra(tmp_path):
    from dvc.utils.hydra import apply_overrides

    written = (ROOT / "conf" / "study" / "core.yaml").read_text("utf-8")
    preset = tmp_path / "core.yaml"
    preset.write_text(written)
    apply_overrides(preset, ["training.epochs=5", "depth=[2,50]"])
    before, after = yaml.safe_load(written), yaml.safe_load(preset.read_text("utf-8"))
    assert after == {**before, "training": {"epochs": 5}, "depth": [2, 50]}
    told = preset.read_text("utf-8")
    assert told.startswith("# @package _global_\n"), "without which Hydra would read a study.depth"
    assert "# an epoch has 16 steps here" in told


def built_on(study: str) -> set[str]:
    """Return a preset and those that it builds on."""
    content = yaml.safe_load((ROOT / "conf" / "study" / f"{study}.yaml").read_text("utf-8"))
    names = [each for each in content.get("defaults", []) if isinstance(each, str) and each != "_self_"]
    return {study}.union(*map(built_on, names))


def test_every_study_is_one_that_dvc_runs():
    presets = {path.stem for path in (ROOT / "conf" / "study").glob("*.yaml")} - NO_STAGE
    here, elsewhere = ({item for name, item, _ in stages(file) if name == "study"} for file in FILES)
    assert here == {"core"}, "plain `dvc repro` runs core alone"
    assert elsewhere == presets - here
    for file in FILES:
        assert [item for name, item, _ in stages(file) if name == "report"] == [
            item for name, item, _ in stages(file) if name == "study"
        ]


def test_a_study_depends_on_all_of_its_data_and_these_are_prepared(compose):
    made = {out for file in FILES for name, _, stage in stages(file) if name == "prepare" for out in outs(stage)}
    for file in FILES:
        for name, item, stage in stages(file):
            if name == "study":
                data = {
                    f"data/{label}.{end}"
                    for label in compose(f"study={item}")["data"]
                    for end in ("safetensors", "json")
                }
                assert {path for path in stage["deps"] if path.startswith("data/")} == data
                assert data <= made


def test_every_dependency_exists_or_is_made():
    made = {out for file in FILES for _, _, stage in stages(file) for out in outs(stage)}
    for file in FILES:
        for _, _, stage in stages(file):
            assert not [path for path in stage["deps"] if path not in made and not (ROOT / path).exists()]


def test_stages_run_in_the_projects_folder_on_what_the_command_says(compose):
    commands = {"prepare": "python pipelines/prepare.py", "study": "python pipelines/study.py study={}"}
    commands["report"] = "python pipelines/report.py study={}"
    for file in FILES:
        for name, item, stage in stages(file):
            assert stage.get("wdir") == (None if file == "dvc.yaml" else "..")
            assert stage["cmd"].startswith(commands[name].format(item))
            if name == "prepare":
                assert list(compose(*stage["cmd"].split()[2:])["data"]) == [item]


def test_all_studies_make_the_same_files():
    for kind in ("study", "report"):
        made = {
            item: [out.replace(f"/{item}/", "/") for out in outs(stage)]
            for file in FILES
            for name, item, stage in stages(file)
            if name == kind
        }
        assert len({tuple(each) for each in made.values()}) == 1


def test_only_reports_of_studies_that_plain_repro_runs_are_kept_with_the_code():
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    for file in FILES:
        for name, item, stage in stages(file):
            if name == "report":
                assert (f"/reports/{item}/" in ignored) == (file != "dvc.yaml")
                uncached = {next(iter(out)) for out in [*stage["outs"], *stage["metrics"]] if "cache" in str(out)}
                assert bool(uncached) == (file == "dvc.yaml")
