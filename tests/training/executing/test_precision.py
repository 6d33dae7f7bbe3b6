import threading

import pytest
import torch

from ablation.training.executing.precision import tf32


@pytest.fixture(autouse=True)
def before():
    asked = torch.backends.cuda.matmul.allow_tf32
    yield
    torch.backends.cuda.matmul.allow_tf32 = asked


def allowed() -> bool:
    return torch.backends.cuda.matmul.allow_tf32


@pytest.mark.parametrize("usual", [False, True])
def test_the_callers_own_setting_comes_back_with_the_last_of_several_threads(usual):
    torch.backends.cuda.matmul.allow_tf32 = usual
    first, second = tf32(not usual), tf32(not usual)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert allowed() is not usual, "the other still trains"
    second.__exit__(None, None, None)
    assert allowed() is usual


def test_who_asks_otherwise_waits():
    torch.backends.cuda.matmul.allow_tf32 = False
    seen, entered = [], threading.Event()

    def other():
        with tf32(True):
            seen.append(allowed())
            entered.set()

    with tf32(False):
        thread = threading.Thread(target=other)
        thread.start()
        assert not entered.wait(0.1)
        assert not allowed()
    thread.join(10)
    assert seen == [True]
    assert not allowed()


def test_it_comes_back_where_training_fails():
    torch.backends.cuda.matmul.allow_tf32 = False
    with pytest.raises(ValueError, match="failed"), tf32(True):
        raise ValueError("failed")
    assert not allowed()
