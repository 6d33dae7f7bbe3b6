"""What stopped learning, called what it is."""

from ablation.reporting.figures.gradients import dead_saturated
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome


def test_a_bounded_activation_saturates_and_any_other_is_blocked(analysed):
    plant = lambda c: Outcome(dead=0.4 if c["activation"] == "relu" else 0.0, saturated=0.3)  # noqa: E731
    levels = {"activation": ["tanh", "relu", "elu"], "normalization": ["none", "batch"], "depth": [2, 5, 9]}
    analysis = analysed(levels, plant)
    view = dead_saturated.show(analysis)
    found = view.frame.groupby("kind")["activation"].unique().map(set).to_dict()
    assert found == {"dead": {"tanh", "relu", "elu"}, "saturated": {"tanh"}, "blocked": {"relu", "elu"}}
    assert view.title.startswith("Dead units are most common with relu (")
    assert view.title.endswith("; of bounded activations, tanh saturates most (30%)")
    figure = drawn(dead_saturated, view, analysis.design)
    assert [axis.get_ylabel() for axis in figure.axes[::4]] == ["dead units", "saturated", "blocked"]
    assert [axis.get_title() for axis in figure.axes[:4]] == [
        f"depth {depth} · {name}" for depth in (2, 9) for name in ("no normalization", "batch normalization")
    ]


def test_where_all_are_bounded_nothing_is_called_blocked(analysed):
    view = dead_saturated.show(analysed({"activation": ["tanh", "logistic"]}, lambda _: Outcome()))
    assert list(view.rows) == ["dead", "saturated"]
