"""What is to be noted of a model and its terms beside their numbers: what was left out or is not known, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

Factors = tuple[str, ...]


class Remark(Enum):
    """Why a study's effects, or one of them, are not what they might be; ``wording.remarks`` says it."""

    LACKS_SEED = auto()
    """So many combinations, of so many in all, were not run with every seed."""
    ONE_LEVEL = auto()
    """The factor has a single level."""
    NO_INTERACTIONS = auto()
    """With interactions no degree of freedom would be left."""
    NO_EFFECTS = auto()
    """With main effects alone none would be left either."""
    ALIASED = auto()
    """The term is others again."""
    PARTLY = auto()
    """So many of the term's degrees of freedom, of so many in all, can be estimated."""
    NO_COMBINATION = auto()
    """No combination was run with every seed."""
    NO_TERM = auto()
    """The model has no term."""
    CONSTANT = auto()
    """Within a seed the response is the same everywhere."""
    EXPLAINED = auto()
    """The terms leave nothing of the response."""
    UNTRAINED = auto()
    """The study trains for no epoch."""
    SEVERAL_LOSSES = auto()
    """The study compares losses."""
    UNKNOWN_GUESSING = auto()
    """What guessing costs in this loss is not known."""
    ONE_SEED = auto()
    """There is no interval and no test, and the error is that of three-way interactions."""
    NO_INTERVAL = auto()
    """One seed fewer would leave nothing."""
    AGREE = auto()
    """All seeds give the very same effect, so that there is nothing to hold it against."""
    NEVER = auto()
    """The term makes no difference at all with any seed."""
    MAIN_ALONE = auto()
    """The model of times has main effects alone."""
    TOO_FEW_ARRIVE = auto()
    """With some seed too few cells reach the target to say anything of times."""


@dataclass(frozen=True)
class Note:
    """A remark on the term of these ``factors``, or without any on the whole, with the ``numbers`` that it is about."""

    remark: Remark
    factors: Factors = ()
    numbers: tuple[int, ...] = ()

    @property
    def term(self) -> str:
        """The term's name, empty for the whole."""
        return term_name(self.factors)


def term_name(factors: Sequence[str]) -> str:
    """A term as it stands in tables: "init", "init x depth"."""
    return " x ".join(factors)
