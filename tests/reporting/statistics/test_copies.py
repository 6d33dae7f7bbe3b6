"""Which cells are one outcome: their curves to the bit; and which level repeats which."""

import numpy as np
import pandas as pd

from ablation.reporting.statistics.copies import MEASURED, outcome_numbers
from tests.reporting.synthetic import Outcome


def curves(*rows):
    return pd.DataFrame([{"row": row, **dict.fromkeys(MEASURED, value), "step": step} for row, step, value in rows])


def test_a_bit_makes_another_outcome_and_so_does_an_evaluation_more():
    near = np.nextafter(np.float32(0.5), np.float32(1))
    frame = curves((0, 0, 0.5), (0, 5, 0.4), (1, 0, 0.5), (1, 5, 0.4), (2, 0, near), (2, 5, 0.4), (3, 0, 0.5))
    assert outcome_numbers(frame, 4).tolist() == [0, 0, 1, 2]


def test_cells_that_were_never_evaluated_are_no_copies():
    assert outcome_numbers(curves((1, 0, 0.5)), 3).tolist() == [0, 1, 2]


def test_what_was_not_measured_is_alike():
    frame = curves((0, 0, np.nan), (1, 0, np.nan))
    assert outcome_numbers(frame, 2).tolist() == [0, 0]


LEVELS = {"activation": ["relu", "tanh"], "clipping": ["none", "value", "norm"], "lr": [0.1, 1.0], "seed": [0, 1]}


def planted(cell):
    """Value clipping acts at the large rate alone, norm clipping always, in a way of its own."""
    acts = cell["clipping"] == "norm" or (cell["clipping"] == "value" and cell["lr"] == 1.0)
    late = 2 if cell["activation"] == "relu" else 3
    return Outcome(late, loss=(2.4 + 0.01 * cell["seed"] + 0.1 * cell["lr"], 0.2 + (0.01 if acts else 0.0)))


def test_a_level_is_held_against_those_before_it_all_else_equal(analysed):
    analysis = analysed(LEVELS, planted)
    found = analysis.copies.set_index("level")
    assert analysis.distinct == 2 * 2 * (3 * 2 - 2)
    assert found.loc["none", ["cells", "same"]].tolist() == [8, 0]
    assert found.loc["value", ["cells", "same", "share", "twin"]].tolist() == [8, 4, 0.5, "none"]
    assert found.loc["norm", ["cells", "same", "twin"]].tolist() == [8, 4, "value"]
    assert found.loc["tanh", "same"] == 0


def test_a_study_without_copies_has_none(analysed):
    analysis = analysed({"activation": ["relu", "tanh"]}, lambda c: Outcome(1 if c["activation"] == "relu" else 2))
    assert analysis.distinct == 2
    assert analysis.copies["same"].sum() == 0
