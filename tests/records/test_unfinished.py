from ablation.records.unfinished import unfinished_text


def counted(expected: int, finished: int, diverged: int) -> str:
    return unfinished_text({"cells": {"expected": expected, "finished": finished, "diverged": diverged}})


def test_only_where_cells_are_missing_something_is_said():
    assert counted(2000, 1900, 100) == ""
    assert "of its 2,000 cells, 1,999 make whole combinations" in counted(2000, 1900, 99)
