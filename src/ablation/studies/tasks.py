"""What a study's data ask for, classes or numbers: one of them, and losses that can be had of it.

Legend: S cells, B batch, C classes.
"""

from collections.abc import Mapping
from typing import Any

import torch

from ablation import UserError
from ablation.choices.losses import LOSSES
from ablation.datasets.examples import REGRESSION
from ablation.studies.study import Study
from ablation.training.spec import Level, bind


def check_tasks(study: Study, cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a study of both tasks, and a loss of classes alone where the data have numbers.

    Args:
        study: the study.
        cards: the data's, by name.

    Raises:
        UserError: naming the data, or the loss and the data.
    """
    tasks = {card["label"]: card["task"] for card in cards.values()}
    if len(set(tasks.values())) > 1:
        told = ", ".join(f"{label} is {task}" for label, task in tasks.items())
        raise UserError(f"data=[{','.join(study.data)}]: a study is of classification or of regression; {told}")
    if REGRESSION in tasks.values():
        for label, level in study.levels["loss"].items():
            if not takes_numbers(level):
                raise UserError(
                    f"loss={label}: takes classes, and the targets of data={next(iter(tasks))} are numbers "
                    "(regression); allowed: mse, without softmax"
                )


def takes_numbers(level: Level) -> bool:
    """Whether a loss can be had of labels that are real numbers: it is tried, a user's own as the project's."""
    output_SBC, label_SB = torch.zeros(2, 3, 1), torch.full((2, 3), 0.5)
    with torch.inference_mode():
        try:
            loss_S, grad_SBC = bind(LOSSES, level)(output_SBC, label_SB)
            return bool(loss_S.shape == (2,) and grad_SBC.shape == output_SBC.shape)
        except Exception:  # whatever it raises of labels that it was not made for
            return False
