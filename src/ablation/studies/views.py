"""Views of prepared data: the names by which they are loaded, and what their cards say.

A view is made when a worker loads it (``training/view.py``) and has no file. Its name is that of the prepared data with
what is not whole behind it, ``digits.split3.examples256.noise0.5``, and its card is theirs but for the number of
training examples and the digest. So whatever asks by a cell's data how many examples there are asks of the view.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ablation import UserError
from ablation.datasets.prepared import name_of, named
from ablation.training.view import View

VIEWED = re.compile(r"(?P<prepared>.+?)(\.examples(?P<examples>\d+))?(\.noise(?P<noise>[^a-z]+(e[-+]?\d+)?))?")
"""A name of a view, in its parts; a data level's label has no dot."""

Cards = dict[str, dict[str, Any]]


def name_of_view(label: str, view: View) -> str:
    """Return the name by which a view of a data level is loaded; that of the prepared data where it is whole."""
    examples = "" if view.examples is None else f".examples{view.examples}"
    noise = f".noise{float(view.label_noise)!r}" if view.label_noise else ""
    return f"{name_of(label, view.split)}{examples}{noise}"


def view_named(name: str) -> tuple[str, View]:
    """Return the data level's label and the view of which this is the name."""
    found = VIEWED.fullmatch(name)
    assert found is not None, "a name of a view"
    label, split = named(found["prepared"])
    examples = None if found["examples"] is None else int(found["examples"])
    return label, View(examples, float(found["noise"] or 0.0), split)


def whatever_the_split(name: str) -> str:
    """Return a view's name without its split."""
    label, view = view_named(name)
    return name_of_view(label, replace(view, split=0))


def with_views(cards: Mapping[str, dict[str, Any]], names: Iterable[str]) -> Cards:
    """Return the cards of prepared data, and those of the views of these names.

    Raises:
        UserError: a view has more examples than the training part, or its label noise replaces no label of them, or as
            many as another's does.
    """
    names = list(names)
    _refuse_alike(cards, names)
    return {**cards, **{name: card_of(name, cards[prepared_name(name)]) for name in names if name not in cards}}


def _refuse_alike(cards: Mapping[str, dict[str, Any]], names: Iterable[str]) -> None:
    """Refuse levels of label noise that are one to so few examples: their cells would be the same run twice."""
    seen: dict[tuple[str, int], dict[int, float]] = {}
    for name in sorted(names):
        label, view = view_named(name)
        prepared = prepared_name(name)
        total = int(cards[prepared]["train"])
        examples = total if view.examples is None else view.examples
        count = view.replaced(examples)
        other = seen.setdefault((prepared, examples), {0: 0.0}).setdefault(count, view.label_noise)
        if other != view.label_noise:
            given, last = sorted((other, view.label_noise))
            few = f"{count} label{'' if count == 1 else 's'} of the {examples} training examples of data {label}"
            raise UserError(
                f"label_noise={last:g}: replaces {few}, as {given:g} does; levels must differ by one at least, a share "
                f"of {1 / examples:.2g}"
            )


def prepared_name(name: str) -> str:
    """Return the name of the prepared data that a view is of."""
    label, view = view_named(name)
    return name_of(label, view.split)


def card_of(name: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """Return a view's card, made of that of the prepared data.

    Raises:
        UserError: the view has more examples than their training part.
    """
    label, view = view_named(name)
    total = int(card["train"])
    examples = total if view.examples is None else view.examples
    if examples > total:
        raise UserError(
            f"examples={examples}: data {label} has {total} training examples; allowed: null or 1 to {total}"
        )
    if examples == total and not view.label_noise:
        return dict(card)  # to the bit
    told = [card["digest"], view.split, examples, float(view.label_noise)]
    return {**card, "train": examples, "digest": hashlib.sha256(json.dumps(told).encode()).hexdigest()}
