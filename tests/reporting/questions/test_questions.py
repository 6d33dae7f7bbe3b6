"""What holds of every question: it is answered or says why not, its figure can be drawn, and its help is true."""

import re
import shlex

import pytest

from ablation.reporting.questions import (
    QUESTIONS,
    ask_all,
    batchnorm,
    clipping,
    elu_relu,
    initialization,
    symmetry,
    vanishing,
)
from ablation.studies.study import check_study
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

EVERY = pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.NAME)
COURSE = (initialization, vanishing, elu_relu, batchnorm, clipping, symmetry)
"""The questions of which the preset course has every level; the others have presets of their own."""
HOSTILE = ["<script>alert(1)</script>", "%", "_", "a|b", "$x^2$", "=1+1", "y" * 200, "y" * 199 + "z"]
WHOLE = {
    "init": ["zeros", "small", "large"],
    "activation": ["tanh", "relu", "elu"],
    "normalization": ["none", "batch", "batch_after", "batch_input"],
    "clipping": ["none", "value"],
    "depth": [2, 5],
}
STUDIES = {
    "everything": ({**WHOLE, "lr": [0.1, 1.0]}, lambda _: Outcome()),
    "one seed": ({**WHOLE, "seed": [3]}, lambda _: Outcome()),
    "all diverged": (WHOLE, lambda _: Outcome(diverges=1)),
    "all diverged at step 0": (WHOLE, lambda _: Outcome(diverges=0)),
    "some diverged at step 0": (WHOLE, lambda c: Outcome(diverges=0 if c["activation"] != "elu" else None)),
    "a loss of one's own": ({**WHOLE, "loss": ["mine"]}, lambda _: Outcome()),
    "one cell": ({}, lambda _: Outcome()),
    "hostile names": (
        {**WHOLE, "init": ["zeros", *HOSTILE], "clipping": ["none", *HOSTILE], "depth": [3]},
        lambda _: Outcome(),
    ),
    "hostile activations": (
        {"activation": ["tanh", "relu", "elu", *HOSTILE], "init": ["zeros", "a"], "normalization": ["none", "batch"]},
        lambda _: Outcome(),
    ),
    "optimizers": (
        {"optimizer": ["sgd", "momentum"], "lr": [0.1, 1.0, 10.0], "depth": [2, 3, 4, 5], "loss": ["mine"]},
        lambda c: Outcome(diverges=1 if c["lr"] > 1 else None),
    ),
    "optimizers with hostile names": (
        {"optimizer": ["sgd", *HOSTILE, *(f"o{i}" for i in range(30))], "lr": [0.1, 1.0], "seed": [0, 1]},
        lambda c: Outcome(1 + c["seed"]),
    ),
    "depth one": ({**WHOLE, "depth": [1]}, lambda _: Outcome()),
}

DRAWN = (
    "everything",
    "optimizers",
    "optimizers with hostile names",
    "all diverged at step 0",
    "hostile names",
    "hostile activations",
)


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gets_an_answer_or_is_told_why_not(name, analysed):
    analysis = analysed(*STUDIES[name])
    for question, found in zip(QUESTIONS, ask_all(analysis), strict=True):
        assert found.title == question.TOPIC
        assert found.view.name == question.NAME
        assert bool(found.answer) == (found.view.why == ""), "an answer has a figure"
        assert found.answer.endswith(".") if found.answer else found.view.why.endswith(".")
        for text in (found.answer, *found.evidence, found.missing, found.view.title, found.view.caption):
            assert not re.search(r"\b(nan|inf|None)\b", text), text
            assert "\n" not in text
            assert "y" * 50 not in text, "long names are shortened"
        if found.answer:
            assert len(found.view.rows) * len(found.view.columns) <= 12
            if name in DRAWN:
                drawn(question, found.view, analysis.design)


@EVERY
def test_the_same_cells_get_the_same_answer(question, analysed):
    first, second = (question.ask(analysed(WHOLE, lambda c: Outcome(1 + c["seed"]))) for _ in range(2))
    assert (first.answer, first.evidence) == (second.answer, second.evidence)
    assert first.view.frame.equals(second.view.frame)


@pytest.mark.parametrize("factor", ["init", "activation", "normalization", "clipping"])
def test_a_factor_that_is_tuned_over_is_not_compared(factor, analysed):
    plant = lambda c: Outcome(None if c["init"] == "zeros" else 2, best_loss=2.3 if c["init"] == "zeros" else 0.1)  # noqa: E731
    analysis = analysed(WHOLE, plant, nuisance=(factor,))
    for found in [question.ask(analysis) for question in COURSE]:
        told = f"The report tunes over {factor}" in found.missing
        assert told == (found.answer == "")


def test_where_all_weights_begin_alike_only_random_ones_are_missing(analysed):
    for found in ask_all(analysed({**WHOLE, "init": ["zeros"]}, lambda _: Outcome())):
        assert (found.answer, found.view.why) == ("", found.missing)
        assert ": an initializer of random weights. " in found.missing


def test_the_help_of_a_lacking_study_brings_every_level(analysed, compose):
    """Every override that is told is accepted as it stands, and with all of them nothing is missing."""
    told = [found.missing for found in ask_all(analysed({"normalization": ["none"]}, lambda _: Outcome()))]
    told += [found.missing for found in ask_all(analysed({"normalization": ["none", "batch"]}, lambda _: Outcome()))]
    texts = [text.split("added by ")[1].removesuffix(".") for text in told if text]
    overrides = sorted({override for text in texts for override in shlex.split(text)})
    assert len(overrides) > 8
    study = check_study(compose("study=single", *overrides))
    names = {factor: list(levels) for factor, levels in study.config.items() if isinstance(levels, dict)}
    assert {"zeros", "torch_default"} <= set(names["init"])
    assert {"batch", "batch_after", "batch_input"} <= set(names["normalization"])


def test_the_course_holds_every_level(analysed, compose):
    config = compose("study=course")
    levels = {factor: list(config[factor]) for factor in ("init", "activation", "normalization", "clipping", "depth")}
    analysis = analysed(levels, lambda _: Outcome())
    assert [question.ask(analysis).missing for question in COURSE] == [""] * len(COURSE)
    batches = {name: level for name, level in config["normalization"].items() if name != "none"}
    assert {name: (x.get("kind", name), x.get("placement"), x.get("input")) for name, x in batches.items()} == {
        "batch": ("batch", "before", False),
        "batch_after": ("batch", "after", None),
        "batch_input": ("batch", None, True),
    }
    assert len(config["seed"]) >= 5
