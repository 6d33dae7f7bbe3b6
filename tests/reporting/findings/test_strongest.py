"""Sentences on effects name what was planted, and call weak what is weak."""

from ablation.reporting.findings.strongest import described, strongest_choices
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

FACTORS = {"activation": ["relu", "tanh"], "normalization": ["none", "batch"], "depth": [2, 8], "seed": list(range(6))}


def slow_without(factor, level):
    return lambda c: Outcome((3 if c[factor] == level else 9) + luck(c, 4))


def test_the_strongest_choice_is_the_planted_one_and_changes_with_it(analysed):
    for factor, level, said in (("normalization", "batch", "batch takes 0."), ("activation", "tanh", "relu takes 2.")):
        texts = strongest_choices(analysed(FACTORS, slow_without(factor, level), epochs=15))
        assert texts[0].startswith(
            f"Of single choices, these matter most for time to target (partial omega squared): {factor} 0."
        )
        assert "Of pairs of choices, none is sure to matter for time to target" in texts[1]
        ratio = next(text for text in texts if text.startswith("By the log-normal accelerated failure time model"))
        assert said in ratio or "no level is faster than tanh; relu takes" in ratio
        best = [text for text in texts if text.startswith("At depth")]
        assert len(best) == 2
        assert all(f"the best is {'batch normalization' if level == 'batch' else level}" in text for text in best)


def test_without_an_effect_none_is_claimed(analysed):
    texts = strongest_choices(analysed(FACTORS, lambda c: Outcome(3 + luck(c, 4)), epochs=15))
    assert texts[0].startswith("Of single choices, none is sure to matter for time to target")
    assert not any(text.startswith("By the log-normal") for text in texts)
    assert not any("the best is" in text for text in texts)


def test_an_effect_is_not_said_to_be_below_zero_where_its_interval_is_not():
    row = {"term": "a x b", "omega_sq": -0.03, "omega_low": 0.0, "omega_high": 0.4, "p_holm": 0.59}
    assert described(row) == "a x b 0.00 [0.00, 0.40], p = 0.59 (weak: the interval reaches zero)"


def test_where_all_are_censored_there_is_no_sentence_of_times(analysed):
    texts = strongest_choices(analysed(FACTORS, lambda _: Outcome(None)))
    assert texts
    assert all("final validation loss" in text or "final test accuracy" in text for text in texts)


def test_one_seed_says_so(analysed):
    texts = strongest_choices(analysed({**FACTORS, "seed": [0]}, slow_without("normalization", "batch"), epochs=15))
    assert "no interval" in texts[0]
