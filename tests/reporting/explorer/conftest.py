"""A study in which every seed ends elsewhere, and its explorer."""

from pathlib import Path

import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.options import Options
from tests.reporting.explorer.independent import write_varied


@pytest.fixture(scope="session")
def varied_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_varied(tmp_path_factory.mktemp("varied") / "results")


@pytest.fixture(scope="session")
def varied_analysis(varied_folder: Path) -> Analysis:
    return analyse(read_results(varied_folder), Options())
