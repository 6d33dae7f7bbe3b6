"""A level keeps its color, and many are told apart."""

from ablation.reporting.figures.theme import styles
from tests.reporting.synthetic import Outcome


def test_an_activation_keeps_its_color_from_study_to_study(analysed):
    one = styles(analysed({"activation": ["relu", "mine"]}, lambda _: Outcome()).design, "activation")
    two = styles(analysed({"activation": ["tanh", "relu"]}, lambda _: Outcome()).design, "activation")
    assert one["relu"] == two["relu"]
    assert len({(str(style["color"]), style["marker"]) for style in (*one.values(), *two.values())}) == 3


def test_thirty_levels_are_told_apart(analysed):
    design = analysed({"activation": [f"a{i}" for i in range(30)]}, lambda _: Outcome()).design
    assert len({(str(style["color"]), style["marker"]) for style in styles(design, "activation").values()}) == 30
