"""Synthetic studies, written and analysed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.options import Options
from tests.reporting.synthetic import SMALL, Plant, plausible, write_study


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study of 128 cells in which everything happens."""
    return write_study(tmp_path_factory.mktemp("results") / "small", SMALL, plausible, name="small")


@pytest.fixture(scope="session")
def small_analysis(small: Path) -> Analysis:
    """That study, analysed with few resamples."""
    return analyse(read_results(small), Options())


@pytest.fixture
def analysed(tmp_path: Path) -> Callable[..., Analysis]:
    """Write a study with planted outcomes and analyse it."""

    def build(
        factors: Mapping[str, Sequence[Any]],
        plant: Plant,
        epochs: int = 6,
        planned: Callable[[Mapping[str, Any]], bool] = lambda _: True,
        equal_steps: bool = False,
        rates: Mapping[str, Sequence[float]] | None = None,
        variance: float | None = None,
        **options: Any,
    ) -> Analysis:
        folder = tmp_path / "results"
        more = {"equal_steps": equal_steps, "rates": rates, "variance": variance}
        write_study(folder, factors, plant, epochs, planned=planned, **more)
        return analyse(read_results(folder), Options(**options))

    return build
