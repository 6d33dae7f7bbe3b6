"""The weights of a cell, read back from its artifact, give the outputs that the cell was scored by."""

import pytest
import torch
from safetensors.torch import load_file

from ablation import UserError
from ablation.datasets.prepared import load
from ablation.records.files import read_results
from ablation.studies.run import run_study
from tests.studies.tracking.runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LEVELS = ("tracking.weights=true", "depth=3", "lr=0.3", "seed=[0,1]")


def weights_of(client, run, folder):
    assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["weights.safetensors"]
    return load_file(client.download_artifacts(run.info.run_id, "weights.safetensors", folder))


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_cells_weights_score_as_it_did(tracked, tmp_path, engine):
    checked, _, uri = tracked
    small = checked(*LEVELS, f"engine={engine}")
    run_study(small)
    arrays, card = load("digits", {}, small.data_folder, 0)
    x = torch.from_numpy(arrays["test_x"]).float().sub(card["mean"]).div(card["std"])
    cells = read_results(small.results_folder).cells.set_index("key")
    client, runs = runs_of(uri, "single")
    assert len(runs) == 2
    for run in runs:
        tensors = weights_of(client, run, tmp_path)
        assert sum(tensor.numel() for tensor in tensors.values()) == cells.loc[run.data.tags["cell_key"], "parameters"]
        out = x
        for place in range(4):
            out = out @ tensors[f"linear.{place}.weight"] + tensors[f"linear.{place}.bias"]
            out = out.relu() if place < 3 else out
        right = (out.argmax(dim=1).numpy() == arrays["test_y"]).mean()
        assert right == pytest.approx(cells.loc[run.data.tags["cell_key"], "test_accuracy"], abs=1e-6)


def test_normalization_has_its_gamma_and_beta(tracked, tmp_path):
    checked, _, uri = tracked
    run_study(checked("tracking.weights=true", "normalization=batch"))
    client, (run,) = runs_of(uri, "single")
    tensors = weights_of(client, run, tmp_path)
    assert {name for name in tensors if name.startswith("scale.0")} == {"scale.0.gamma", "scale.0.beta"}
    assert not torch.equal(tensors["scale.0.gamma"], torch.ones_like(tensors["scale.0.gamma"]))


def test_who_is_known_by_another_has_its_weights(tracked, tmp_path):
    checked, _, uri = tracked
    run_study(checked("tracking.weights=true", "clipping=[none,value]", "clipping.value.threshold=5.0"))
    client, runs = runs_of(uri, "single")
    first, second = (weights_of(client, run, tmp_path / run.info.run_id) for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_was_trained_before_has_none_until_a_new_store_has_it_trained(tracked, tmp_path, capfd):
    checked, _, uri = tracked
    before = run_study(checked("seed=[0,1]"))
    after = run_study(checked("tracking.weights=true", "seed=[0,1,2]"))
    assert (before.trained, after.trained) == (2, 1), "the key does not hang on it"
    assert "tracking.weights=true: 2 of 3 cells were not trained now" in capfd.readouterr().err
    run_study(checked("tracking.weights=true", "seed=[0,1,2]", f"paths.store={tmp_path / 'new'}"))
    client, runs = runs_of(uri, "single")
    assert len(runs) == 3
    assert all(client.list_artifacts(run.info.run_id) for run in runs)


def test_without_the_wish_there_are_none(tracked):
    checked, _, uri = tracked
    run_study(checked())
    client, (run,) = runs_of(uri, "single")
    assert client.list_artifacts(run.info.run_id) == []


def test_the_wish_is_yes_or_no(tracked):
    checked, _, _ = tracked
    with pytest.raises(UserError, match=r"tracking.weights=maybe"):
        checked("tracking.weights=maybe")
