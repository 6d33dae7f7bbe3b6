"""Views and drawings: what is shown, what is said, and what keeps its place."""

import matplotlib as mpl
import numpy as np
import pytest

from ablation.reporting import convergence_views, figures, health_views
from ablation.reporting.design import plural
from ablation.reporting.views import View, apart, few, words
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
    assert view.frame["median"].min() == pytest.approx(health_views.FLOOR)
    assert "loses 28.0 decades" in view.title


@pytest.mark.parametrize("show", [show for show, _ in figures.FIGURES], ids=lambda show: show.__name__)
def test_what_cannot_be_drawn_says_why(show, analysed):
    view = show(analysed({"depth": [1]}, lambda _: Outcome(), epochs=0))
    assert view.why.endswith(".") or len(view.frame) > 0
    assert isinstance(view, View)


def drawn(view, plot, design):
    with mpl.rc_context(figures.THEME):
        figure = plot(view, design)
        figure.draw_without_rendering()
        figure.draw_without_rendering()
    return figure


def test_learning_curves_run_to_the_horizon_whatever_became_of_the_cells(analysed):
    view = convergence_views.learning_curves(analysed({"activation": ["relu", "elu"]}, lambda _: Outcome(diverges=0)))
    assert view.frame["epoch"].unique().tolist() == list(range(7))
    assert view.frame["mean"].tolist() == pytest.approx([0.1] * 14)
    assert view.title == "At depth 3, every cell diverged"


@pytest.mark.parametrize(
    ("levels", "nuisance", "says"),
    [
        ({}, ("lr",), "one level of normalization and one level of clipping"),
        ({"normalization": ["none", "batch"]}, ("lr",), "has one level of clipping:"),
        ({"normalization": ["none", "batch"], "clipping": ["none", "value"]}, ("clipping",), "tunes over clipping"),
    ],
)
def test_batchnorm_vs_clipping_says_why_not(levels, nuisance, says, analysed):
    assert says in convergence_views.batchnorm_vs_clipping(analysed(levels, lambda _: Outcome(), nuisance=nuisance)).why


def test_without_a_level_none_nothing_stands_alone(analysed):
    levels = {"normalization": ["batch", "other"], "clipping": ["none", "value"]}
    title = convergence_views.batchnorm_vs_clipping(analysed(levels, lambda _: Outcome())).title
    assert "alone" not in title
    assert "100% of cells reach the target with" in title


def test_one_exact_zero_does_not_stand_for_all_seeds(analysed):
    view = health_views.delta_norm(
        analysed({"depth": [4], "seed": [0, 1, 2]}, lambda c: Outcome(decades=0.1 if c["seed"] else 40.0))
    )
    first = view.frame[(view.frame["probe"] == "last") & (view.frame["layer"] == 1)].iloc[0]
    assert first["median"] == pytest.approx(10**-2.3, rel=1e-5)
    assert first["low"] == pytest.approx(health_views.FLOOR)
    assert "Median over 3 seeds" in view.caption


def test_axes_of_delta_and_layers_are_plain_numbers(analysed):
    a = analysed({"depth": [1, 4]}, lambda _: Outcome(decades=0.05))
    axis = drawn(health_views.delta_norm(a), figures.delta_norm, a.design).axes[0]
    labels = [text.get_text() for text in axis.yaxis.get_ticklabels(which="both")]
    assert not any("$" in text for text in labels)
    assert len([text for text in labels if text]) >= 2
    low, high = axis.get_ylim()
    assert high / low >= 10
    one = drawn(health_views.dead_saturated(a), figures.dead_saturated, a.design).axes[0]
    assert one.get_title().startswith("depth 1")
    ticks = [tick for tick in one.get_xticks() if 0.5 <= tick <= 1.5]
    assert ticks == [1]


@pytest.mark.parametrize("place", range(len(figures.FIGURES)), ids=lambda i: figures.FIGURES[i][0].__name__)
def test_nineteen_long_names_leave_room_for_the_panels(place, analysed):
    levels = {"activation": [*(f"elu_with_a_long_name_{i}" for i in range(18)), "x" * 150], "depth": [2, 5]}
    a = analysed(levels, lambda _: Outcome())
    show, plot = figures.FIGURES[place]
    view = show(a)
    if view.why:
        return
    figure = drawn(view, plot, a.design)
    panels = [axis for axis in figure.axes if axis.axison]
    heights = [axis.get_window_extent().height / figure.dpi for axis in panels]
    assert min(heights) > 0.5
    top = max(axis.get_tightbbox().y1 for axis in panels)
    assert figure._suptitle.get_window_extent().y0 >= top - 1
    for legend in figure.legends:
        assert legend.get_window_extent().y1 <= min(axis.get_window_extent().y0 for axis in panels)
