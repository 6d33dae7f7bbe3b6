"""What is said of the choices against the baseline, and what its figure shows of them."""

from ablation.reporting.figures import draw
from ablation.reporting.figures.effects import against_reference
from ablation.reporting.findings import findings
from ablation.reporting.findings.baseline import against_baseline
from ablation.reporting.findings.headlines import headlines
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "elu", "tanh"], "init": ["he_normal", "zeros"], "depth": [2, 8], "seed": range(5)}
BASELINE = (("activation", "relu"), ("init", "he_normal"))


def planted(cell):
    """ELU is sooner by three epochs, more or less; zeros are the same runs as he_normal."""
    late = {"relu": 5, "elu": 2 - cell["seed"] % 2, "tanh": 5 + (cell["seed"] % 3 - 1)}[cell["activation"]]
    return Outcome(late, final=0.96 if cell["activation"] != "elu" else 0.97 + 0.001 * (cell["seed"] % 2))


def test_the_sentences_name_what_is_clear_and_count_every_comparison(analysed):
    a = analysed(LEVELS, planted, reference=BASELINE)
    of_activation, of_init = against_baseline(a)
    assert of_activation.startswith(
        "At depth 8, against relu with he_normal: in restricted mean time to the target, elu -3.4 [-4.08, -2.72] epochs"
    )
    assert "1 of 2 not clearly; in final test accuracy, elu +1.04 [+0.972, +1.11] points" in of_activation
    assert of_init.startswith(
        "At depth 8, against he_normal with relu: no level clearly differs in restricted mean time"
    )
    assert "(zeros: the same runs to the bit)" in of_init
    frame = a.against_reference
    clear, tests = (frame["evidence"] == "clear").sum(), frame["p"].notna().sum()
    assert of_init.endswith(f"{clear} of {tests} comparisons with the baseline, every one counted, are clear.")
    assert of_activation in findings(a)


def test_one_seed_has_no_evidence_and_no_baseline_no_sentence(analysed):
    alone = against_baseline(analysed({**LEVELS, "seed": [0]}, planted, reference=BASELINE))
    assert alone[-1].endswith("One seed: no interval, so no evidence either way.")


def test_without_a_baseline_nothing_is_said(small_analysis):
    assert against_baseline(small_analysis) == []


def test_the_figure_shows_both_differences_in_the_units_of_its_axes(analysed):
    a = analysed(LEVELS, planted, reference=BASELINE)
    view = against_reference.show(a)
    assert (list(view.rows), list(view.columns)) == (["activation", "init"], ["rmst", "test_accuracy"])
    assert view.title == "Against relu at depth 8, elu arrives sooner by 3.4 epochs"
    own = view.frame[(view.frame["level"] == "elu") & (view.frame["depth"] == 8)].set_index("response")["mean"]
    assert own.round(6).to_dict() == {"rmst": -3.4, "test_accuracy": 1.04}
    assert not draw(against_reference, view, a.design).view.why


def test_a_figure_of_many_levels_and_depths_says_what_it_leaves_out(analysed):
    levels = {"activation": [f"a{place:02}" for place in range(30)], "depth": list(range(2, 9)), "seed": [0, 1]}
    a = analysed(levels, lambda c: Outcome(1 + c["seed"] + c["depth"] % 3), reference=(("activation", "a00"),))
    view = against_reference.show(a)
    assert "24 of 29 levels of activation are shown" in view.caption
    assert "5 of 7 depths are shown" in view.caption
    assert not draw(against_reference, view, a.design).view.why


def test_the_deepest_is_of_the_cells_that_are_there(analysed):
    planned = lambda c: (c["model"], c["depth"]) in (("mlp", 2), ("mlp", 5), ("cone", 3))  # noqa: E731
    levels = {"model": ["mlp", "cone"], "depth": [2, 3, 5, 8], "activation": ["relu", "tanh"], "seed": [0, 1]}
    a = analysed(levels, lambda c: Outcome(1 + c["seed"]), planned=planned, reference=(("activation", "relu"),))
    (text,) = against_baseline(a)
    assert text.startswith("At depth 5, against relu: no level clearly differs")
    assert headlines(a)["depth_5_success_rate"] == 1
    assert against_reference.show(a).title == "Against relu at depth 5, no other activation differs clearly"
