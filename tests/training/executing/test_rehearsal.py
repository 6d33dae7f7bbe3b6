import pytest
import torch

from ablation.training.executing.rehearsal import Rehearsal

NUMBERS = torch.tensor([1.0, -2.0, 3.0])

REPEATABLE = {
    "arithmetic": lambda: (NUMBERS * 2.0).clamp_(-1.0, 1.0).sum(),
    "where": lambda: torch.where(NUMBERS > 0.0, NUMBERS, 0.0),
    "rows by number": lambda: NUMBERS[torch.tensor([0, 2])],
    "largest": lambda: NUMBERS.topk(2).values,
    "product": lambda: torch.bmm(NUMBERS.view(1, 1, 3), NUMBERS.view(1, 3, 1)),
    "filled by a Python number": lambda: NUMBERS.clone().masked_fill_(NUMBERS > 0.0, 4.0),
}

LOOKING = {
    "a number": lambda: float(NUMBERS.sum()),
    "a truth": lambda: bool((NUMBERS > 0.0).any()),
    "equality": lambda: torch.equal(NUMBERS, NUMBERS),
    "where it is": lambda: (NUMBERS > 0.0).nonzero(),
    "a mask": lambda: NUMBERS[NUMBERS > 0.0],
    "what a mask has": lambda: NUMBERS.clone().__setitem__(NUMBERS > 0.0, 1.0),
    "which there are": lambda: torch.unique(NUMBERS),
    "filled by a tensor": lambda: NUMBERS.clone().masked_fill_(NUMBERS > 0.0, torch.tensor(4.0)),
    "brought elsewhere": lambda: torch.empty(3, device="meta").copy_(NUMBERS),
}


@pytest.mark.parametrize("name", REPEATABLE)
def test_what_a_graph_can_repeat_is_not_found(name):
    with torch.inference_mode(), Rehearsal() as rehearsal:
        REPEATABLE[name]()
    assert rehearsal.found is None


@pytest.mark.parametrize("name", LOOKING)
def test_what_it_cannot_is_found_and_done_all_the_same(name):
    expected = LOOKING[name]()
    with torch.inference_mode(), Rehearsal() as rehearsal:
        result = LOOKING[name]()
    assert str(result) == str(expected)
    assert rehearsal.found is not None
    assert rehearsal.found.startswith("<lambda> (test_rehearsal.py, line ")


def test_the_first_is_told():
    def first():
        return float(NUMBERS[0])

    with torch.inference_mode(), Rehearsal() as rehearsal:
        first()
        torch.equal(NUMBERS, NUMBERS)
    assert rehearsal.found is not None
    assert rehearsal.found.startswith("first (")
