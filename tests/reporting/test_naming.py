"""No two levels of a factor are shown alike, in whatever room; a file for programs holds each whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablation.reporting.naming import cut, labels, look, raw, shorten

NEAR = "ab_\\t 1.…\u00e9e\u0301\u0430\u200b\u00a0\u6fc0\u6d3b\ufe0f\u3164xX"
"""Characters that are easily taken for each other, or not seen at all."""
TEXTS = st.text(st.sampled_from(NEAR), min_size=1, max_size=40) | st.text(min_size=1, max_size=12)
LONG = st.builds(
    lambda head, middle, tail: "x" * head + middle + "y" * tail,
    st.integers(0, 60),
    st.text("ab…", max_size=30),
    st.integers(0, 60),
).filter(bool)
FLOATS = st.floats(1e-12, 1e12) | st.sampled_from([0.1, 0.1000001, 0.10000000000000002, 1e-10, 1.0000001e-10, 1.0])
SETS = (
    st.lists(TEXTS, min_size=1, max_size=12, unique=True)
    | st.lists(LONG, min_size=1, max_size=12, unique=True)
    | st.lists(FLOATS, min_size=1, max_size=12, unique=True)
    | st.lists(st.integers(0, 10**15), min_size=1, max_size=12, unique=True)
)


@given(SETS, st.integers(2, 60), st.sampled_from([lambda _: True, lambda one: one.isascii()]))
def test_levels_that_differ_are_shown_unlike_in_any_room(levels, most, drawable):
    shown = labels(levels, drawable)
    assert list(shown) == levels
    assert len({look(text) for text in shown.values()}) == len(levels), "not even by a reader"
    assert all(text.isprintable() and text == " ".join(text.split()) for text in shown.values())
    short = shorten(shown, most)
    assert len(set(short.values())) == len(levels)
    alone = all(
        cut(text, most) not in {cut(other, most) for other in shown.values() if other != text}
        for text in shown.values()
    )
    assert not alone or max(map(len, short.values())) <= most
    assert len({raw(level) for level in levels}) == len(levels)


@given(FLOATS)
def test_a_number_in_a_file_is_the_number(value):
    assert float(raw(value)) == value


@pytest.mark.parametrize(
    ("levels", "shown"),
    [
        ([0.1, 0.1000001], ["0.1", "0.1000001"]),
        ([1e-10, 1.0000001e-10, 1.0, 100.0], ["1e-10", "1.0000001e-10", "1", "100"]),
        ([1000000, 1000001], ["1000000", "1000001"]),
        (["0.1", "0.10"], ["0.1", "0.10"]),
        (["relu", "ReLU"], ["relu", "ReLU"]),
        (["a b", "a  b", "a\tb", "a\\tb"], ["a b", "a \\x20b", "a\\tb", "a\\\\tb"]),
        (["a", "a\u200b"], ["a", "a\\u200b"]),
        (["tanh", "t\u0430nh"], ["tanh", "t\\u0430nh"]),
        (["\u6fc0\u6d3b", "relu"], ["\u6fc0\u6d3b", "relu"]),
    ],
)
def test_labels(levels, shown):
    assert list(labels(levels).values()) == shown


@pytest.mark.parametrize(
    ("levels", "short"),
    [
        (["a" * 60, "relu"], ["aaaaaaaaaaaaaa…aaaaaaa", "relu"]),
        (["a" * 59 + "1", "a" * 59 + "2"], ["aaaaaaaaaaaaaa…aaaaaa1", "aaaaaaaaaaaaaa…aaaaaa2"]),
        (
            ["x" * 20 + "one" + "y" * 20, "x" * 20 + "two" + "y" * 20],
            ["xxxxxxxxxx…xxoneyy…yyy", "xxxxxxxxxx…xxtwoyy…yyy"],
        ),
        (["a" * 14 + "…" + "b" * 7, "a" * 30 + "b" * 30], ["a" * 14 + "…" + "b" * 7, "a" * 14 + "…" + "b" * 8]),
    ],
)
def test_long_names_keep_what_tells_them_apart(levels, short):
    assert list(shorten(labels(levels), 22).values()) == short
