"""A paragraph for a paper's methods section, computed from what was run and how it was concluded."""

import math
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from ablation import __version__
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.naming import Label, numbered
from ablation.reporting.options import NESTED, PROBLEMS
from ablation.reporting.wording.baseline import baseline_text
from ablation.reporting.wording.captions import confidence_text, seeds_text
from ablation.reporting.wording.phrases import listed

AUTHORS, YEAR = "The contributors to ablation", 2026
TITLE = "ablation: reproducible ablation studies of deep-network training"
CITATION = f"{AUTHORS} ({YEAR}). {TITLE} (version {__version__}) [Computer software]."
"""As ``CITATION.cff`` has it."""

NETWORK = ("model", "depth", "width")
MODELS = {"mlp": "fully connected networks", "residual": "fully connected networks of pre-activation residual blocks"}
NOUNS = {"init": "initialization", "lr": "learning rate", "batch_size": "batch size", "label_noise": "label noise"}
NONE_AT_ZERO = ("weight_decay", "warmup")
NOUNS |= {"clipping": "gradient clipping"}


def methods(analysis: Analysis) -> str:
    """The paragraph: networks, data, choices, tuning, seeds, training, targets, statistics, versions, citation."""
    parts = [networks(analysis), data(analysis), choices(analysis), training(analysis)]
    if not analysis.design.untrained:
        parts += [tuning(analysis), targets(analysis), statistics(analysis)]
    return " ".join([*parts, versions(analysis.manifest)])


def methods_file(analysis: Analysis) -> str:
    """The paragraph as ``methods.md``, with the citation as BibTeX."""
    entry = f"@software{{ablation, author = {{{{{AUTHORS}}}}}, title = {{{{{TITLE}}}}}, year = {{{YEAR}}}, "
    return f"# Methods\n\n{methods(analysis)}\n\n    {entry}version = {{{__version__}}}}}\n"


def networks(analysis: Analysis) -> str:
    """Which networks, of which sizes, and how many runs."""
    design, manifest = analysis.design, analysis.manifest
    kinds = [
        manifest["levels"]["model"].get(str(label), {}).get("kind", str(label)) for label in design.levels["model"]
    ]
    counts, layers = manifest["cells"], "layer" if design.levels["depth"] == (1,) else "layers"
    return (
        f"We trained {listed([MODELS.get(kind, str(kind)) for kind in dict.fromkeys(kinds)])} with "
        f"{values(design, 'depth')} hidden {layers} of {values(design, 'width')} units: "
        f"{plural(counts['expected'], 'run')}, of which {counts['diverged']:,} diverged."
    )


def data(analysis: Analysis) -> str:
    """Which data, how they were split, and where they come from."""
    design, texts = analysis.design, []
    for label in design.levels["data"]:
        card = analysis.manifest["data"][str(label)]
        what = f"{card['classes']:,} classes" if card["classes"] else "regression"
        source = f"; {card['source']}" if card.get("source") else ""
        texts.append(
            f"{design.labels['data'][label]} ({card['features']:,} inputs, {what}; {card['n_train']:,} training, "
            f"{card['n_val']:,} validation and {card['n_test']:,} test examples{source})"
        )
    views = [
        f"{NOUNS.get(factor, factor)} {values(design, factor)}"
        for factor in ("split", "examples", "label_noise")
        if design.varies(factor)
    ]
    crossed = f", with {listed(views)}" if views else ""
    return f"The data were {listed(texts)}{crossed}."


def choices(analysis: Analysis) -> str:
    """What was compared, level by level, and what was the same in all runs."""
    design = analysis.design
    aside = {"seed", "lr", *NETWORK, *PROBLEMS}
    varied = [factor for factor in design.levels if factor not in aside and design.varies(factor)]
    same = [factor for factor in design.levels if factor not in aside and not design.varies(factor)]
    fixed = listed([f"{NOUNS.get(factor, factor)} {described(analysis, factor)}" for factor in same])
    if not varied:
        return f"All runs had {fixed}."
    compared = "; ".join(f"{NOUNS.get(factor, factor)}: {described(analysis, factor)}" for factor in varied)
    combinations = len(analysis.cells.groupby(list(design.compared), observed=True).size())
    whole = combinations == math.prod(len(design.levels[factor]) for factor in design.compared)
    crossed = "A full factorial was" if whole else "Combinations were"
    return f"{crossed} run of {compared}. The same in all runs: {fixed}."


def described(analysis: Analysis, factor: str) -> str:
    """A factor's levels with their settings."""
    design, known = analysis.design, analysis.manifest["levels"].get(factor, {})
    texts = []
    for level in design.levels[factor]:
        settings = {key: value for key, value in known.get(str(level), {}).items() if key not in ("mean_field", "lr")}
        kind = settings.pop("kind", str(level))
        told = [f"of kind {kind}"] if kind != str(level) else []
        told += [f"{key} {said(value)}" for key, value in settings.items() if acts(key, value)]
        inside = f" ({', '.join(told)})" if told else ""
        texts.append(f"{design.labels[factor][level]}{inside}")
    return listed(texts)


def acts(key: str, value: object) -> bool:
    """Whether a setting is one to be told: not one that is off."""
    return value is not None and value is not False and not (key in NONE_AT_ZERO and value == 0)


def said(value: object) -> str:
    """A setting's value as one would write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def training(analysis: Analysis) -> str:
    """For how long, with which seeds."""
    design = analysis.design
    if design.untrained:
        return f"Nothing was trained; every network was measured at initialization, with {seeds_text(design)}."
    return (
        f"Every run had the same horizon of {design.length}, without early stopping; each setting was run with "
        f"{seeds_text(design)}, which fix the order of the batches and the draws of the initial weights."
    )


def tuning(analysis: Analysis) -> str:
    """What was tuned over, and how."""
    design, texts = analysis.design, []
    for factor in design.nuisance:
        if not design.varies(factor):
            texts.append(f"{NOUNS.get(factor, factor)} was {values(design, factor)}")
        elif factor == "lr" and design.own_rates:
            own = [f"{values_of(design, 'lr', rates)} for {level}" for level, rates in design.rates.items()]
            texts.append(f"learning rate was tuned over {'; '.join(own)}")
        else:
            texts.append(f"{NOUNS.get(factor, factor)} was tuned over {values(design, factor)}")
    if not texts:
        return "Nothing was tuned."
    how = ""
    if any(design.varies(factor) for factor in design.nuisance):
        nested = analysis.options.tuning == NESTED and design.seeds > 1
        by = ", for each seed by the other seeds" if nested else ", by the seeds that are reported"
        how = f", separately for each combination, by the lowest median over seeds of the best validation loss{by}"
    return f"The {listed(texts)}{how}."


def targets(analysis: Analysis) -> str:
    """What counts as arriving."""
    design = analysis.design
    of = "tuned runs" if len(analysis.tuned) < len(analysis.cells) else "runs"
    return (
        f"The time to target is the first of two evaluations in a row that reach {design.goal}; runs that never do, or "
        f"diverge, are censored at the horizon ({analysis.censoring.whole:.1%} of the {of})."
    )


def statistics(analysis: Analysis) -> str:
    """What is estimated, and by which tests."""
    design, percent = analysis.design, confidence_text(analysis.options)
    if design.seeds == 1:
        return "With one seed there is no interval and no test."
    text = (
        f"Means are restricted means of the time up to the horizon and scores at the end, with {percent} Student t "
        "intervals over seeds, the seed being the replicate; ratios of times are those of an interval-censored "
        "log-normal accelerated failure time model; effects are tested against their interaction with the seed, "
        "p-values corrected by Holm's method over all tests of a table."
    )
    if design.baseline:
        text += f" The baseline was {baseline_text(design)}; differences to it are paired over seeds."
    return text


def versions(manifest: Mapping[str, Any]) -> str:
    """With what it was computed, and how that is cited."""
    environment = manifest["environment"]
    device = "a GPU" if environment.get("device") == "cuda" else "CPUs"
    return (
        f"Training used PyTorch {environment.get('torch', 'of an unknown version')} on {device}; the analysis used "
        f"ablation {__version__} with Python {'.'.join(platform.python_version_tuple()[:2])}. {CITATION}"
    )


def values(design: Design, factor: str) -> str:
    """A factor's levels in words."""
    return values_of(design, factor, design.levels[factor])


def values_of(design: Design, factor: str, levels: Sequence[Label]) -> str:
    """These levels of a factor in words."""
    if all(isinstance(level, float) for level in levels):
        return listed(list(numbered([float(level) for level in levels]).values()))
    return listed([design.labels[factor][level] for level in levels])
