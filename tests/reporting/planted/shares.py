"""How often something happens among studies, its interval, and whether a bar is kept."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scipy.stats import beta

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Bar:
    """Where a share must lie."""

    low: float
    high: float
    said: str

    def allows(self, low: float, high: float) -> bool:
        """Whether an interval for a share reaches into it: a share beyond the bar may be chance, one far beyond not."""
        return low <= self.high and high >= self.low


COVER = Bar(0.93, 0.97, "93 to 97%")
FALSE = Bar(0.0, 0.05, "at most 5%")
SELDOM = Bar(0.0, 0.20, "at most 20%")
"""A guess among five levels."""
ANY = Bar(0.0, 1.0, "")
"""What is counted to be known, without a bar."""


def clopper_pearson(count: int, total: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval for a share that covers it at least as often as it says (Clopper & Pearson 1934)."""
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, count, total - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, total - count)) if count < total else 1.0
    return low, high


@dataclass
class Tally:
    """How often each of some things happened in so many studies: one thing, or one for each of several terms."""

    total: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, happened: Mapping[str, bool]) -> None:
        """Count a study."""
        self.total += 1
        for name, value in happened.items():
            self.counts[name] += bool(value)

    def worst(self) -> tuple[str, int]:
        """What happened most often, and how often."""
        return max(self.counts.items(), key=lambda item: (item[1], item[0]))

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float]:
        """The interval for the share of what happened most often, Bonferroni's where that is one of several."""
        return clopper_pearson(self.worst()[1], self.total, 1 - (1 - confidence) / len(self.counts))

    def keeps(self, bar: Bar, confidence: float = CONFIDENCE) -> bool:
        """Whether the bar may be kept, as far as so many studies can tell."""
        return bar.allows(*self.interval(confidence))

    def text(self) -> str:
        """The share and its interval."""
        (name, count), (low, high) = self.worst(), self.interval()
        share = f"{count / self.total:.1%}"
        if len(self.counts) > 1:
            share = f"{min(self.counts.values()) / self.total:.1%} to {share} ({name})"
        return f"{share} [{low:.1%}, {high:.1%}]"


def tallied(studies: Iterable[Mapping[str, Mapping[str, bool]]]) -> dict[str, Tally]:
    """By what is counted, how often it happened in these studies."""
    tallies: dict[str, Tally] = {}
    for study in studies:
        for said, happened in study.items():
            tallies.setdefault(said, Tally()).add(happened)
    return tallies
