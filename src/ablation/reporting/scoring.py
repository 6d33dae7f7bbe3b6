"""What says how good a network is: the share of right answers, or R squared where numbers are predicted.

Both stand in the columns named ``*_accuracy``. R squared is 1 for who knows every number and 0 for who guesses their
mean; who does worse is below, without end, so that one bad cell would outweigh all others in a mean: there it counts as
``least``.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Score:
    """How a score is said, and where it lies.

    Attributes:
        name: in words.
        validation: on the validation part.
        test: on the test part at the end.
        best: the best one in validation, in brief, as an axis has it.
        final: how a caption that spoke of the final loss goes on.
        unit: of a difference, and ``scale`` what it is multiplied by for that.
        least: what counts as the worst.
        noted: what a caption says of that, if anything.
    """

    name: str
    validation: str
    test: str
    best: str
    final: str
    unit: str
    scale: float
    least: float
    noted: str

    @property
    def is_share(self) -> bool:
        """Whether it is a share, and written in percent."""
        return self.scale == 100

    @property
    def tested(self) -> str:
        """The score on the test part, in words: "test accuracy"."""
        return f"test {self.name}"

    def text(self, value: float) -> str:
        """A score as one would write it: 93%, or 0.47."""
        return f"{value:.0%}" if self.is_share else f"{value:.2f}"

    def goal(self, value: float) -> str:
        """A score that is aimed at, in words."""
        return f"{100 * value:.3g}% {self.validation}" if self.is_share else f"{self.name} {value:.3g} in validation"

    def chance(self, classes: int | None) -> float:
        """The score of guessing: every class alike, or the mean."""
        return 1 / classes if classes else 0.0


ACCURACY = Score(
    "accuracy",
    "validation accuracy",
    "final test accuracy",
    "best val. accuracy",
    "the final one on the test part",
    "points",
    100,
    0.0,
    "",
)
R_SQUARED = Score(
    "R squared",
    "R squared in validation",
    "final test R squared",
    "best val. R squared",
    "the final R squared on the test part",
    "",
    1,
    -1.0,
    " R squared below -1 counts as -1.",
)
SCORES = {"classification": ACCURACY, "regression": R_SQUARED}
"""By the task of a study's data."""
