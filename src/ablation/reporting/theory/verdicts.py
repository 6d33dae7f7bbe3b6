"""What comes of holding a measurement against a prediction, and the reasons for it."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class Verdict(StrEnum):
    """What comes of a comparison, as tables have it."""

    AGREES = "agrees"
    DIFFERS = "differs"
    UNDECIDED = "undecided"
    """The tolerance is wider than the slope itself."""
    UNMEASURED = "no measurement"
    UNPREDICTED = "no prediction"


class Cause(Enum):
    """What a verdict rests on beside its numbers; ``wording.reasons`` says it."""

    NO_MODEL = auto()
    """There is no theory here of the model of this name."""
    NO_NORMALIZATION = auto()
    """Nor for the normalization of this kind."""
    SILENT = auto()
    """Weights are zero, and so is delta before the last layer."""
    NOT_SILENT = auto()
    """Weights are zero, and delta is not."""
    SHALLOW = auto()
    """A network of so many layers, the first so many left out, has too few for a slope."""
    DIVERGED = auto()
    """No cell lived to the first probe."""
    NO_DELTA = auto()
    """Delta is zero or not finite in so many layers of so many."""
    LENGTHS = auto()
    """With the measured lengths they agree; the last layer's is so many times the predicted."""
    LATE = auto()
    """From so deep a layer on they agree."""
    TOO_DEEP = auto()
    """A network so narrow is too deep for the theory of wide layers."""
    UNEXPLAINED = auto()
    TOO_NARROW = auto()
    """A slope of none would lie within the tolerance as well."""
    OUTSIDE = auto()
    """The prediction lies outside the interval over seeds, and within the tolerance."""


@dataclass(frozen=True)
class Reason:
    """A cause with the numbers or the name that it is about."""

    cause: Cause
    numbers: tuple[float, ...] = ()
    name: str = ""
