import torch

from ablation.training.executing.tally import Tally


def test_it_is_one_count_behind():
    tally = Tally(torch.device("cpu"))
    assert tally.before() == 0
    diverged_S = torch.tensor([-1, 4, -1, 0])
    tally.count(diverged_S)
    diverged_S[0] = 7
    assert tally.before() == 2, "as it was when it was asked"
    tally.count(diverged_S)
    assert tally.before() == 3
