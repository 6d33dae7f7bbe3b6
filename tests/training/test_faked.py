"""What a GPU would be given: no choice brings a number there or back within a part, or does a thing on two devices."""

import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from tests.training.faked import go_through
from tests.training.reference import NORMALIZED, blobs, clipping, level, slopes, spec
from tests.training.test_captured import WIDE, WORK, looking
from tests.training.test_trainer import mixed_cohort

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="test_cuda.py has the real thing")

RULES = [kind for kind in CLIPPINGS if kind != "none"]
EACH = {
    **{kind: WORK[kind] for kind in ("plain", "residual", "noise", "schedules", "decay")},
    **{f"wide, {name}": cells for name, cells in WIDE.items()},
    **{kind: [spec(activation=kind, optimizer="sgd")] for kind in ACTIVATIONS},
    **{kind: [spec(optimizer=kind, normalization=NORMALIZED["after_and_input"])] for kind in OPTIMIZERS},
    **{f"{rule}, muon": [spec(clipping=clipping(rule, 0.3), optimizer="muon")] for rule in RULES},
    **{f"{rule}, each its own, muon": mixed_cohort(4, "before", rule, optimizer="muon") for rule in RULES},
    "softmax": [spec(loss=level("mse", softmax=True))],
}


@pytest.mark.parametrize("name", EACH)
def test_a_graph_could_repeat_every_part(name):
    assert go_through(EACH[name], blobs()) is None


@pytest.mark.parametrize("rule", RULES)
def test_also_in_cohorts_of_one_rule(rule):
    assert go_through([spec(clipping=clipping(rule, 0.3), seed=seed) for seed in range(2)], blobs(), wide=False) is None


def test_also_of_a_regression():
    assert go_through([spec(loss="mse")], slopes()) is None


def test_a_look_at_a_number_would_be_found(monkeypatch):
    monkeypatch.setitem(CLIPPINGS, "own", looking)
    with pytest.raises(RuntimeError):
        go_through([spec(clipping=level("own", threshold=0.01))], blobs())


def test_a_number_that_would_be_brought_there_would_be_found(monkeypatch):
    def bringing(gradient, *, threshold: float = 1.0):
        gradient.blocks[0].clamp_(max=torch.tensor(threshold, device=gradient.blocks[0].device))
        return CLIPPINGS["none"](gradient)

    monkeypatch.setitem(CLIPPINGS, "own", bringing)
    found = go_through([spec(clipping=level("own", threshold=0.01))], blobs())
    assert found is not None
    assert found.startswith("bringing (test_faked.py")
