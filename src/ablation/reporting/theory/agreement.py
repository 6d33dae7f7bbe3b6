"""Does the gradient before the first step do what theory predicts? Slope of log10 delta over depth, against both.

One comparison a combination of what decides a network before training: its build (``records.NETWORK``), normalization
and loss. Its seeds are its repetitions. The predicted slope is that of the wide limit, and the tolerance what a finite
width allows: the shift of ``slopes.allowance``, and its deviation over the root of the number of seeds times a normal
quantile that is as high as no row of all (Bonferroni) shall differ by chance.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ablation.records.columns import NETWORK
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.theory.maps import MeanFieldMap, map_of
from ablation.reporting.theory.mean_field import Activation
from ablation.reporting.theory.propagation import Network, Prediction
from ablation.reporting.theory.slopes import allowance, detectable, slope
from ablation.reporting.theory.verdicts import Cause, Reason, Verdict

BY = (*NETWORK, "normalization", "loss")
"""What a comparison is one of."""

SETTLING = 5
"""First layers that are left out of a fit with batch normalization: inputs are correlated, and forget it by then."""

FEWEST = 2
"""Layers that a slope is fitted to at least."""

SMALL = 0.01
"""Decades a layer: a slope below this is hardly one."""


@dataclass(frozen=True)
class Agreement:
    """Every comparison of a study.

    Attributes:
        rows: one each; slopes in decades a layer, the ``tolerance`` beyond which they differ, the departure from theory
            that would be ``detectable``, a ``verdict`` (``verdicts.Verdict``) and its ``reasons``.
        layers: each of their layers and seeds, with delta's norm and the one ``predicted`` from the last layer's.
    """

    rows: pd.DataFrame
    layers: pd.DataFrame


@dataclass(frozen=True)
class Measured:
    """What the seeds of one combination show: ``delta`` norm and ``length``, a row a seed and a column a layer."""

    seeds: Sequence[Any]
    delta: Floats
    length: Floats


def compare(
    probes: pd.DataFrame,
    cells: pd.DataFrame,
    activations: Mapping[str, Activation],
    initializers: pd.DataFrame,
    manifest: Mapping[str, Any],
    confidence: float,
) -> Agreement:
    """Compare every combination.

    Args:
        probes: ``row`` (the place in ``cells``), ``step``, ``layer``, ``delta_norm``, ``preact_mean``, ``preact_std``.
        cells: the factors of each cell.
        activations: by their labels.
        initializers: the study's table of that name; likewise ``manifest``.
        confidence: that of each interval, and that no row differs by chance.
    """
    start = probes[probes["step"] == 0].drop_duplicates(["row", "layer"])
    start = start.assign(length=start["preact_mean"].astype(float) ** 2 + start["preact_std"].astype(float) ** 2)
    networks = {key: part.sort_values("layer") for key, part in initializers.groupby(list(NETWORK))}
    # Cells that differ in nothing but this and the seed are one network before training.
    members = cells.drop_duplicates([*BY, "seed"]).sort_values("seed")
    groups = list(members.groupby(list(BY), observed=True))
    rows, layers = [], []
    for key, group in groups:
        chosen = dict[str, Any](zip(BY, key, strict=True))
        own = networks[tuple(chosen[name] for name in NETWORK)]
        own = own[own["layer"] <= chosen["depth"]]
        network = Network(*(own[name].to_numpy(float) for name in ("fan_in", "fan_out", "sigma_w2", "sigma_b2")))
        index = pd.MultiIndex.from_product([group.index, own["layer"]])
        table = start[start["row"].isin(group.index)].set_index(["row", "layer"]).reindex(index)
        delta, length = (table[name].to_numpy(float).reshape(len(group), -1) for name in ("delta_norm", "length"))
        measured = Measured(group["seed"].tolist(), delta, length)
        examples = int(manifest["data"][str(chosen["data"])]["n_train"])
        batch = min(int(manifest["config"]["training"]["probe_size"]), examples)
        normalization = manifest["levels"]["normalization"][str(chosen["normalization"])]
        theory = _theory(manifest, str(chosen["model"]), normalization)
        row, lines = _compare(
            theory,
            measured,
            activations[str(chosen["activation"])],
            network,
            normalization,
            batch,
            confidence,
            len(groups),
        )
        rows.append({**chosen, **row})
        layers.append(lines.assign(**chosen))
    return Agreement(pd.DataFrame(rows), pd.concat(layers, ignore_index=True))


def _theory(manifest: Mapping[str, Any], model: str, normalization: Mapping[str, Any]) -> MeanFieldMap | Reason:
    """What predicts for a model's networks with a normalization, or why nothing does."""
    found = map_of(manifest, model)
    if found is None:
        return Reason(Cause.NO_MODEL, name=model)
    return found if found.is_known(normalization) else Reason(Cause.NO_NORMALIZATION, name=str(normalization["kind"]))


def _compare(
    theory: MeanFieldMap | Reason,
    measured: Measured,
    phi: Activation,
    network: Network,
    normalization: Mapping[str, Any],
    batch: int,
    confidence: float,
    comparisons: int,
) -> tuple[dict[str, Any], pd.DataFrame]:
    """One row of the table, and what the figure draws of it."""
    depth = len(network.fan_in)
    first = 1 if normalization["kind"] == "none" else SETTLING + 1
    row: dict[str, Any] = {"seeds": len(measured.seeds), "first_layer": first, "last_layer": depth}
    row |= dict.fromkeys(("predicted", "measured", "low", "high", "ratio", "tolerance", "detectable"), np.nan)
    layer = np.arange(1, depth + 1)
    lines = pd.DataFrame(
        {"layer": np.tile(layer, len(measured.seeds)), "seed": np.repeat(measured.seeds, depth)}
        | {"delta": measured.delta.ravel(), "predicted": np.nan}
    )

    def judged(verdict: Verdict, *reasons: Reason) -> tuple[dict[str, Any], pd.DataFrame]:
        return row | {"verdict": verdict, "reasons": reasons}, lines

    if isinstance(theory, Reason):
        return judged(Verdict.UNPREDICTED, theory)
    predictions = [theory.predict(phi, network, normalization, q, batch) for q in measured.length[:, 0].tolist()]
    expected = np.array([prediction.log_delta() for prediction in predictions])
    lines["predicted"] = (measured.delta[:, -1:] * 10**expected).ravel()
    if (network.sigma_w2[1:] == 0).any():
        silent = bool((measured.delta[:, :-1] == 0).all())
        verdict, cause = (Verdict.AGREES, Cause.SILENT) if silent else (Verdict.DIFFERS, Cause.NOT_SILENT)
        return judged(verdict, Reason(cause))
    usable = np.isfinite(measured.delta) & (measured.delta > 0) & np.isfinite(expected) & (layer >= first)
    fits = usable.sum(axis=1) >= FEWEST
    if not fits.any():
        return judged(Verdict.UNMEASURED, _too_few(measured, first, depth))
    slopes = [
        (slope(layer[u], y[u]), slope(layer[u], np.log10(d[u])))
        for u, y, d in zip(usable[fits], expected[fits], measured.delta[fits], strict=True)
    ]
    wide, found = (np.array(part) for part in zip(*slopes, strict=True))
    # Rounded, for a slope of none would else come out as some 1e-17 of either sign.
    predicted, mean = round(float(wide.mean()), 9) + 0.0, float(found.mean())
    quantile = stats.norm.isf((1 - confidence) / 2 / comparisons)
    each = [allowance(layer[u], p) for u, p, fit in zip(usable, predictions, fits, strict=True) if fit]
    shift, deviation = (float(np.mean(part)) for part in zip(*each, strict=True))
    error = float(deviation / np.sqrt(len(found)))
    tolerance = shift + float(quantile) * error
    row |= {"predicted": predicted, "measured": mean, "tolerance": tolerance}
    row["detectable"] = detectable(shift, error, float(quantile))
    row["ratio"] = mean / predicted if abs(predicted) > tolerance else np.nan
    if len(found) > 1:
        low, high = student(found, confidence)
        row |= {"low": float(low), "high": float(high)}
    if abs(mean - predicted) > tolerance:
        reason = _reason(theory, measured, expected, usable, tolerance, predictions, phi, network, normalization)
        return judged(Verdict.DIFFERS, reason)
    undecided = tolerance > max(abs(predicted), SMALL)
    reasons = [Reason(Cause.TOO_NARROW)] if undecided else []
    if not np.isnan(row["low"]) and not row["low"] <= predicted <= row["high"]:
        reasons.append(Reason(Cause.OUTSIDE))
    return judged(Verdict.UNDECIDED if undecided else Verdict.AGREES, *reasons)


def power(rows: pd.DataFrame) -> tuple[float, float]:
    """Medians over comparisons of the detectable departure and of the size of the predicted slope, or NaN."""
    return float(rows["detectable"].median()), float(rows["predicted"].abs().median())


def _too_few(measured: Measured, first: int, depth: int) -> Reason:
    """Why no slope could be fitted."""
    if depth - first + 1 < FEWEST:
        return Reason(Cause.SHALLOW, (depth, first - 1))
    if np.isnan(measured.delta).all():
        return Reason(Cause.DIVERGED)
    zero = int((measured.delta[:, first - 1 :] == 0).any(axis=0).sum())
    return Reason(Cause.NO_DELTA, (zero, depth - first + 1))


def _reason(
    theory: MeanFieldMap,
    measured: Measured,
    expected: Floats,
    usable: Any,
    tolerance: float,
    predictions: Sequence[Prediction],
    phi: Activation,
    network: Network,
    normalization: Mapping[str, Any],
) -> Reason:
    """Why theory and measurement differ: what else would have them agree."""
    layer = np.arange(1, expected.shape[1] + 1)
    log = np.log10(np.where(usable, measured.delta, 1.0))

    def differs(lines: Floats, chosen: Any) -> bool:
        gaps = [slope(layer[c], y[c] - x[c]) for c, y, x in zip(chosen, log, lines, strict=True) if c.sum() >= FEWEST]
        return not gaps or abs(float(np.mean(gaps))) > tolerance

    if normalization["kind"] == "none":
        local = [theory.local(phi, network, length) for length in measured.length]
        lines = np.array([replace(p, factor=f).log_delta() for p, f in zip(predictions, local, strict=True)])
        if not differs(lines, usable):
            apart = float(np.median(measured.length[:, -1] / [p.length[-1] for p in predictions]))
            return Reason(Cause.LENGTHS, (apart,))
    middle = layer > (layer[-1] + int(layer[usable.any(axis=0)][0])) // 2
    if not differs(expected, usable & middle):
        return Reason(Cause.LATE, (int(layer[middle][0]),))
    if float(np.mean([p.scatter.sum() for p in predictions])) > 1:
        return Reason(Cause.TOO_DEEP)
    return Reason(Cause.UNEXPLAINED)
