"""Views and drawings: what is shown, what is said, and what keeps its place."""

import numpy as np
import pytest

from ablation.reporting import convergence_views, figures, health_views
from ablation.reporting.views import View, apart, few, plural, words
from tests.reporting.synthetic import Outcome


def test_few_keeps_both_ends():
    assert few(range(12), 4) == [0, 4, 7, 11]
    assert few(range(3), 6) == [0, 1, 2]
    assert few(["only"], 3) == ["only"]


@pytest.mark.parametrize("heights", [[1, 1, 1], [0.5, 0.52, 0.9], [0] * 8, [1] * 8, [0.3]])
def test_labels_are_moved_apart_in_order(heights):
    spots = apart(heights, 0.1)
    assert np.all(np.diff(np.sort(spots)) >= 0.1 - 1e-12)
    assert max(spots) <= 1.03
    order = np.argsort(heights, kind="stable")
    assert [heights[i] for i in np.argsort(spots)] == [heights[i] for i in order]


def test_words():
    assert words("clipping", "none") == "no clipping"
    assert words("normalization", "batch") == "batch normalization"
    assert (words("depth", 20), words("init", "zeros")) == ("depth 20", "zeros")
    assert (plural(1, "epoch"), plural(2.5, "epoch")) == ("1 epoch", "2.5 epochs")


def test_an_activation_keeps_its_color_from_study_to_study(analysed):
    one = figures.styles(analysed({"activation": ["relu", "mine"]}, lambda _: Outcome()).design, "activation")
    two = figures.styles(analysed({"activation": ["tanh", "relu"]}, lambda _: Outcome()).design, "activation")
    assert one["relu"] == two["relu"]
    assert len({(str(style["color"]), style["marker"]) for style in (*one.values(), *two.values())}) == 3


def test_thirty_levels_are_told_apart(analysed):
    design = analysed({"activation": [f"a{i}" for i in range(30)]}, lambda _: Outcome()).design
    assert (
        len({(str(style["color"]), style["marker"]) for style in figures.styles(design, "activation").values()}) == 30
    )


def test_heat_map_holds_the_medians_and_what_is_fixed(analysed):
    plant = lambda c: Outcome(None if c["init"] == "zeros" else 2 + (c["clipping"] == "value"))  # noqa: E731
    levels = {"init": ["zeros", "he_normal"], "activation": ["relu", "tanh"], "clipping": ["value", "none"]}
    view = convergence_views.time_to_target(analysed(levels, plant))
    assert view.frame.groupby("init", observed=True)["median_epochs"].first().to_dict() == {
        "zeros": np.inf,
        "he_normal": 2,
    }
    assert "Held fixed: no clipping." in view.caption
    assert view.title == "At depth 3, he_normal + tanh is among the fastest to 90% validation accuracy: 2 epochs"


def test_panels_stay_few_and_say_what_is_left_out(analysed):
    levels = {"depth": range(1, 13), "normalization": ["none", "batch"], "activation": ["relu", "tanh"]}
    analysis = analysed(levels, lambda _: Outcome())
    for show, _ in figures.FIGURES:
        view = show(analysis)
        assert len(view.rows) * len(view.columns) <= 12
        if "depth" in view.frame and len(view.columns) > 1 and view.name != "success_curves":
            assert f"{len(view.columns)} of 12 levels of depth are shown" in view.caption


def test_learning_curves_count_a_diverged_cell_as_guessing(analysed):
    analysis = analysed({"seed": [0, 1]}, lambda c: Outcome(1, diverges=2 if c["seed"] else None))
    frame = convergence_views.learning_curves(analysis).frame.set_index("epoch")
    assert frame.loc[1.0, "mean"] == pytest.approx(0.96)
    assert frame.loc[3.0, "mean"] == pytest.approx((0.96 + 0.1) / 2)
    assert (frame.loc[3.0, "low"], frame.loc[3.0, "high"]) == pytest.approx((0.1, 0.96))


def test_delta_beyond_the_floor_stands_on_it(analysed):
    view = health_views.delta_norm(analysed({"depth": [10]}, lambda _: Outcome(decades=5.0)))
    assert view.frame["mean"].min() == pytest.approx(health_views.FLOOR)
    assert "loses 28.0 decades" in view.title


@pytest.mark.parametrize("show", [show for show, _ in figures.FIGURES], ids=lambda show: show.__name__)
def test_what_cannot_be_drawn_says_why(show, analysed):
    view = show(analysed({"depth": [1]}, lambda _: Outcome(), epochs=0))
    assert view.why.endswith(".") or len(view.frame) > 0
    assert isinstance(view, View)
