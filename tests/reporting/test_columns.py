"""A column that has a factor's name is that factor: nothing that is computed hides one, whichever factors vary."""

import matplotlib.pyplot as plt
import pytest

from ablation.records.columns import FACTORS
from ablation.reporting import figures, tables
from ablation.reporting.findings import findings
from ablation.reporting.questions import QUESTIONS, ask_all
from tests.reporting.synthetic import Outcome

NUMBERS = {"depth": [2, 5], "width": [4, 8], "batch_size": [32, 64], "split": [0, 1], "examples": [64, None]}
NAMES = {"init": ["zeros", "he_normal"], "activation": ["relu", "elu"], "order": ["random", "fixed"]}
VARYING = {factor: ["none", "other"] for factor in FACTORS} | NUMBERS | NAMES
VARYING |= {"label_noise": [0.0, 0.5], "seed": [0, 1], "lr": [0.1, 1.0]}


def planted(cell):
    """The rate that is best is another for each level, so that no column is constant by chance."""
    number = sum(VARYING[factor].index(cell[factor]) for factor in FACTORS if cell[factor] in VARYING[factor])
    return Outcome(1 + number % 4, best_loss=0.1 + 0.3 * (number % 3))


@pytest.mark.parametrize("rates", [[0.1], [0.01, 0.1, 1.0]])
@pytest.mark.parametrize("factor", FACTORS)
def test_no_column_hides_a_factor(factor, rates, analysed):
    levels = {"seed": [0, 1], "lr": rates, factor: VARYING[factor]}
    analysis = analysed(levels, planted)
    frames = {build.__name__: build(analysis).frame for build in tables.builders()}
    views = {figures.name_of(drawing): drawing.show(analysis) for drawing in figures.drawings()}
    views |= {asked.NAME: answer.view for asked, answer in zip(QUESTIONS, ask_all(analysis), strict=True)}
    frames |= {name: view.frame for name, view in views.items() if view is not None}
    known = {name: set(map(str, analysis.design.levels[name])) for name in FACTORS}
    for table, frame in frames.items():
        assert frame.columns.is_unique, table
        for name in ({*FACTORS} - {"seed"}) & {*frame.columns}:
            assert set(frame[name].dropna().map(str)) <= known[name] | {""}, (table, name)
    assert findings(analysis)
    plt.close("all")
