"""Real networks before training, against theory: right ones agree, wrong formulas do not, and the odd cases say why."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.options import Options
from ablation.reporting.theory import agreement, mean_field, propagation, slopes
from ablation.reporting.theory.agreement import compare
from ablation.reporting.theory.verdicts import Verdict
from ablation.reporting.wording.reasons import explained
from ablation.studies.config import compose_command_line
from ablation.studies.run import run_study
from ablation.studies.study import check_study
from tests.reporting.synthetic import Outcome

SMALL = ["depth=16", "width=200", "data.gaussian_wide.features=200", "training.probe_size=64", "seed=[0,1,2,3]"]


def study_results(folder, *overrides):
    import sys

    paths = [f"paths.{name}={folder / name}" for name in ("data", "results", "reports", "store")]
    kept, sys.argv = sys.argv, ["study.py", "study=signal", "engine=serial", "tracking=none", *paths, *overrides]
    try:
        config = compose_command_line()
    finally:
        sys.argv = kept
    assert config is not None
    study = check_study(config)
    run_study(study)
    return read_results(study.results_folder)


@pytest.fixture(scope="session")
def signal(tmp_path_factory):
    """The signal study, in small."""
    return study_results(tmp_path_factory.mktemp("signal"), *SMALL, "~activation.leaky_relu", "~init.torch_default")


def compared(results, confidence=0.95):
    a = analyse(results, Options(confidence=confidence))
    return compare(a.probes, a.cells, a.activations, a.initializers, a.manifest, confidence).rows


KNOWN = [("he_normal", "relu", "none"), ("xavier_normal", "identity", "none")]
KNOWN += [("he_normal", name, "batch") for name in ("relu", "tanh", "elu", "logistic")]


def test_wide_networks_do_what_theory_says(signal):
    rows = compared(signal)
    assert len(rows) == 2 * 5 * 3
    # At this width a slope that is next to none cannot be told from none; none of the others may differ.
    assert set(rows["verdict"]) == {"agrees", "undecided"}, rows[rows["verdict"] == "differs"].to_string()
    assert rows.loc[rows["verdict"] == "undecided", "predicted"].abs().max() < 0.011
    table = rows.set_index(["init", "activation", "normalization"])
    for row in KNOWN:
        assert table.loc[row, "measured"] == pytest.approx(table.loc[row, "predicted"], abs=table.loc[row, "tolerance"])
    critical = table.loc[KNOWN[:2]]
    assert ((critical["low"] <= 0) & (critical["high"] >= 0)).all(), "flat, within the interval over seeds"
    assert table.loc[("xavier_normal", "relu", "none"), "predicted"] == pytest.approx(np.log10(2) / 2, rel=1e-6)
    assert table.loc[("xavier_normal", "relu", "none"), "ratio"] == pytest.approx(1, abs=0.15)


def wrong_rows(results):
    rows = compared(results)
    return {
        tuple(row) for row in rows.loc[rows["verdict"] == "differs", ["init", "activation", "normalization"]].to_numpy()
    }


def test_a_gradient_factor_without_its_variance_shows_as_wrong(signal, monkeypatch):
    moments = mean_field.Activation.moments
    doubled = lambda self, *given: moments(self, *given)._replace(slope_square=1.3 * moments(self, *given).slope_square)  # noqa: E731
    monkeypatch.setattr(mean_field.Activation, "moments", doubled)
    assert set(KNOWN) <= wrong_rows(signal)


def test_a_length_map_with_the_mean_of_phi_for_its_square_shows_as_wrong(signal, monkeypatch):
    broken = lambda phi, q, w, b: w * phi.moments(q).mean ** 2 + b  # noqa: E731
    monkeypatch.setattr(propagation, "length_map", broken)
    wrong = wrong_rows(signal)
    assert {("he_normal", "tanh", "none"), ("he_normal", "elu", "none"), ("xavier_normal", "tanh", "none")} <= wrong
    assert ("he_normal", "relu", "none") not in wrong, "a rectifier's gradient does not depend on the length"
    rows = explained(compared(signal))
    why = rows[(rows["activation"] == "tanh") & (rows["init"] == "he_normal")].set_index("normalization")["why"]
    assert why["none"].startswith("lengths: the last layer's is")


def test_batch_normalization_with_a_second_moment_for_its_variance_shows_as_wrong(signal, monkeypatch):
    monkeypatch.setattr(propagation, "_batch_variance", lambda moments, batch: moments.square)
    wrong = wrong_rows(signal)
    assert {("he_normal", name, "batch") for name in ("relu", "logistic")} <= wrong
    assert not any(normalization == "none" for *_, normalization in wrong)
    assert ("he_normal", "identity", "batch") not in wrong, "its mean is 0"


def test_numbers_measured_wrong_show_as_wrong(signal):
    layers = signal.layers.assign(delta_norm=signal.layers["delta_norm"] * 10 ** (0.05 * signal.layers["layer"]))
    rows = compared(replace(signal, layers=layers))
    assert (rows["verdict"] == "differs").all()


def row_of(analysis):
    (row,) = explained(analysis.agreement.rows).to_dict("records")
    return row


def planted(analysed, decades, factors=None, **more):
    return row_of(
        analysed(
            {"init": ["he_normal"], "width": [4096], "depth": [30], "seed": [0, 1, 2], **(factors or {})},
            lambda _: Outcome(decades=decades, **more),
        )
    )


def test_slope_interval_and_ratio_of_planted_seeds(analysed):
    levels = {"init": ["xavier_normal"], "width": [4096], "depth": [30], "seed": [0, 1, 2]}
    row = row_of(analysed(levels, lambda c: Outcome(decades=0.15 + 0.001 * c["seed"])))
    assert row["measured"] == pytest.approx(0.151, rel=1e-4)
    half = 4.302653 * 0.001 / np.sqrt(3)
    assert [row["low"], row["high"]] == pytest.approx([0.151 - half, 0.151 + half], rel=1e-4)
    assert row["predicted"] == pytest.approx(np.log10(2) / 2)
    assert row["ratio"] == pytest.approx(0.151 / (np.log10(2) / 2), rel=1e-4)
    assert (row["verdict"], row["why"]) == ("agrees", "")


def test_a_single_seed_has_no_interval_and_a_verdict_all_the_same(analysed):
    row = planted(analysed, 0.0, {"seed": [0]})
    assert np.isnan(row["low"])
    assert row["verdict"] == "agrees"


def test_what_is_too_narrow_to_tell_is_undecided(analysed):
    row = planted(analysed, 0.0, {"width": [8]})
    assert row["verdict"] == "undecided"
    assert "too narrow" in row["why"]


def test_a_difference_without_a_known_reason_is_unexplained(analysed):
    row = planted(analysed, 0.1)
    assert (row["verdict"], row["why"]) == ("differs", "unexplained")


def test_all_weights_zero(analysed):
    """Delta is zero but at the last layer; one that is not, is wrong."""
    row = planted(analysed, 400.0, {"init": ["zeros"]})
    assert (row["verdict"], row["why"]) == (
        "agrees",
        "weights are zero: delta is zero before the last layer, as measured",
    )
    row = planted(analysed, 0.1, {"init": ["zeros"]})
    assert row["verdict"] == "differs"


@pytest.mark.parametrize(
    ("factors", "outcome", "why"),
    [
        ({"depth": [1]}, Outcome(), "too shallow for a slope: 1 layer"),
        (
            {"depth": [6], "normalization": ["batch"]},
            Outcome(),
            "too shallow for a slope: 6 layers, the first 5 left out",
        ),
        ({}, Outcome(decades=400.0), "delta is zero or not finite in 29 of 30 layers"),
        ({}, Outcome(diverges=0), "diverged before the first probe"),
    ],
)
def test_what_cannot_be_measured_says_why(factors, outcome, why, analysed):
    levels = {"init": ["he_normal"], "depth": [30], "seed": [0, 1], **factors}
    row = row_of(analysed(levels, lambda _: outcome))
    assert (row["verdict"], row["why"]) == ("no measurement", why)


def test_a_normalization_without_theory_has_no_prediction(analysed):
    row = planted(analysed, 0.0, {"normalization": ["layer"]})
    assert (row["verdict"], row["why"]) == ("no prediction", "no theory here for the normalization layer")
    assert np.isnan(row["predicted"])


def test_layers_that_underflow_are_left_out_of_the_slope(analysed):
    """Delta of 1e-2 loses 2 decades a layer and is exactly zero in a float32 from the 22nd layer back on."""
    row = planted(analysed, 2.0)
    assert row["measured"] == pytest.approx(2.0, rel=1e-2)


def test_cells_that_differ_only_in_what_training_does_are_one_comparison(analysed):
    levels = {"lr": [0.1, 1.0], "clipping": ["none", "value"], "activation": ["relu", "tanh"], "seed": [0, 1]}
    rows = analysed(levels, lambda _: Outcome()).agreement.rows
    assert len(rows) == 2
    assert (rows["seeds"] == 2).all()
    assert set(rows["verdict"]) <= set(Verdict)


def test_allowance_of_a_random_walk():
    """Against many simulated walks."""
    layer, scatter = np.arange(3, 21), np.linspace(0.02, 0.2, 19)
    prediction = propagation.Prediction(np.ones(20), np.ones(19), scatter)
    steps = np.random.default_rng(0).normal(-scatter / 2, np.sqrt(scatter), (4000, 19))
    log = np.append(np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], np.zeros((4000, 1)), axis=1) * slopes.LN
    found = np.array([slopes.slope(layer, walk[2:]) for walk in log])
    shift, deviation = slopes.allowance(layer, prediction)
    assert found.std() == pytest.approx(deviation, rel=0.04)
    assert found.mean() == pytest.approx(shift, abs=4 * deviation / np.sqrt(4000))


@pytest.mark.parametrize(("way", "least", "most"), [(-1, 0.775, 0.825), (1, 0.8, 1.0)])
def test_a_detectable_departure_is_found_as_often_as_is_said(way, least, most):
    """Studies of four seeds, simulated, with a departure against the shift that the width makes, and along with it."""
    layer, scatter, seeds, quantile = np.arange(3, 21), np.linspace(0.02, 0.2, 19), 4, 2.5
    shift, deviation = slopes.allowance(layer, propagation.Prediction(np.ones(20), np.ones(19), scatter))
    error = deviation / np.sqrt(seeds)
    departure = slopes.detectable(shift, error, quantile)
    steps = np.random.default_rng(1).normal(-scatter / 2, np.sqrt(scatter), (6000 * seeds, 19))
    log = np.append(np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], np.zeros((len(steps), 1)), axis=1) * slopes.LN
    found = np.polyfit(layer, log[:, 2:].T, 1)[0].reshape(-1, seeds).mean(axis=1) + way * departure
    assert least <= (np.abs(found) > shift + quantile * error).mean() <= most


def test_what_a_study_can_detect(analysed):
    """By simulated rectifier networks of this width and depth, whose steps vary by 5 / n (Hanin 2018)."""
    row = planted(analysed, 0.0)
    steps = np.random.default_rng(0).normal(-5 / 4096 / 2, np.sqrt(5 / 4096), (20_000, 29))
    log = np.append(np.cumsum(steps[:, ::-1], axis=1)[:, ::-1], np.zeros((20_000, 1)), axis=1) / (2 * np.log(10))
    found = np.polyfit(np.arange(30), log.T, 1)[0]
    assert row["detectable"] == pytest.approx(
        2 * 5 / 4096 / 2 / (2 * np.log(10)) + (1.959964 + 0.841621) * found.std() / np.sqrt(3), rel=0.02
    )
    assert row["tolerance"] < row["detectable"]


def test_the_figures_lines_start_from_the_measured_last_layer(signal):
    a = analyse(signal, Options())
    lines = a.agreement.layers
    last = lines[lines["layer"] == 16]
    np.testing.assert_allclose(last["predicted"], last["delta"])
    assert isinstance(lines, pd.DataFrame)
    assert len(lines) == len(a.cells) * 16
    assert agreement.BY[:2] == ("init", "activation")
