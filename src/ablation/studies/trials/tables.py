"""Schedules of a user's own that go by time alone, looked at over the whole of each training that is planned."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ablation import UserError
from ablation.choices.schedules import SCHEDULES
from ablation.studies.cells import Cell
from ablation.studies.own.files import fault, kind_of
from ablation.studies.registries import OURS
from ablation.training.clock import Clock
from ablation.training.schedule import goes_by_time, table_of


def check_tables(cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a schedule by which a step of a cell would have a learning rate that is none.

    Args:
        cells: the study's.
        cards: the card of each cell's data, by name.

    Raises:
        UserError: naming the level, the step and the factor.
    """
    planned = {}
    for cell in cells:
        level = cell.spec.schedule
        if level.kind not in OURS["schedule"] and goes_by_time(SCHEDULES[level.kind]):
            examples = int(cards[cell.data]["train"])
            lengths = Clock.of(cell.spec, examples).steps, examples // cell.spec.batch_size
            planned[cell.factors["schedule"], lengths] = level
    for (label, (steps, steps_per_epoch)), level in planned.items():
        named = f"schedule.{label}: {level.kind}"
        settings = tuple(sorted(level.settings.items()))
        try:
            with torch.inference_mode():
                table_T = table_of(SCHEDULES[level.kind], settings, steps, steps_per_epoch)
        except (Exception, SystemExit) as error:  # whatever a user's own code may raise; told as it is
            raise UserError(f"{named} fails: {fault(error) or kind_of(error)}") from error
        for step in (~(table_T.isfinite() & (table_T >= 0))).nonzero().flatten()[:1].tolist():
            raise UserError(
                f"{named}: its factor at step {step} of {steps}, counted from 0, is {table_T[step]:g}; allowed: a "
                "finite number, zero or more"
            )
