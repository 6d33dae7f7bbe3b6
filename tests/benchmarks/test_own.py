"""What is timed: a whole training with its measurements, and training steps with none between them."""

import pytest
import torch
from own import digits, ours, quiet
from peers import Shape

from ablation.training import trainer


@pytest.fixture
def trainings(monkeypatch):
    """Every training that is timed: seconds that it is said to take, steps at which it was probed, and its cells."""
    seen = []
    train, clock = trainer.train, [0.0]

    def watched(cohort, data):
        outcomes = train(cohort, data)
        # 5 s before and after, 0.1 s a step
        clock[0] += 5.0 + 0.1 * int(outcomes[0].layer_steps[-1])
        seen.append((outcomes[0].layer_steps.tolist(), outcomes[0].curve_steps.tolist(), len(cohort)))
        return outcomes

    monkeypatch.setattr(trainer, "train", watched)
    monkeypatch.setattr("own.time.perf_counter", lambda: clock[0])
    return seen


def test_ours_counts_all_of_a_training_and_quiet_its_steps_alone(trainings):
    shape, data = Shape(2, 8, 64, 3, 1), digits(torch.device("cpu"))
    assert shape.steps(1079) == 16
    assert ours(shape, "relu", True, data) == pytest.approx(3 * 16 / 6.6)
    assert trainings == [([0, 1, 2, 4, 8, 16], [0, 16], 3)]
    assert quiet(shape, "relu", True, data) == pytest.approx(3 / 0.1)
    assert trainings[1:] == [([0, 2], [0, 2], 3), ([0, 16], [0, 16], 3)]


def test_a_trainer_that_measures_nevertheless_is_not_called_quiet(monkeypatch):
    schedule = trainer.probe_steps
    monkeypatch.setattr("own._ends", schedule)
    with pytest.raises(AssertionError, match="it was measured"):
        quiet(Shape(2, 8, 64, 1, 1), "relu", False, digits(torch.device("cpu")))
