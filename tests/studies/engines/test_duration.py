"""How long a study will take: reckoned, measured where it may be long, and said in words."""

import math

import pytest

from ablation.studies import run
from ablation.studies.cells import expand
from ablation.studies.engines import duration
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.engines.duration import HOUR, SAMPLE_SECONDS, estimate, in_words, stand_in, told, train_sample
from ablation.studies.machine.cost import Ends, seconds
from ablation.studies.run import run_study
from tests.studies.engines.reference import ENDS

DIGITS = {"digits": Ends(64, 10, 1079, 359, 359)}


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (0.2, "about a second"),
        (45.4, "about 45 seconds"),
        (89.9, "about 90 seconds"),
        (90, "about 2 minutes"),
        (49 * 60, "about 49 minutes"),
        (50 * 60, "about an hour"),
        (HOUR, "about an hour"),
        (1.6 * HOUR, "about 1.6 hours"),
        (30 * HOUR, "about 30 hours"),
        (40 * HOUR, "about 1.7 days"),
        (86400 * 30, "about 30 days"),
        (86400 * 100, "about 3 months"),
        (86400 * 365.25 * 1234, "about 1,234 years"),
    ],
)
def test_a_time_is_written_as_people_say_it(time, words):
    assert in_words(time) == words


def cohorts_of(study, *overrides):
    return make_cohorts(expand(study(*overrides)), ENDS, 1, Limits(2**40, 64))


def test_a_short_study_is_reckoned_and_nothing_is_measured(study):
    def never(sample):
        raise AssertionError

    assert 0 < estimate(cohorts_of(study), DIGITS, 2, never) < 60


def test_a_long_study_takes_as_much_longer_as_this_machine_is_slower(study):
    cohorts = cohorts_of(study, "training.epochs=1000000", "activation=[relu,tanh,elu,selu]", "depth=[2,10]")
    asked = []

    def pace(sample):
        asked.append(sample)
        return 3 * sample.reckoned

    alike = estimate(cohorts, DIGITS, 1, lambda sample: sample.reckoned)
    assert estimate(cohorts, DIGITS, 1, pace) == pytest.approx(3 * alike, rel=1e-4)
    assert len(asked) == duration.KINDS
    assert alike == pytest.approx(
        sum(seconds(c.cells[0].spec, DIGITS["digits"], len(c.cells)) for c in cohorts), rel=1e-4
    )
    # More workers than cohorts do not help, and the longest cohort is a bound.
    assert estimate(cohorts, DIGITS, 1000, lambda sample: sample.reckoned) >= alike / len(cohorts)


@pytest.mark.parametrize(
    "overrides",
    [
        ("width=30000", "depth=2"),
        ("width=4", "depth=3000"),
        ("batch_size=1079", "training.probe_size=1079", "width=2000"),
        ("training.epochs=0",),
        ("seed=[0,1,2,3,4,5,6,7]", "width=1000", "training.epochs=100"),
    ],
    ids=" ".join,
)
def test_a_sample_is_short_however_large_the_cells_are_and_never_longer_than_they(study, overrides):
    (cohort,) = cohorts_of(study, *overrides)
    sample = stand_in(cohort, DIGITS["digits"])
    assert sample.reckoned <= 2 * SAMPLE_SECONDS
    assert len(sample.specs) <= len(cohort.cells)
    assert sample.specs[0].epochs <= cohort.cells[0].spec.epochs
    assert sample.ends.train <= DIGITS["digits"].train


def test_a_sample_is_trained_and_timed(study):
    (cohort,) = cohorts_of(study, "depth=3", "width=16")
    assert 0 < train_sample(stand_in(cohort, DIGITS["digits"]), "cpu") < 60


def test_what_takes_over_an_hour_is_said_before_it_begins_and_goes_on(study, monkeypatch, capsys):
    monkeypatch.setattr(run, "estimate", lambda *arguments: 5 * HOUR)
    assert run_study(study()).trained == 1
    assert "single: 1 cell on 1 worker will take about 5 hours; it begins now" in capsys.readouterr().err
    monkeypatch.setattr(run, "estimate", lambda *arguments: math.nextafter(HOUR, 0))
    run_study(study("seed=1"))
    assert "will take" not in capsys.readouterr().err


def test_cells_and_workers_are_counted_in_words():
    assert told("core", 10 * HOUR, 2000, 4).startswith("core: 2,000 cells on 4 workers will take about 10 hours; ")
