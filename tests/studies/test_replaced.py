import pytest

from ablation.studies.cells import expand
from ablation.studies.replaced import replaced
from ablation.studies.run import run_study


def told(study):
    return replaced(study, expand(study))


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        ([], ["activation=elu"], ["activation relu, now elu"]),
        (["depth=[1,2]", "lr=[0.1,0.2]"], ["depth=1"], ["depth 1, 2, now 1", "lr 0.1, 0.2, now 0.1"]),
        (["activation=elu"], ["activation=elu", "activation.elu.alpha=2"], ["activation.elu.alpha 1.0, now 2.0"]),
        ([], ["training.epochs=3"], ["training.epochs 2, now 3"]),
        ([], ["seed=1", "width=4", "depth=3", "lr=1"], ["and 1 more"]),
    ],
)
def test_results_that_would_be_lost_are_told_with_what_differs(study, before, now, words):
    assert told(study(*before)) is None, "nothing is there yet"
    run_study(study(*before))
    line = told(study(*now))
    assert line.startswith(f"{study().results_folder}: this study takes the place of another")
    for each in words:
        assert each in line


def test_the_same_study_and_one_that_has_more_lose_nothing(study):
    run_study(study("seed=1"))
    for now in (["seed=1"], ["seed=[1,2]", "activation=[relu,elu]"], ["seed=[1]", "report.confidence=0.9"]):
        assert told(study(*now)) is None


def test_it_is_told_before_training_once(study, capsys):
    run_study(study())
    run_study(study("activation=tanh"))
    assert capsys.readouterr().err.count("takes the place of another") == 1
    (study().results_folder / "manifest.json").write_text("{}", "utf-8")
    assert told(study()) is None, "what is no manifest is no study"
