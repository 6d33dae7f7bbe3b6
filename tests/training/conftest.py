"""One thread and ordinary arithmetic, for tests that compare bits."""

# Before any product: it settles the product's kernels.
import ablation.training  # noqa: F401  # isort: skip

import pytest
import torch

from ablation.training.compiled import graphs


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def denormal_numbers():
    """A training flushes denormal numbers from then on, which other tests do not expect."""
    yield
    torch.set_flush_denormal(False)


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """No graph made before, in this process or on disk."""
    monkeypatch.setattr(graphs, "_MADE", {})
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    return tmp_path
