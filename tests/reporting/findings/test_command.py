"""The command that runs a study again says each key once."""

from types import SimpleNamespace

import pytest

from ablation.reporting.findings.command import again

GIVEN = ["study=core", "name=mine", "+lr=[0.1]", "depth=[2,5]", "activation={a: {kind: elu, alpha: 2}}"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], "study=core name=mine '+lr=[0.1]' 'depth=[2,5]' 'activation={a: {kind: elu, alpha: 2}}'"),
        (["lr=[1]"], "study=core name=mine 'depth=[2,5]' 'activation={a: {kind: elu, alpha: 2}}' 'lr=[1]'"),
        (["lr=[1]", "depth=3"], "study=core name=mine 'activation={a: {kind: elu, alpha: 2}}' 'lr=[1]' depth=3"),
    ],
)
def test_an_override_takes_the_place_of_what_was_given_for_its_key(overrides, expected):
    analysis = SimpleNamespace(manifest={"overrides": GIVEN})
    assert again(analysis, *overrides) == f"python pipelines/study.py {expected}"
