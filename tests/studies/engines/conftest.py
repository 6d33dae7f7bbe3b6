"""What tests of engines share: prepared data, and where they are."""

from collections.abc import Callable

import pytest

from ablation.datasets.prepared import prepare
from ablation.studies.engines.work import Supply
from ablation.studies.study import Study


@pytest.fixture
def source(study: Callable[..., Study]) -> Supply:
    """Return where the digits lie, prepared for this test."""
    folder = study().data_folder
    prepare("digits", study().data["digits"], folder)
    return Supply(folder, study().data, "cpu")
