"""Normalization against clipping, and why it cannot always be shown."""

import pytest

from ablation.reporting.figures.convergence import batchnorm_vs_clipping
from tests.reporting.synthetic import Outcome


@pytest.mark.parametrize(
    ("levels", "nuisance", "says"),
    [
        ({}, ("lr",), "one level of normalization and one level of clipping"),
        (
            {"normalization": ["none", "batch"]},
            ("lr",),
            "one level of clipping; 'clipping=[none,global_norm]'",
        ),
        ({"normalization": ["none", "batch"], "clipping": ["none", "value"]}, ("clipping",), "tunes over clipping"),
    ],
)
def test_batchnorm_vs_clipping_says_why_not(levels, nuisance, says, analysed):
    assert says in batchnorm_vs_clipping.show(analysed(levels, lambda _: Outcome(), nuisance=nuisance)).why


def test_without_a_level_none_nothing_stands_alone(analysed):
    levels = {"normalization": ["batch", "other"], "clipping": ["none", "value"]}
    title = batchnorm_vs_clipping.show(analysed(levels, lambda _: Outcome())).title
    assert "alone" not in title
    assert "100% of cells reach the target with" in title
