"""Whoever runs it: no home, one that cannot be written to, a user whom the system does not know."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.studies.command_line import SMALL, run_in

UNKNOWN = 54321
CAPABILITIES = "+dac_override,+dac_read_search"
SETPRIV = [
    "setpriv",
    f"--reuid={UNKNOWN}",
    f"--regid={UNKNOWN}",
    "--clear-groups",
    # It may read what the tests themselves are run from, which can lie in a home of root's.
    f"--inh-caps={CAPABILITIES}",
    f"--ambient-caps={CAPABILITIES}",
]

HOMELESS = {"HOME": None, "USER": None, "LOGNAME": None, "USERNAME": None}
NO_CACHES = {"XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None, "MPLCONFIGDIR": None}


def study_by(folder: Path, by: Sequence[str], variables: Mapping[str, str | None]) -> None:
    done = run_in(folder, "study", *SMALL, "activation=[relu,tanh]", by=by, **NO_CACHES, **variables)
    assert done.returncode == 0, done.stderr
    assert "2 trained now" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "mlflow.db").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("home", ["/nonexistent/home", "/proc"])
def test_a_study_runs_where_the_home_is_not_there_or_cannot_be_written_to(tmp_path, home):
    study_by(tmp_path, [], {"HOME": home})


@pytest.fixture
def of_nobody() -> Iterator[Path]:
    """Return a folder of a user's whom the system does not know, and who cannot see that of the tests."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can be somebody else, by setpriv")
    with TemporaryDirectory() as name:
        os.chown(name, UNKNOWN, UNKNOWN)
        yield Path(name)


@pytest.mark.slow
def test_an_unknown_user_without_a_home_gets_a_study_and_its_report(of_nobody):
    study_by(of_nobody, SETPRIV, HOMELESS)
    done = run_in(of_nobody, "report", *SMALL[:2], by=SETPRIV, **NO_CACHES, **HOMELESS)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert (of_nobody / "reports" / "small" / "index.html").is_file()
