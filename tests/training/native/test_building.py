"""What is compiled, where it is kept, and what is told where it cannot be."""

import functools

import pytest

from ablation.training.native import building
from tests.compiler import needs_native

pytestmark = needs_native

ANSWER = 'extern "C" int answer() { return 42; }'


def compiles_anew(monkeypatch):
    """As another process would, which remembers nothing."""
    monkeypatch.setattr(building, "_library", functools.cache(building._library.__wrapped__))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a folder with spaces"))
    compiles_anew(monkeypatch)


def test_what_was_compiled_is_kept_and_made_anew_for_another_text(monkeypatch):
    text = 'extern "C" int answer() { return 41 + %d; }'
    assert building.library(text % 1).answer() == 42
    assert building.library(text % 2).answer() == 43
    kept = [*building.folder().glob("*.so")]
    assert len(kept) == 2
    assert {*building.folder().iterdir()} == {*kept}
    times = {path: path.stat().st_mtime_ns for path in kept}
    compiles_anew(monkeypatch)
    assert building.library(text % 1).answer() == 42
    assert {path: path.stat().st_mtime_ns for path in kept} == times


@pytest.mark.parametrize(
    "damage", [lambda whole: b"", lambda whole: whole[: len(whole) // 2], lambda whole: b"no library"]
)
def test_what_was_damaged_is_made_anew(damage, monkeypatch):
    """As power that fails leaves it; half of a library would end the process."""
    building.library(ANSWER)
    (kept,) = building.folder().glob("*.so")
    whole = kept.read_bytes()
    kept.unlink()  # it is in use
    kept.write_bytes(damage(whole))
    compiles_anew(monkeypatch)
    assert building.library(ANSWER).answer() == 42
    assert [*building.folder().iterdir()] == [kept]


def test_what_does_not_compile_is_told_once_and_leaves_nothing(monkeypatch):
    asked = []
    run = building._run
    monkeypatch.setattr(building, "_run", lambda *command: (asked.append(command), run(*command))[1])
    for _ in range(2):
        with pytest.raises(building.CannotBuildError, match=r"cannot be compiled by .*: text.cpp:1:1: error: "):
            building.library("this is no C++")
    assert not [*building.folder().iterdir()]
    assert len([command for command in asked if "-shared" in command[0]]) == 1


def test_what_cannot_be_loaded_is_told(monkeypatch):
    with pytest.raises(building.CannotBuildError, match="no_such_function"):
        building.library('extern "C" int no_such_function(); extern "C" int answer() { return no_such_function(); }')


def test_a_disk_that_is_full_is_told(monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building.tempfile, "TemporaryDirectory", full)
    with pytest.raises(building.CannotBuildError, match="No space left on device"):
        building.library(ANSWER)


@pytest.mark.parametrize(
    "program",
    ["", "no program at all", "#!/no/such/interpreter\n", "#!/bin/sh\nexit 1\n", "#!/bin/sh\nprintf '\\377'; exit 1\n"],
)
def test_a_compiler_that_is_none_is_passed_over(program, tmp_path, monkeypatch):
    path = tmp_path / "compiler"
    path.write_text(program)
    path.chmod(0o700)
    monkeypatch.setenv("CXX", str(path))
    assert building.compiler.__wrapped__() not in (None, str(path))


def test_a_folder_among_temporary_files_within_anothers_is_not_taken(tmp_path, monkeypatch):
    theirs = tmp_path / f"ablation-{building.os.getuid()}"
    theirs.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null")
    monkeypatch.setattr(building.tempfile, "gettempdir", lambda: str(tmp_path))
    assert building.folder() == theirs / "ablation" / "native"
    stat = building.Path.stat

    def of_another(path, **how):
        found = stat(path, **how)
        return building.os.stat_result([*found[:4], found.st_uid + 1, *found[5:]]) if path == theirs else found

    monkeypatch.setattr(building.Path, "stat", of_another)
    with pytest.raises(building.CannotBuildError, match="can be written to"):
        building.folder()
