"""What a study says of its batch sizes, in sentences: each with its interval over seeds, and what it leaves out."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking import batch_size as found_by
from ablation.reporting.asking.batch_size import PHASES, Estimate, Turn
from ablation.reporting.design import digits
from ablation.reporting.figures.view import present
from ablation.reporting.wording.evidence import difference_text
from ablation.reporting.wording.phrases import words


def answer(analysis: Analysis, beside: str, best: pd.DataFrame, alone: pd.DataFrame) -> tuple[str, list[str]]:
    """The sentence, and what it rests on, for each level of the factor beside the batch size."""
    heads, times, noises = [], [], []
    confidence = analysis.options.confidence
    for level in present(best, beside):
        own, by_itself = best[best[beside] == level], alone[alone[beside] == level]
        named = f"with {words(analysis.design, beside, level)}, " if len(present(best, beside)) > 1 else ""
        sizes = found_by.sizes_of(own)
        found = found_by.turn(own, confidence)
        told = turned(found, sizes) if found else "too few cells reach the target to compare batch sizes"
        rate = found_by.slope(by_itself, confidence)
        heads.append(f"{named}{told}{scaling(rate, found_by.at_edge(analysis, by_itself), len(by_itself))}")
        times.append(f"{named}{' and '.join(reached(own, size) for size in (sizes[0], sizes[-1]))}")
        early, late = (found_by.noise_scale(found_by.noise(analysis, own, []), phase, confidence) for phase in PHASES)
        if early:
            last = f" {named.removesuffix(', ')}" if named else ""
            noises.append(f"{scale_text(early)} on the way to the target{behind(late)}{last}")
    lost = int((~best["reached"]).sum())
    unseen = f" {lost} of {len(best)} never get there, and pairs with them are left out." if lost else ""
    evidence = [f"Steps and epochs to {analysis.design.goal}, in the median: {'; '.join(times)}.{unseen}"]
    if noises:
        evidence.append(
            "The simple noise scale, at which doubling is expected to bring less (McCandlish et al. 2018), is "
            f"{'; '.join(noises)}."
        )
    text = "; ".join(heads)
    return f"{text[:1].upper()}{text[1:]}.", evidence


def turns(analysis: Analysis, beside: str, best: pd.DataFrame) -> str:
    """What a doubling of the batch makes of the steps, by the levels of the other factor, without intervals."""
    texts = []
    for level in present(best, beside):
        own = best[best[beside] == level]
        found, last = found_by.turn(own, analysis.options.confidence), found_by.sizes_of(own)[-1]
        parts = []
        if found and found.before:
            parts.append(f"{2**-found.before.mean:.0%} up to {found.size or last:g} examples")
        if found and found.behind:
            parts.append(f"{2**-found.behind.mean:.0%} from {found.size:g} on")
        named = f" with {words(analysis.design, beside, level)}" if len(present(best, beside)) > 1 else ""
        texts.append(f"{' and '.join(parts) or 'a share that cannot be told'}{named}")
    return "; ".join(texts)


def turned(found: Turn, sizes: Sequence[float]) -> str:
    """From where on doubling brings little, in words, with what each doubling makes of the steps."""
    if found.before is None:
        assert found.behind is not None
        return f"doubling the batch nowhere nearly halves the steps ({share(found.behind)}, where 50% is perfect)"
    up_to = f"up to {found.size or sizes[-1]:g} examples"
    if found.before.mean < found_by.NEARLY:
        text = f"doubling the batch takes the steps {share(found.before)} {up_to}, where 50% is perfect"
        return f"{text}, and {share(found.behind)} beyond" if found.behind else text
    beyond = f" but not beyond ({share(found.behind)})" if found.behind else ""
    return f"doubling the batch nearly halves the steps {up_to} ({share(found.before)}, where 50% is perfect){beyond}"


def share(gain: Estimate) -> str:
    """What a doubling of the batch makes of the steps: 2 to the minus gain."""
    mean, high, low = (2.0**-end for end in (gain.mean, gain.low, gain.high))
    return f"each time to {mean:.0%}{interval(gain, f'{low:.0%}, {high:.0%}')}"


def interval(found: Estimate, ends: str) -> str:
    """An estimate's interval in words, or why there is none: no width would claim a certainty that nobody has."""
    if found.seeds < 2:
        return " (one seed: no interval)"
    return " (the same with every seed)" if found.agree else f" [{ends}]"


def scaling(rate: Estimate | None, edges: int, cells: int) -> str:
    """How the best learning rate grows with the batch, in words; nothing where that cannot be told."""
    if rate is None:
        return ""
    ends = interval(rate, f"{rate.low:.2f}, {rate.high:.2f}")
    text = f", and the best learning rate grows as its power of {rate.mean:.2f}{ends}"
    if rate.seeds > 1 and not rate.agree:
        fits = [name for name, power in (("the square root", 0.5), ("linear", 1.0)) if rate.low <= power <= rate.high]
        text += f", which {'fits ' + ' and '.join(fits) if fits else 'is neither the square root nor linear'}"
    return f"{text}, with {edges} of {cells} at an end of the rates tried" if edges else text


def reached(cells: pd.DataFrame, size: float) -> str:
    """The median time to the target of a batch size, in words."""
    own = cells[cells["batch_size"].astype(float) == size]
    steps, epochs = (float(np.sort(own[name])[(len(own) - 1) // 2]) for name in ("steps_primary", "epochs_primary"))
    if not math.isfinite(steps):
        return f"not within the horizon for most seeds at {size:g}"
    return f"{digits(steps)} and {digits(epochs)} at {size:g}"


def scale_text(scale: tuple[float, float, float]) -> str:
    """A noise scale with its interval, in words."""
    mean, low, high = scale
    ends = "" if math.isnan(low) else f" [{bounded(low)}, {bounded(high)}]"
    return f"{bounded(mean)} examples{ends}"


def bounded(value: float) -> str:
    """A noise scale, which has no end where signal cannot be told from none."""
    return digits(value) if math.isfinite(value) else "no bound"


def behind(late: tuple[float, float, float] | None) -> str:
    """What becomes of the noise scale behind the target, in words."""
    return f" and {scale_text(late)} behind it" if late else ""


def accuracy(analysis: Analysis, beside: str, tuned: pd.DataFrame) -> list[str]:
    """What the largest batch does to the accuracy on the test part against the smallest."""
    design, texts = analysis.design, []
    several = len(present(tuned, beside)) > 1
    first, last = (present(tuned, "batch_size")[place] for place in (0, -1))
    for level in present(tuned, beside):
        own = tuned[tuned[beside] == level]
        groups = own["batch_size"] == last, own["batch_size"] == first
        if found := analysis.paired(own, "tested", groups, ("batch_size",)):
            named = f" with {words(design, beside, level)}" if several else ""
            texts.append(f"{difference_text(found, design.score.unit, design.score.scale)}{named}")
    more = "fewer steps" if design.unit == "epochs" else "more examples"
    return [
        f"Test {design.score.name} of batches of {last} against {first}, at the rates of the lowest validation loss: "
        f"{'; '.join(texts)}. At equal {design.unit} a larger batch has {more}, too."
    ] * bool(texts)


def order(analysis: Analysis) -> list[str]:
    """What the order of the examples does, where the study varies it."""
    design, texts = analysis.design, []
    if "order" not in design.compared or not design.varies("order"):
        return []
    cells, base = analysis.tuned, design.reference("order")
    for level in design.levels["order"]:
        groups = cells["order"] == level, cells["order"] == base
        time, right = (analysis.paired(cells, value, groups, ("order",)) for value in ("time", "tested"))
        if level != base and time and right:
            texts.append(
                f"{design.short('order', level)} differs by {difference_text(time, design.unit)}, and in "
                f"{design.score.tested} by {difference_text(right, design.score.unit, design.score.scale)}"
            )
    said = f"Order of the examples, over all batch sizes, against {design.short('order', base)}: "
    return [f"{said}{'; '.join(texts)}."] if texts else []
