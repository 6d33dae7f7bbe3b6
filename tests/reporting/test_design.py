"""Options, the order of levels, and labels."""

import pytest

from ablation import UserError
from ablation.reporting.options import Options
from ablation.reporting.tables.combinations import performance_profile
from ablation.reporting.wording.phrases import words
from tests.reporting.synthetic import Outcome


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"tuning": "none"}, "report.tuning=none: must be nested or same"),
        ({"confidence": 1.0}, "report.confidence=1.0"),
        ({"profile_max_tau": 1}, "report.profile_max_tau=1"),
        ({"nuisance": ["seed"]}, "report.nuisance=seed"),
        ({"nuisance": ["split"]}, "report.nuisance=split: cannot be tuned over"),
        ({"nuisance": ["examples"]}, "report.nuisance=examples: cannot be tuned over"),
        ({"nuisance": ["label_noise"]}, "report.nuisance=label_noise: cannot be tuned over"),
        ({"nuisance": ["lrr"]}, "report.nuisance=lrr"),
        ({"typo": 1}, "report.typo"),
        ({"nuisance": ["loss"]}, "report.nuisance=loss: cannot be tuned over; allowed are init"),
        ({"nuisance": ["lr", "lr"]}, r"report.nuisance=\[lr,lr\]: lr is there twice"),
        ({"nuisance": 5}, "report.nuisance=5: must be a list of factors"),
        ({"nuisance": [5]}, "report.nuisance=5: cannot be tuned over"),
        ({"confidence": "abc"}, "report.confidence=abc: must be a number between 0 and 1"),
        ({"confidence": None}, "report.confidence=None: must be a number"),
        ({"confidence": float("nan")}, "report.confidence=nan: must be a number"),
        ({"confidence": True}, "report.confidence=True: must be a number"),
        ({"profile_max_tau": "x"}, "report.profile_max_tau=x: must be a number above 1"),
        ({"workers": 0}, "report.workers=0: must be null or a whole number from 1 to 1024"),
        ({"workers": 1025}, "report.workers=1025: must be null or a whole number"),
        ({"workers": True}, "report.workers=True: must be null or a whole number"),
        ({"workers": 1.5}, "report.workers=1.5: must be null or a whole number"),
        ({"workers": "all"}, "report.workers=all: must be null or a whole number"),
        ({"reference": "relu"}, "report.reference=relu: must be a level a factor, as {activation: relu}, or null"),
        ({"reference": {"activatoin": "relu"}}, "report.reference.activatoin: is no factor; allowed are init, act"),
        ({"reference": {"seed": 0}}, "report.reference.seed: seeds are no choice; allowed are init"),
        ({"reference": {"lr": 0.1}}, r"report.reference.lr: it is tuned over \(report.nuisance\); allowed are init"),
        ({"reference": {"init": ["a", "b"]}}, r"report.reference.init=\['a', 'b'\]: must be one level of init, by its"),
        ({"reference": {"init": True}}, "report.reference.init=True: must be one level of init"),
        (None, "report=None: must be a mapping"),
        ({"figures": ["delta_norms"]}, "report.figures=delta_norms: unknown; allowed are choices, time_to_target,"),
        ({"figures": {"delta_norm": 1}}, "must be a list of figures, as "),
        ({"target": 1.0}, "report.target=1.0: must be null or a number between 0 and 1"),
        ({"target": "high"}, "report.target=high: must be a number between 0 and 1"),
        ({"target": True}, "report.target=True: must be a number"),
        ({"style": "slides"}, "report.style=slides: must be paper or lecture"),
        ({"title": "Mine"}, "report.title=Mine: only for one figure"),
        ({"title": "Mine", "figures": ["phase", "delta_norm"]}, "report.title=Mine: only for one figure"),
        ({"title": 5, "figures": "phase"}, "report.title=5: must be null or a text"),
    ],
)
def test_options_out_of_range_are_refused_by_key_and_value(config, says):
    with pytest.raises(UserError, match=says):
        Options.of(config)


def test_options_of_a_config():
    assert Options.of({"nuisance": ["lr", "batch_size"]}).nuisance == ("lr", "batch_size")
    assert Options.of({"nuisance": None}).nuisance == ()
    assert Options.of({}) == Options()
    assert Options.of({"workers": None}) == Options()
    assert Options.of({"figures": "phase", "target": None, "title": None}) == Options(figures=("phase",))
    assert Options.of({"figures": None}) == Options()
    assert Options.of({"workers": 3}).overrides() == [], "it decides nothing that is said"


def test_a_baseline_is_the_level_that_all_hold_against(analysed):
    levels = {"normalization": ["none", "batch"], "depth": [2, 5], "examples": [64, None], "width": [8, 16]}
    given = Options.of({"reference": {"normalization": "batch", "width": "16", "examples": None}})
    design = analysed(levels, lambda _: Outcome(), reference=given.reference).design
    assert [design.reference(x) for x in ("normalization", "width", "examples", "depth")] == ["batch", 16, "all", 2]
    assert design.reference_among("normalization", ["none"]) == "none"
    assert given.overrides() == ['report.reference={normalization: batch, width: "16", examples: null}']


def test_a_baseline_that_the_study_lacks_is_refused(analysed):
    says = r"report.reference.activation=rleu: the study has no such level; it has tanh, relu"
    with pytest.raises(UserError, match=says):
        analysed({"activation": ["relu", "tanh"]}, lambda _: Outcome(), reference=(("activation", "rleu"),))


def test_levels_stand_by_meaning_numbers_ascending_the_rest_as_configured(analysed):
    levels = {
        "activation": ["mine", "relu", "logistic"],
        "init": ["zeros", "he_normal"],
        "depth": [8, 2],
        "lr": [1.0, 0.1],
    }
    design = analysed(levels, lambda _: Outcome()).design
    assert design.levels["activation"] == ("logistic", "relu", "mine")
    assert design.levels["init"] == ("zeros", "he_normal")
    assert design.levels["depth"] == (2, 8)
    assert design.compared == ("init", "activation", "depth")  # lr is tuned over, seeds are blocks
    assert design.goal == "90% validation accuracy"


def test_all_examples_stand_behind_every_number_of_them_and_are_the_reference(analysed):
    levels = {"examples": [None, 64, 16], "label_noise": [0.5, 0.0], "order": ["sorted", "random"], "seed": [0, 1]}
    analysis = analysed(levels, lambda _: Outcome())
    design = analysis.design
    assert design.levels["examples"] == (16, 64, "all")
    assert design.levels["label_noise"] == (0.0, 0.5)
    assert design.levels["order"] == ("sorted", "random"), "as configured"
    assert (design.reference("examples"), design.reference("label_noise")) == ("all", 0.0)
    assert design.compared == ("order", "examples", "label_noise")
    assert design.choices == ("order",)
    assert analysis.cells["examples"].value_counts().to_dict() == {16: 8, 64: 8, "all": 8}
    said = [words(design, factor, design.levels[factor][0]) for factor in design.compared]
    assert said == ["sorted order", "16 examples", "label_noise 0"]


def test_order_can_be_tuned_over(analysed):
    plant = lambda c: Outcome(best_loss=0.1 if c["order"] == "random" else 0.2)  # noqa: E731
    tuned = analysed({"order": ["sorted", "random"], "seed": [0, 1]}, plant, nuisance=("order",)).tuned
    assert tuned["order"].astype(str).unique().tolist() == ["random"]


@pytest.mark.parametrize("problems", [{"label_noise": [0.0, 0.5]}, {"examples": [16, None]}, {"data": ["a", "b"]}])
def test_problems_are_no_candidates(problems, analysed):
    plant = lambda c: Outcome(1 if c["activation"] == "elu" else 2 + c["seed"])  # noqa: E731
    analysis = analysed({"activation": ["relu", "elu"], **problems, "seed": [0, 1, 2]}, plant)
    assert {found.factor for found in analysis.winners} == {"activation", None}
    assert set(performance_profile(analysis).frame["factor"]) == {"activation"}
    alone = analysed({**problems, "seed": [0, 1, 2]}, lambda _: Outcome())
    assert alone.design.choices == ("activation",)
    assert {found.factor for found in alone.winners} == {None}
    assert set(performance_profile(alone).frame["factor"]) == {"activation"}


def test_a_study_of_one_combination_still_has_a_row(analysed):
    assert analysed({}, lambda _: Outcome()).design.compared == ("activation",)


def test_what_is_tuned_over_is_not_what_is_compared(analysed):
    design = analysed({"activation": ["relu", "elu"]}, lambda _: Outcome(), nuisance=("activation",)).design
    assert design.compared == ("init",)
