"""What scripts of users rely on: columns may be added, never renamed."""

import pytest

from ablation.records.columns import COLUMNS, DEFAULTS, FACTORS

PROMISED = {
    "cells": "cell key init activation normalization clipping optimizer schedule loss model data depth width "
    "batch_size lr split seed status diverged_step parameters train_loss val_loss train_accuracy val_accuracy "
    "best_val_loss best_val_accuracy",
    "curves": "key step epoch train_loss val_loss train_accuracy val_accuracy grad_norm clip_fraction clip_cosine",
    "layers": "key step layer delta_norm weight_grad_norm weight_norm update_ratio preact_mean preact_std act_mean "
    "act_std act_p98 dead_fraction saturated_fraction",
}
"""The names as they were first published."""


@pytest.mark.parametrize("table", PROMISED)
def test_no_promised_column_is_renamed_or_taken_away(table):
    assert set(PROMISED[table].split()) <= {column.name for column in COLUMNS[table]}


def test_a_cells_name_and_row_have_the_factors_in_one_order():
    promised = PROMISED["cells"].split()[2:17]
    assert [factor for factor in FACTORS if factor in promised] == promised
    assert [column.name for column in COLUMNS["cells"]][2 : 2 + len(FACTORS)] == FACTORS


def test_factors_that_came_later_have_a_level_at_which_earlier_results_were_trained():
    assert set(FACTORS) - set(PROMISED["cells"].split()) == set(DEFAULTS)
