"""Choices of a user's own, tried before anything is trained: what is wrong with one is told by the level's name.

Legend of the suffixes in this folder: S cells, B batch, I fan-in, O fan-out, C classes, P parameters of a cell,
V numbers of its vectors, T steps, 1 an axis of length one.
"""

import re
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from ablation import UserError
from ablation.studies.machine.fingerprint import one_thread
from ablation.studies.own.files import fault, kind_of
from ablation.studies.registries import OURS
from ablation.studies.study import Study
from ablation.studies.trials.afterwards import check_afterwards
from ablation.studies.trials.derivative import WrongDerivativeError, check_activation, check_loss, check_network
from ablation.studies.trials.elementwise import NotElementwiseError, check_elementwise
from ablation.studies.trials.law import UnlawfulError, cell_with, check_law
from ablation.studies.trials.lent import LentError
from ablation.studies.trials.results import WrongResultError, check_results
from ablation.training.spec import Level

OF_AUTOGRAD = r"requires?[ _]grad|grad_fn|[Ii]nference"
"""What torch says where it is to differentiate and cannot."""

Trial = Callable[[str, Level], None]


def try_choices(study: Study) -> None:
    """Try every choice of the study that is not one of the project's.

    Raises:
        UserError: naming the level, what is wrong with its function, and the remedy.
    """
    levels = {**study.levels, "model": {label: Level(model.kind, {}) for label, model in study.models.items()}}
    # As in training, where torch differentiates nothing.
    with one_thread(), torch.inference_mode():
        for factor, ours in OURS.items():
            for label, level in levels[factor].items():
                if level.kind not in ours:
                    _try(factor, label, level)


def _try(factor: str, label: str, level: Level) -> None:
    named = f"{factor}.{label}: {level.kind}"
    try:
        for trial in _trials(factor):
            trial(factor, level)
    except (WrongResultError, WrongDerivativeError, LentError) as error:
        raise UserError(f"{named}: {error}") from error
    except NotElementwiseError as error:
        raise UserError(
            f"{named} is no function of each number alone: {error}; it must be written in operations on single "
            "numbers, without chance, state or sums"
        ) from error
    except UnlawfulError as error:
        raise UserError(
            f"{named} breaks the law that no cell's numbers depend on others: {error}; it must reduce within a cell "
            "alone, without chance or memory outside its state, and do without what torch rounds by place, as it does "
            "torch.sigmoid(x) and x**0.3 but not 1 / (1 + torch.exp(-x))"
        ) from error
    except (Exception, SystemExit) as error:  # whatever a user's own code may raise; told as it is
        told = fault(error) or f"{_where(error)}: {kind_of(error)}"
        hint = "; torch differentiates within torch.inference_mode(False) and torch.enable_grad() alone, on a clone"
        raise UserError(
            f"{named} fails when it is tried: {told}{hint if re.search(OF_AUTOGRAD, told) else ''}"
        ) from error


def _trials(factor: str) -> Iterator[Trial]:
    if factor == "activation":
        yield lambda _, level: check_elementwise(level)
        yield lambda _, level: check_activation(level)
        yield check_afterwards
        return
    yield check_results
    if factor == "loss":
        yield lambda _, level: check_loss(level)
    if factor in ("normalization", "model"):
        yield lambda factor, level: check_network(cell_with(factor, level))
    yield check_law
    yield check_afterwards


def _where(error: BaseException) -> str:
    """Return where an exception was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{Path(last.filename).name}, line {last.lineno}"
