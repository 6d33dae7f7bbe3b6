"""The command of a line trains its cells: composed as the command line would, it has them and no others."""

import shlex

import pandas as pd
import pytest

from ablation.records.columns import FACTORS
from ablation.reporting.design import leveled, read_design
from ablation.reporting.explorer.commands import commands, value_text
from ablation.reporting.options import Options
from ablation.studies.cells import expand
from ablation.studies.study import check_study

CASES = [
    (["study=core"], {"activation": "elu", "depth": 8, "lr": 0.3}),
    (["study=core", "activation=[relu,elu]"], {"activation": "elu", "clipping": "none"}),
    (
        ["study=single", "name=mine", "activation=[relu,elu]", "+activation.soft={kind: elu, alpha: 2.0}"],
        {"activation": "soft"},
    ),
    (["study=single", "activation=[relu,elu]", "activation.elu.alpha=0.5"], {"activation": "elu"}),
    (["study=core", "~activation.relu"], {"activation": "tanh"}),
    (["study=capacity", "examples=[256,null]"], {"examples": None, "label_noise": 0.5}),
    (["study=optimizers"], {"optimizer": "adam", "lr": 0.003}),
    (["study=optimizers", "optimizer=[sgd,adam]", "optimizer.adam.lr=[0.1,0.2]"], {"optimizer": "adam", "lr": 0.2}),
    (["study=single", "optimizer=adam", "optimizer.adam.lr=[0.1,0.2]"], {"lr": 0.2}),
    (["study=schedules"], {"schedule": "cosine_warmup", "optimizer": "momentum"}),
]


@pytest.mark.parametrize(("overrides", "pick"), CASES, ids=lambda case: " ".join(map(str, case)))
def test_a_command_has_the_cells_of_its_line_and_no_others(overrides, pick, compose):
    study = check_study(compose(*overrides))
    cells = expand(study)
    table = pd.DataFrame([cell.factors for cell in cells])
    manifest = {
        "name": study.name,
        "overrides": study.overrides,
        "config": study.config,
        "factors": {factor: table[factor].unique().tolist() for factor in FACTORS},
        "levels": {"optimizer": study.config["optimizer"]},
        "horizon": study.horizon,
        "targets": {label: [0.8, 0.9, 0.95] for label in study.data},
        "data": {},
    }
    design = read_design(manifest, table, Options())
    found = commands(manifest, design, list(pick))
    words = shlex.split(found["base"])
    assert words[:2] == ["python", "pipelines/study.py"]
    for factor, level in pick.items():
        [label] = leveled(factor, [level])
        word = found["words"][factor][design.levels[factor].index(label)]
        optimizer = design.levels["optimizer"].index(pick.get("optimizer", design.levels["optimizer"][0]))
        words.append(word.replace("lr", found["rates"][optimizer], 1) if factor == "lr" else word)
    again = check_study(compose(*words[2:]))
    assert again.name == f"{study.name}_picked"
    wanted = [cell for cell in cells if all(cell.factors[factor] == level for factor, level in pick.items())]
    assert 0 < len(wanted) < len(cells)
    assert [(cell.factors, cell.spec) for cell in expand(again)] == [(cell.factors, cell.spec) for cell in wanted]


def test_settings_are_written_as_the_command_line_reads_them():
    value = {"kind": "elu", "alpha": 2.0, "gain": None, "on": True, "widths": [300, 100], "text": "a b"}
    assert value_text(value) == '{kind: elu, alpha: 2.0, gain: null, on: true, widths: [300, 100], text: "a b"}'
