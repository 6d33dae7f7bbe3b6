"""What the page holds, unpacked by other code, is what pandas makes of the Parquet files."""

import itertools
import re

import numpy as np
import pytest

from ablation.reporting.explorer import explorer as room
from ablation.reporting.explorer.explorer import explorer
from tests.reporting.explorer.independent import LAST, LEVELS, chosen, curve, interval, layers, unpack
from tests.reporting.synthetic import Outcome


def data(analysis):
    return unpack(re.search(r'id="explorer-data">([^<]*)<', explorer(analysis).section).group(1))


@pytest.fixture(scope="module")
def held(varied_analysis):
    return data(varied_analysis)


def row(held, *levels):
    header, fields = held
    return int(fields["row"][header["picks"].index(list(levels))])


LINES = [
    pytest.param(place, line, id="-".join(map(str, line)))
    for place, line in zip(
        itertools.product((1, 2), (1, 2), (0, 1, 2)),
        itertools.product(LEVELS["activation"], LEVELS["depth"], (None, *LEVELS["lr"])),
        strict=True,
    )
]


@pytest.mark.parametrize(("place", "line"), LINES)
def test_curves_and_ends_are_those_of_the_files(place, line, held, varied_folder):
    header, fields = held
    at, cells = row(held, *place), chosen(varied_folder, *line)
    assert fields["cells"][at] == 4
    assert fields["diverged"][at] == (cells["status"] == "diverged").sum()
    assert header["times"] == list(range(7))
    for name, column, least, most in (("score", "val_accuracy", 0, 1), ("loss", "val_loss", 0, np.inf)):
        mean, half = fields[name][at], fields[f"{name}_half"][at]
        found = np.array([mean, np.maximum(mean - half, least), np.minimum(mean + half, most)])
        np.testing.assert_allclose(found, curve(varied_folder, cells, column), atol=2e-4)
    best = cells["best_val_accuracy"].where(cells["status"] == "finished", 0.1)
    test = cells["test_accuracy"].where(cells["status"] == "finished", 0.1)
    for name, values in (("best", best), ("tested", test)):
        mean, _, high = interval(values.to_frame().T, 0, 9)[:, 0]
        np.testing.assert_allclose([fields[name][at], fields[f"{name}_half"][at]], [mean, high - mean], atol=2e-4)


@pytest.mark.parametrize(("place", "line"), LINES)
@pytest.mark.parametrize("step", [0, 8, 32, LAST])
def test_layers_are_those_of_the_files(step, place, line, held, varied_folder):
    header, fields = held
    at, cells, probe = row(held, *place), chosen(varied_folder, *line), header["steps"].index(step)
    norms = np.log10(layers(varied_folder, cells, "delta_norm", step))
    assert fields["shown"][at, probe] == norms.iloc[0].notna().sum()
    depth = line[1]
    middle = np.array([sorted(own.dropna())[(own.notna().sum() - 1) // 2] for _, own in norms.iterrows()])
    found = {name: fields[name][at, :, probe] for name in ("delta", "delta_below", "delta_above")}
    np.testing.assert_allclose(found["delta"][:depth], middle, atol=0.011)
    np.testing.assert_allclose(found["delta_below"][:depth], middle - norms.min(axis=1), atol=0.051)
    np.testing.assert_allclose(found["delta_above"][:depth], norms.max(axis=1) - middle, atol=0.051)
    for kind in ("dead", "saturated"):
        shares = layers(varied_folder, cells, f"{kind}_fraction", step)
        mean, half = (fields[name][at, :, probe] for name in (kind, f"{kind}_half"))
        ends = np.array([mean, np.maximum(mean - half, 0), np.minimum(mean + half, 1)])[:, :depth]
        np.testing.assert_allclose(ends, interval(shares, 0, 1), atol=0.006)
    assert np.isnan([own[depth:] for own in found.values()]).all()


def test_a_tuned_line_tells_at_which_settings_its_cells_are(held, varied_folder):
    header, _ = held
    rates = chosen(varied_folder, "relu", 2, None)["lr"].value_counts()
    own = header["settings"][header["picks"].index([2, 1, 0])]
    assert {LEVELS["lr"][level - 1]: count for level, count in own} == rates.to_dict()
    assert header["settings"][header["picks"].index([2, 1, 1])] == []


def test_lines_with_the_same_numbers_are_held_once(analysed):
    header, fields = data(analysed({"clipping": ["none", "value"], "activation": ["relu"]}, lambda _: Outcome()))
    assert len(header["picks"]) == 2
    assert fields["row"].tolist() == [0, 0]
    assert len(fields["score"]) == 1


def test_a_cell_of_larger_batches_keeps_what_was_measured_until_it_is_probed_again(analysed):
    header, fields = data(analysed({"batch_size": [32, 128], "seed": [0, 1]}, lambda _: Outcome()))
    assert header["epoch"] == 8
    assert np.isfinite(fields["delta"][fields["row"].astype(int)]).all()


def test_the_same_study_gives_the_same_text(varied_analysis):
    assert explorer(varied_analysis) == explorer(varied_analysis)


def test_what_is_too_large_loses_probes_and_then_the_rates_and_says_so(varied_analysis, monkeypatch):
    kept = []
    while True:
        section = explorer(varied_analysis).section
        text = re.search(r'id="explorer-data">([^<]*)<', section)
        if text is None:
            break
        header, _ = unpack(text.group(1))
        assert [header["steps"][0], header["steps"][-1]] == [0, LAST]
        kept.append((len(header["steps"]), len(header["picks"])))
        assert (f"the layers at {10 - kept[-1][0]} of 10 probed steps" in section) is (kept[-1][0] < 10)
        assert ("without lines at a given lr" in section) is (kept[-1][1] < 12)
        monkeypatch.setattr(room, "MOST", len(text.group(1)) - 1)
    assert "too large to be explored" in section
    assert explorer(varied_analysis).script == ""
    assert kept[:2] == [(10, 12), (6, 12)]
    assert kept[-1] == (2, 4)


@pytest.mark.parametrize("epochs", [0, 3])
def test_a_study_of_one_cell_or_without_training_has_an_explorer(epochs, analysed):
    header, fields = data(analysed({}, lambda _: Outcome(), epochs=epochs))
    assert header["picks"] == [[1]]
    assert fields["cells"] == [1]
    assert np.isnan(fields["score_half"]).all()


def test_a_study_of_which_every_cell_diverged_at_once_has_one_too(analysed):
    header, fields = data(analysed({"activation": ["relu", "tanh"]}, lambda _: Outcome(diverges=0)))
    assert len(header["picks"]) == 2
    np.testing.assert_allclose(fields["score"], 0.1)
