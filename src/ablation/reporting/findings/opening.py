"""The first screen of the page: what the study asks, the answer in at most three sentences, and four numbers.

All of it is computed from what the tables hold; the chapters have the rest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ablation.records.columns import ORDINAL
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, digits, plural
from ablation.reporting.findings.arrivals import alike, reached
from ablation.reporting.findings.signals import beside_theory, gradients
from ablation.reporting.findings.unreached import none_arrives
from ablation.reporting.findings.warning import warning
from ablation.reporting.statistics.differences import Difference, Evidence
from ablation.reporting.wording.captions import UNTRAINED
from ablation.reporting.wording.evidence import SURE
from ablation.reporting.wording.phrases import capital, listed, names, words
from ablation.reporting.worth import Turn, Worth, asked, turn, worths

MOST = 3
"""Choices whose worth is told; further ones that matter are named."""

DIGITS = 2
"""Of the numbers of an answer; the tables have more."""

SPOKEN = {"init": "initialization", "lr": "the learning rate", "batch_size": "batch size", "label_noise": "label noise"}
"""Factors whose name is no word."""


@dataclass(frozen=True)
class Number:
    """One of the numbers of the strip: what it is stands below it."""

    value: str
    label: str


@dataclass(frozen=True)
class Opening:
    """The first screen, in words: ``warning`` is what to beware of most, and ``command`` what mends it, if anything."""

    question: str
    answer: Sequence[str]
    numbers: Sequence[Number]
    warning: str
    command: str


def spoken(factors: Iterable[str]) -> list[str]:
    """Factors as one would say them."""
    return [SPOKEN.get(factor, factor) for factor in factors]


def question(design: Design) -> str:
    """What the study asks, in a line."""
    data = listed([design.short("data", level, 60) for level in design.levels["data"]])
    factors, depths = asked(design), [str(level) for level in design.levels["depth"]]
    if not factors:
        return f"How does one network of depth {depths[0]} train on {data}?"
    at = "" if "depth" in factors else f" at {'depth' if len(depths) == 1 else 'depths'} {listed(depths)}"
    to = "the signal of an untrained network" if design.untrained else "training"
    return f"What {'does' if len(factors) == 1 else 'do'} {listed(spoken(factors))} do to {to}{at} on {data}?"


def answer(analysis: Analysis) -> list[str]:
    """At most three sentences: which choices matter and by how much, which do not, and what depends on what."""
    design = analysis.design
    if design.untrained:
        return [UNTRAINED, *gradients(analysis)[:1], beside_theory(analysis)]
    found, timed = worths(analysis), not none_arrives(analysis)
    if not found:
        return [reached(analysis) if len(analysis.cells) > 1 else one_cell(analysis)]
    if design.seeds == 1:
        return [f"With one seed nothing can be told apart: {worth_text(design, found[0], timed)}."]
    sure, unsure = ([each for each in found if each.sure is so] for so in (True, False))
    texts = []
    if sure:
        names = capital(listed(spoken(each.factor for each in sure)))
        less = spoken(each.factor for each in sure[MOST:])
        rest = f" ({listed(less)} less)" if less else ""
        told = "; ".join(worth_text(design, each, timed) for each in sure[:MOST])
        texts.append(f"{names} {'matters' if len(sure) == 1 else 'matter'}{rest}: averaged over all else, {told}.")
    if unsure:
        factors = " or ".join(spoken(each.factor for each in unsure))
        texts.append(f"No effect of {factors} is sure: at most, {worth_text(design, unsure[0], timed)}.")
    if surprise := turn(analysis, found):
        texts.append(turn_text(design, surprise))
    return texts


def one_cell(analysis: Analysis) -> str:
    """What became of a study's only cell."""
    design, cell = analysis.design, analysis.cells.iloc[0]
    if cell["diverged"]:
        return f"It diverged at step {int(cell['diverged_step']):,}."
    got = (
        f"reaches {design.goal} after {design.time(cell['arrival'])}"
        if cell["reached"]
        else (f"does not reach {design.goal} within {design.length}")
    )
    best, last = (score_text(design, cell[column]) for column in ("accuracy", "tested"))
    return f"It {got}; its best {design.score.validation} is {best}, and it ends with {last} {design.score.tested}."


def score_text(design: Design, value: float) -> str:
    """A score with a digit more than an aim has."""
    return f"{value:.1%}" if design.score.is_share else f"{value:.3f}"


def worth_text(design: Design, found: Worth, timed: bool = True) -> str:
    """A worth: "elu is 3 epochs [2, 4] sooner than tanh, and 5 points [3, 7] higher in test accuracy".

    Of the score alone where no cell is ``timed``, for none reaches the target.
    """
    best, worst = (words(design, found.factor, level) for level in (found.best, found.worst))
    if found.sooner.evidence is Evidence.COPIES:
        return f"{best} is {worst} again, to the bit"
    way = "higher" if found.higher.mean >= 0 else "lower"
    score = amount(found.higher, design.score.unit, design.score.scale)
    if not timed:
        return f"{best} is {score} {way} in {design.score.tested} than {worst}"
    return (
        f"{best} is {amount(found.sooner, design.unit)} sooner than {worst}, and {score} {way} in {design.score.tested}"
    )


def turn_text(design: Design, found: Turn) -> str:
    """Where a choice is worth most, and where least or the contrary."""
    worth = found.worth
    best, worst = (words(design, worth.factor, level) for level in (worth.best, worth.worst))
    first, second = (
        f"{amount(each, design.unit)} {'sooner' if each.mean >= 0 else 'later'} "
        f"{'at' if found.by in ORDINAL else 'with'} {words(design, found.by, level)}"
        for level, each in zip(found.levels, found.sooner, strict=True)
    )
    turned = found.sooner[0].sign * found.sooner[1].sign < 0
    own, by = spoken((worth.factor, found.by))
    return (
        f"What {own} does depends most on {by}: {best} is {first}{', but' if turned else ' and'} {second} than {worst}."
    )


def amount(found: Difference, unit: str, scale: float = 1) -> str:
    """A difference without its sign, with its interval, and a word where it is not clear: "3 epochs [2, 4]"."""
    sign = -1 if found.mean < 0 else 1
    low, high = sorted((sign * scale * found.low, sign * scale * found.high))
    size, least, most = (digits(end, DIGITS) for end in (abs(scale * found.mean), low, high))
    ends = "" if found.evidence in (Evidence.NONE, Evidence.COPIES) else f" [{least}, {most}]"
    doubt = f" ({SURE[found.evidence]})" if found.evidence in (Evidence.UNCLEAR, Evidence.WEAK) else ""
    return f"{size} {unit.removesuffix('s') if size == '1' else unit}".rstrip() + ends + doubt


def numbers(analysis: Analysis) -> list[Number]:
    """Cells, those that diverged, the best combination or how many cannot be told from it, and what it all cost."""
    design, cells = analysis.design, analysis.cells
    gone = int(cells["diverged"].sum())
    return [
        Number(f"{len(cells):,}", f"{'cell' if len(cells) == 1 else 'cells'}, {plural(design.seeds, 'seed')}"),
        Number(f"{gone:,}", f"diverged ({gone / len(cells):.1%})" if gone else "diverged"),
        best(analysis),
        cost(analysis),
    ]


def best(analysis: Analysis) -> Number:
    """Who is the first at the largest depth, or how many cannot be told from it."""
    design = analysis.design
    if design.untrained:
        return Number("none", "is the best combination: nothing was trained")
    # A model with widths of its own has a depth of its own, at which nothing else may stand.
    deepest = max(analysis.extremes["depth"].unique().tolist())
    part = analysis.extremes[analysis.extremes["depth"] == deepest]
    at = f" at depth {deepest}" if design.varies("depth") else ""
    first, count = part.iloc[0], int(part["of"].iloc[0])
    if first["success_rate"] == 0:
        return Number("none", f"of {plural(count, 'combination')} reaches {design.goal}{at}")
    if count == 1:
        return Number(digits(first["rmst"], DIGITS), f"{design.unit} to {design.goal}{at}")
    shown = [factor for factor in design.compared if factor != "depth"] or ["activation"]
    tied = alike(analysis, deepest, shown)
    if tied > 1:
        return Number(f"{tied:,} of {count:,}", f"combinations cannot be told from the fastest{at}")
    frame = part.assign(activation=design.levels["activation"][0]) if shown == ["activation"] else part
    label = f"is the fastest of {count:,}{at}: {digits(first['rmst'], DIGITS)} {design.unit} to the target"
    return Number(names(design, frame, shown, 0), label)


def cost(analysis: Analysis) -> Number:
    """How long one core trains it, as reckoned; of results that do not say, how many steps were taken."""
    reckoned = analysis.manifest.get("reckoned_seconds")
    if reckoned is None:
        steps = analysis.curves.groupby("row")["step"].max().sum()
        return Number(f"{int(steps):,}", "training steps")
    minutes = reckoned / 60
    text = digits(minutes, 2) if minutes >= 1 else "under 1"
    return Number(f"{text} min", "of one processor core, as reckoned")


def opening(analysis: Analysis) -> Opening:
    """The first screen of this study."""
    return Opening(question(analysis.design), answer(analysis), numbers(analysis), *warning(analysis))
