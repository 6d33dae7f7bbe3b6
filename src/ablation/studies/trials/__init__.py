"""Choices of a user's own, tried before anything is trained: what breaks the law of bits is refused, by name."""

from ablation import UserError
from ablation.studies.machine.fingerprint import one_thread
from ablation.studies.study import Study
from ablation.studies.trials.elementwise import NotElementwiseError, check_elementwise
from ablation.studies.trials.law import KNOWN, UnlawfulError, check_law


def try_choices(study: Study) -> None:
    """Try every choice of the study that is not known to keep the law of bits.

    Raises:
        UserError: naming the level, what is wrong with its function, and the remedy.
    """
    with one_thread():
        for label, level in study.levels["activation"].items():
            try:
                check_elementwise(level)
            except NotElementwiseError as error:
                raise UserError(
                    f"activation.{label}: {level.kind} is no function of each number alone: {error}; it must be "
                    "written in operations on single numbers, without chance, state or sums"
                ) from error
        for choice in KNOWN:
            for label, level in study.levels[choice].items():
                try:
                    check_law(choice, level)
                except UnlawfulError as error:
                    raise UserError(
                        f"{choice}.{label}: {level.kind} breaks the law that no cell's numbers depend on others: "
                        f"{error}; it must reduce within a cell alone, without chance, and do without what torch "
                        "rounds by place, as it does torch.sigmoid(x) and x**0.3 but not 1 / (1 + torch.exp(-x))"
                    ) from error
