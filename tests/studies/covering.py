"""Covering arrays: rows of levels, one a factor, in which every two levels of different factors stand together."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import combinations

Place = tuple[str, int]
"""A factor, and the place of one of its levels among them."""
Row = dict[str, int]


def covering(factors: Mapping[str, Sequence[Hashable]], refused: Callable[[Place, Place], bool]) -> list[Row]:
    """Return rows that hold every pair of levels that is not refused, and none that is.

    One row after the other, as AETG does (Cohen et al. 1997, section 3): it begins with a pair that no row has yet, and
    takes of each further factor the level that brings the most such pairs; of several, the one in fewest rows so far.

    Raises:
        ValueError: a pair stands in no row, for each has a third level that one of the two refuses.
    """
    pairs = every_pair(factors)
    no = {pair for pair in pairs if refused(*pair)}
    open_pairs = [pair for pair in pairs if pair not in no]
    missing: dict[Place, set[Place]] = {}
    for first, second in open_pairs:
        missing.setdefault(first, set()).add(second)
        missing.setdefault(second, set()).add(first)
    no |= {(second, first) for first, second in no}
    used: dict[Place, int] = {}
    rows: list[Row] = []
    for pair in open_pairs:
        if pair[1] not in missing[pair[0]]:
            continue
        row = list(pair)
        for factor in factors:
            if factor in (pair[0][0], pair[1][0]):
                continue
            fitting = [
                place
                for place in ((factor, level) for level in range(len(factors[factor])))
                if not any((place, other) in no for other in row)
            ]
            if not fitting:
                raise ValueError(f"no row has {pair}: every level of {factor} is refused with it")
            gain = {place: sum(other in missing.get(place, ()) for other in row) for place in fitting}
            row.append(min(fitting, key=lambda place: (-gain[place], used.get(place, 0))))
        for first, second in combinations(row, 2):
            missing.get(first, set()).discard(second)
            missing.get(second, set()).discard(first)
        for place in row:
            used[place] = used.get(place, 0) + 1
        rows.append(dict(row))
    return rows


def every_pair(factors: Mapping[str, Sequence[Hashable]]) -> list[tuple[Place, Place]]:
    """Return all pairs of levels of different factors."""
    places = {factor: [(factor, level) for level in range(len(levels))] for factor, levels in factors.items()}
    return [(one, other) for a, b in combinations(factors, 2) for one in places[a] for other in places[b]]
