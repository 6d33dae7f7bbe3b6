"""The kernel that trains whole cells, by Triton's interpreter: it ends where the trainer does."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec

import pytest

from tests.conftest import ROOT


@pytest.mark.skipif(find_spec("triton") is None, reason="no Triton here")
def test_whole_cells_in_one_kernel_end_where_the_trainer_does():
    ended = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "cellkernel.py")],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path])},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    away, bits = re.search(
        r"after an epoch (\S+) of the way off the trainer's; one alone has (.*)", ended.stdout
    ).groups()
    assert float(away) < 1e-5  # one unit on the other side of its kink would be 1e-3 of it
    assert bits == "the same bits"
