"""What theory predicts of a study's networks before training, and whether they do it."""

from typing import Any

import numpy as np
import pandas as pd

from ablation.records.columns import NETWORK
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.tables.table import Table, factors
from ablation.reporting.theory import mean_field
from ablation.reporting.theory.agreement import BY, SETTLING, power
from ablation.reporting.theory.maps import is_perceptron
from ablation.reporting.theory.slopes import POWER
from ablation.reporting.theory.verdicts import Verdict
from ablation.reporting.wording.captions import confidence_text, seeds_text
from ablation.reporting.wording.reasons import explained

ALWAYS = ("init", "activation", "normalization", "depth")
"""Factors that name a row even where they have a single level."""


OF_THE_NETWORK = "length_first length_last chi_first chi_last chi_settled log10_ratio depth_scale trains_to".split()
"""What is predicted of perceptrons alone."""


def counted(analysis: Analysis) -> str:
    """How many comparisons came to what, in words."""
    counts = analysis.agreement.rows["verdict"].value_counts()
    found = [f"{verdict} {counts[verdict]:,}" for verdict in Verdict if verdict in counts]
    return f"Of {plural(len(analysis.agreement.rows), 'comparison')}: {', '.join(found)}."


def detected(analysis: Analysis) -> str:
    """What departure from theory the comparisons could have shown, in words; nothing where none was measured."""
    rows = analysis.agreement.rows
    undecided = rows["verdict"] == Verdict.UNDECIDED
    medians = (("where a comparison can tell", power(rows[~undecided])), ("where undecided", power(rows[undecided])))
    texts = [
        f"{departure:.2g} {where} (predicted slopes: {predicted:.2g})"
        for where, (departure, predicted) in medians
        if not np.isnan(departure)
    ]
    return f" Median of detectable: {', '.join(texts)}." if texts else ""


def agreement(analysis: Analysis) -> Table:
    """Predicted and measured slope of log10 delta over depth, for every combination before training."""
    rows = explained(analysis.agreement.rows)
    aside = [factor for factor in BY if factor not in ALWAYS and not analysis.design.varies(factor)]
    frame = rows.drop(columns=aside).rename(columns={"predicted": "predicted_slope", "measured": "measured_slope"})
    percent = confidence_text(analysis.options)
    several = f"Student's t {percent} interval over {seeds_text(analysis.design)}"
    caption = (
        "Slope of log10 delta norm (root mean square over the probe batch and units) against the layer, in decades a "
        "layer, positive where the gradient shrinks towards the input, by least squares from first_layer to last_layer "
        "before training. Predicted: the wide limit, iterated from the measured length of the first layer, for the "
        f"probe's batch where it is normalized, whose first {SETTLING} layers are left out, since inputs are "
        "correlated. "
        f"low, high: {several if analysis.design.seeds > 1 else 'no interval, there is one seed'}. tolerance: what the "
        "width allows, from the variance of each layer's step (Hanin 2018), so that with probability "
        f"{percent} no row differs by chance. It takes the samples of a probe for one, so it is an upper bound. ratio: "
        "measured over predicted, where the slope exceeds its tolerance; undecided: the tolerance exceeds the slope. "
        "detectable: the departure from the predicted slope that so many seeds of this width show with probability "
        f"{POWER:.0%}. {counted(analysis)}{detected(analysis)}"
    )
    return Table("agreement", "Theory against measurement, before training", caption, frame, factors(analysis.design))


def predictions(analysis: Analysis) -> Table:
    """What the mean-field theory says of every initializer with every activation, at the largest depth of each."""
    initializers = analysis.initializers
    group = [name for name in NETWORK if name != "depth"]
    deepest = initializers["depth"] == initializers.groupby(group)["depth"].transform("max")
    hidden = initializers[deepest & (initializers["layer"] <= initializers["depth"])].sort_values("layer")
    order = {factor: list(analysis.design.levels[factor]) for factor in NETWORK}
    known: dict[str, dict[str, float]] = {}
    rows = []
    for key, layers in hidden.groupby([*group, "depth"], sort=False):
        row: dict[str, Any] = dict(zip([*group, "depth"], key, strict=True))
        label = row["activation"]
        phi = analysis.activations[label]
        sigma_w2, sigma_b2 = layers["sigma_w2"].to_numpy(), layers["sigma_b2"].to_numpy()
        length = mean_field.lengths(phi, sigma_w2[0] + sigma_b2[0], sigma_w2[1:], sigma_b2[1:])
        # The step behind a layer has the variance of the next one; behind the last hidden layer none is counted.
        chi = [mean_field.gradient_factor(phi, q, w) for q, w in zip(length[:-1], sigma_w2[1:], strict=True)]
        settled = mean_field.settled_factor(phi, sigma_w2[-1], sigma_b2[-1])
        row |= {
            "sigma_w2": sigma_w2[-1],
            "sigma_b2": sigma_b2[-1],
            "length_first": length[0],
            "length_last": length[-1],
        }
        row |= {"chi_first": chi[0] if chi else np.nan, "chi_last": chi[-1] if chi else np.nan}
        with np.errstate(divide="ignore"):
            row |= {"chi_settled": settled, "log10_ratio": round(float(np.sum(np.log10(chi)) / 2), 9) + 0.0}
        row |= {"depth_scale": mean_field.depth_scale(settled), "trains_to": mean_field.trained_depth(settled)}
        if label not in known:
            known[label] = {
                "critical_sigma_w2": mean_field.critical_sigma_w2(phi),
                "preserving_sigma_w2": mean_field.preserving_sigma_w2(phi),
                "batch_norm_rate": mean_field.batch_norm_rate(phi),
            }
        if not is_perceptron(analysis.manifest, str(row["model"])):
            row |= dict.fromkeys(OF_THE_NETWORK, np.nan)
        rows.append(row | known[label])
    frame = pd.DataFrame(rows)
    for factor, levels in order.items():
        frame[factor] = pd.Categorical(frame[factor], categories=levels, ordered=True)
    frame = frame.sort_values(["activation", "init", *group[2:]], kind="stable", ignore_index=True)
    named = [factor for factor in (*group, "depth") if factor in ALWAYS or analysis.design.varies(factor)]
    frame = frame[["activation", "init", *(x for x in named if x not in ("init", "activation")), *frame.columns[6:]]]
    caption = (
        "Mean field of wide networks without normalization, from inputs of variance 1 (Poole et al. 2016; Schoenholz "
        "et al. 2017), at the largest depth; computed, so nothing here hangs on a seed. sigma_w2: fan-in times the "
        "variance of a weight, sigma_b2: that of a bias, of the last hidden layer; length: second moment of the "
        "pre-activations at the first and the last layer; chi: what a layer does to the mean square of delta, at the "
        "first, at the last and where lengths have settled; log10_ratio: decades from the last layer's delta to the "
        "first's; depth_scale: 1 / abs(ln chi) where settled, inf where that chi is 1 to eleven digits, which is "
        "what is known of it; trains_to: six of it, the depth that trains. Of the "
        "activation alone: critical_sigma_w2, at which chi settles at 1; preserving_sigma_w2, which hands variance 1 "
        "on; batch_norm_rate, chi with batch normalization before the activation, whatever the initializer."
    )
    others = [str(name) for name in analysis.design.levels["model"] if not is_perceptron(analysis.manifest, str(name))]
    if others:
        caption += f" {' and '.join(others)}: no perceptron, so what hangs on the network is left empty."
    return Table("predictions", "What theory predicts", caption, frame, factors(analysis.design))
