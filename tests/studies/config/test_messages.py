"""What a user is told: wrong command lines and presets as people write them, each with its line.

Three dots stand for what is allowed, which is a long list.
"""

import re
import sys
from pathlib import Path

import pytest

from ablation import UserError
from ablation.records.columns import FACTORS
from ablation.reporting.options import Options
from ablation.studies import config as config_module
from ablation.studies.config import compose
from ablation.studies.study import check_study
from tests.conftest import ROOT

STUDY = {*FACTORS, "training"}
READS = {"study": STUDY, "report": {"report"}, "prepare": {"data", "split"}, "plan": {*STUDY, "report", "plan"}}
"""What each command reads."""

LINES = """
study | elu.alpha=2 | elu.alpha=2: no such key; ...; did you mean activation=elu activation.elu.alpha=2?
study | activation=elu elu.alpha=2 | elu.alpha=2: no such key; ...; did you mean activation.elu.alpha=2?
study | relu=true | relu=true: no such key; ...; did you mean activation=relu?
study | dropout=0.5 | dropout=0.5: no such key; ...; docs/studies.md has what can be set, docs/adding.md how a choice \
of your own is added
study | epochs=5 | epochs=5: no such key; ...; did you mean training.epochs=5?
study | steps=5 | steps=5: no such key; ...; did you mean training.steps=5?
study | training.lr=0.1 | training.lr=0.1: no such key; ...; did you mean lr=0.1?
study | training.optimizer=adam | training.optimizer=adam: no such key; ...; did you mean optimizer=adam?
study | training.epoch=5 | training.epoch=5: no such key; ...; did you mean training.epochs?
study | learning_rate=0.1 | learning_rate=0.1: no such key; ...; did you mean lr?
study | seeds=[0,1] | seeds=[0,1]: no such key; ...; did you mean seed?
study | layers=5 | layers=5: no such key; ...; did you mean depth?
study | units=32 | units=32: no such key; ...; did you mean width?
study | batch=32 | batch=32: no such key; ...; did you mean batch_size?
study | batchsize=32 | batchsize=32: no such key; ...; did you mean batch_size?
study | DEPTH=5 | DEPTH=5: no such key; ...; did you mean depth?
study | workers=2 | workers=2: no such key; ...; did you mean engine.workers=2?
study | uri=x | uri=x: no such key; ...; did you mean tracking.uri=x?
study | store=here | store=here: no such key; ...; did you mean paths.store=here?
report | confidence=0.9 | confidence=0.9: no such key; ...; did you mean report.confidence=0.9?
study | alpha=2 | alpha=2: no such key; ...; did you mean activation=elu activation.elu.alpha=2?
study | weight_decay=0.1 | weight_decay=0.1: no such key; ...; it is a parameter of levels, as \
optimizer.sgd.weight_decay=0.1, ...
study | bn.momentum=0.9 | bn.momentum=0.9: no such key; ...; did you mean normalization=batch \
normalization.batch.momentum=0.9?
study | momentum=0.9 | momentum=0.9: no such key; ...; did you mean optimizer=momentum?
study | activation=ReLU | activation=ReLU: no such level; ...; did you mean relu?
study | activation=[relu,ELU] | activation=ELU: no such level; ...; did you mean elu?
study | activation=sigmoid | activation=sigmoid: no such level; ...; did you mean logistic?
study | activation=mish | activation=mish: no such level; ...; docs/adding.md says how one of your own is added
study | optimizer=SGD | optimizer=SGD: no such level; ...; did you mean sgd?
study | init=he | init=he: no such level; ...; did you mean he_normal?
study | init=glorot_uniform | init=glorot_uniform: no such level; ...; did you mean xavier_uniform?
study | init=kaiming_normal | init=kaiming_normal: no such level; ...; did you mean he_normal?
study | normalization=batchnorm | normalization=batchnorm: no such level; ...; did you mean batch?
study | loss=crossentropy | loss=crossentropy: no such level; ...; did you mean cross_entropy?
study | data=MNIST | data=MNIST: no such level; ...; did you mean mnist?
study | data=my.csv | data=my.csv: no such level; ...; a file of yours is data=table data.table.file=my.csv \
data.table.target=...
study | data.file=my.csv | data.file=my.csv: data=file is not selected; did you mean data=table \
data.table.file=my.csv?
study | data={mine: ...} | data.mine=...: must be a mapping of parameters, as {kind: table, file: my.csv, target: label}
study | data={mine: {file: my.csv}} | data.mine.kind=mine: must be one of ...; a name of your own says its kind, as \
{kind: table, file: my.csv, target: label}
study | activation.elu.alpha=2 | activation.elu.alpha=2: activation=elu is not selected; did you mean activation=elu \
activation.elu.alpha=2?
study | activation.alpha=2 | activation.alpha=2: activation=alpha is not selected; did you mean activation=elu \
activation.elu.alpha=2?
study | optimizer.lr=0.1 | optimizer.lr=0.1: optimizer=lr is not selected; did you mean lr=0.1?
study | ~activation.elu | ~activation.elu: activation=elu is not selected; selected are relu
study | study=singel | study=singel: no such level; ...; did you mean single?
study | study=conf/study/single.yaml | study=conf/study/single.yaml: no such level; ...; did you mean single?
report | study=units | study=units: no such level; ...; results that have this name are reported by name=units
report | units | units: an override is key=value without spaces, as depth=3; did you mean name=units?
report | activation=[relu] | activation=[relu]: report.py does not read activation, it is for study.py; a study of \
these levels alone, name=another activation=[relu], trains none of the cells that are there; taken here: ...
report | training.epochs=5 | training.epochs=5: report.py does not read training, it is for study.py; taken here: ...
study | single | single: an override is key=value without spaces, as depth=3; did you mean study=single?
prepare | mnist | mnist: an override is key=value without spaces, as depth=3; did you mean data=mnist?
study | activation = relu | activation: an override is key=value without spaces; did you mean activation=relu?
study | activation relu | activation: an override is key=value without spaces; did you mean activation=relu?
study | activation==relu | activation==relu: has one = too many; did you mean activation=relu?
study | lr:0.1 | lr:0.1: an override is key=value without spaces, as depth=3; did you mean lr=0.1?
study | lr=(0.1,1) | lr=(0.1,1): a list stands in square brackets, as 'lr=[0.1,1]'
study | lr={0.1} | lr={0.1}: a list stands in square brackets, as 'lr=[0.1]'
study | +activation.e={elu, alpha: 2} | +activation.e={elu, alpha: 2}: a mapping is keys with their values, as \
'+activation.e={kind: elu, alpha: 2.0}'
study | --study=single | --study=single: unrecognized arguments: --study=single; an override has no dashes: study=single
study | --study single | --study single: unrecognized arguments: --study; an override has no dashes: study=single
study | -study=single | -study=single: unrecognized arguments: -study=single; an override has no dashes: study=single
"""

TABLE = [[part.strip() for part in line.split(" | ")] for line in LINES.strip().splitlines()]


def words_of(text: str) -> list[str]:
    """Return the words as a shell hands them on, what is in brackets in one."""
    return re.findall(r"(?:[^\s{(]|\{(?:[^{}]|\{[^}]*\})*\}|\([^)]*\))+", text)


def fits(told: str, expected: str) -> bool:
    return re.fullmatch(".+".join(map(re.escape, expected.split("..."))), told, re.DOTALL) is not None


@pytest.mark.parametrize(("stage", "given", "expected"), TABLE, ids=[line[1] for line in TABLE])
def test_a_wrong_command_line_is_answered_by_what_was_perhaps_meant(stage, given, expected, monkeypatch):
    words = words_of(given)
    monkeypatch.setattr(sys, "argv", [f"{stage}.py", *words])
    begin = [] if "study" in given or stage == "report" else ["study=single"]
    with pytest.raises(UserError) as refused:
        Options.of(check_study(compose([*begin, *words], READS[stage])).report)
    told = str(refused.value)
    assert "\n" not in told
    assert told == expected or fits(told, expected), told


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import shutil

    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    monkeypatch.setattr(config_module, "CONF", tmp_path / "conf")
    return tmp_path / "conf"


HEAD = "# @package _global_\n"
TEN = "docs/studies.md has a preset in ten lines"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: mine\n", f", line 1: must have the line '# @package _global_' above its first key; {TEN}"),
        ("", f": is empty; a preset begins with '# @package _global_' and sets a name; {TEN}"),
        (
            f"{HEAD}name: mine\n\nactivation: [relu]\n",
            ", line 4: activation: must be keys with their values, not [relu]; what is to be selected stands under "
            f"defaults, as '- override /activation: [relu]'; {TEN}",
        ),
        (f"{HEAD}name: mine\nepochs: 5\n", ", line 3: epochs: no such key; ...; did you mean training.epochs?"),
        (f"{HEAD}name: mine\n# more\nseeds: [1]\n", ", line 4: seeds: no such key; ...; did you mean seed?"),
        (
            f"{HEAD}name: mine\ntraining:\n  steps: 5\n  epoch: 5\n",
            ", line 5: training.epoch: no such key; ...; did you mean epochs?",
        ),
        (f"{HEAD}defaults: core\n", f": defaults: must be a list of files and of 'override /group: [names]'; {TEN}"),
        (
            f"{HEAD}name: mine\ndefaults:\n  - override /activation: [ReLU]\n",
            ": activation: ReLU: no such level; ...; did you mean relu?",
        ),
        (f"{HEAD}name: mine\nseed: [0, 1\n", ", line 3: is no YAML that can be read here (...)"),
    ],
)
def test_a_wrong_preset_is_told_with_its_line(conf, text, told):
    (conf / "study" / "mine.yaml").write_text(text, "utf-8")
    with pytest.raises(UserError) as refused:
        compose(["study=mine"])
    assert "\n" not in str(refused.value)
    assert fits(str(refused.value), f"conf/study/mine.yaml{told}"), str(refused.value)
