"""The linear model of a study: what each factor and each pair of factors adds, as orthonormal directions.

Cells are combinations of the compared factors (C of them) times seeds (S). Every combination is run with every seed:
the seeds are complete blocks, so that everything about a term is told by a C x df matrix, its *basis* U. U' y is the
term's effect in df numbers, S |U' mean(y)|^2 its sum of squares.

Type II (Langsrud 2003): a term is what its columns add to those of all terms that do not contain it. A main effect is
adjusted for the other main effects and for the interactions it has no part in; an interaction for everything else.
Where the combinations are a full crossing the terms are orthogonal, and types I, II and III are one.

Level names are only ever compared for being equal here: no formula is parsed.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.statistics.intervals import Floats, Ints
from ablation.reporting.statistics.notes import Factors, Note, Remark, term_name

TOLERANCE = 1e-6
"""Columns that add less than this share of their length to others are those others again."""

Levels = dict[str, list[object]]
"""The levels that occur, per factor of more than one."""


@dataclass(frozen=True)
class Term:
    """A main effect or a two-way interaction, with an orthonormal basis of what it adds, of shape (C, df)."""

    factors: Factors
    basis: Floats

    @property
    def name(self) -> str:
        """As it stands in tables."""
        return term_name(self.factors)


@dataclass(frozen=True)
class Model:
    """The terms that can be estimated, an orthonormal basis of them all with the mean, and what was left out and why.

    Attributes:
        combinations: a row each, a column per factor, as numbers of levels.
        levels: the levels that occur, per factor.
        basis: of shape (C, rank), the mean first.
    """

    combinations: pd.DataFrame
    levels: Levels
    terms: list[Term]
    basis: Floats
    notes: list[Note]
    seeds: int

    @property
    def residual_df(self) -> int:
        """Degrees of freedom that neither terms nor blocks take up."""
        size, rank = self.basis.shape
        return int(size * self.seeds - rank - (self.seeds - 1))


def blocks(cells: pd.DataFrame, factors: Sequence[str]) -> tuple[pd.DataFrame, Ints, list[Note]]:
    """The combinations of ``factors``, and for each the places of its cells in ``cells``, of shape (C, S), one a seed.

    A combination that lacks a seed is left out, and the third value notes it.
    """
    grouped = cells.groupby(list(factors), observed=True)
    combination = grouped.ngroup().to_numpy()
    seed = cells["seed"].cat.remove_unused_categories().cat.codes.to_numpy()
    places = np.full((grouped.ngroups, int(seed.max()) + 1), -1)
    places[combination, seed] = np.arange(len(cells))
    whole = np.asarray((places >= 0).all(axis=1))
    found = pd.DataFrame(grouped.size().reset_index()[list(factors)][whole]).reset_index(drop=True)
    lacking = int((~whole).sum())
    notes = [Note(Remark.LACKS_SEED, numbers=(lacking, len(whole)))] if lacking else []
    return found, places[whole].astype(np.int64), notes


def orthonormal_contrasts(size: int) -> Floats:
    """Helmert's coding of a factor, of shape (levels, levels - 1): each level against the mean of those before it.

    The columns are orthonormal, and in a full crossing so are, but for their length, the products of those of several
    factors: nothing is to be factored.
    """
    steps = np.arange(1, size)
    columns = np.where(np.arange(size)[:, None] < steps, -1.0, 0.0)
    columns[steps, steps - 1] = steps
    return np.asarray(columns / np.sqrt(steps * (steps + 1)))


def sum_contrasts(size: int) -> Floats:
    """Sum-to-zero coding of a factor, of shape (levels, levels - 1): each level against the mean of all."""
    return np.vstack([np.eye(size - 1), -np.ones((1, size - 1))])


def independent(columns: Floats) -> Floats:
    """An orthonormal basis of what the columns span, from the eigenvectors of their products.

    Columns of a design are far from dependent, or wholly so, and eigenvectors take a tenth of the time of a QR with
    pivoting.
    """
    if not columns.size:
        return columns[:, :0]
    size, directions = np.linalg.eigh(columns.T @ columns)
    known = size > TOLERANCE**2 * max(float(size[-1]), 1e-300)
    return np.asarray(columns @ (directions[:, known] / np.sqrt(size[known])))


def added(columns: Floats, others: Floats) -> Floats:
    """An orthonormal basis of what the columns add to the orthonormal ``others``."""
    rest = columns - others @ (others.T @ columns)
    rest = rest - others @ (others.T @ rest)  # twice is enough (Parlett 1980, section 6-9)
    length = np.linalg.norm(columns, axis=0)
    rest = rest[:, np.linalg.norm(rest, axis=0) > TOLERANCE * length]
    return independent(rest)


def coded(combinations: pd.DataFrame, factors: Sequence[str]) -> tuple[pd.DataFrame, Levels]:
    """The combinations as numbers of levels, and the levels that occur, for the factors of more than one."""
    numbers, levels = {}, {}
    for factor in factors:
        column = combinations[factor].cat.remove_unused_categories()
        if len(column.cat.categories) > 1:
            numbers[factor], levels[factor] = column.cat.codes.to_numpy().astype(np.int64), list(column.cat.categories)
    return pd.DataFrame(numbers, index=range(len(combinations))), levels


def columns_of(
    numbers: pd.DataFrame, levels: Levels, factors: Factors, code: Callable[[int], Floats] = sum_contrasts
) -> Floats:
    """The columns of a term: a factor's contrasts, or the products of those of two."""
    parts = [code(len(levels[factor]))[numbers[factor].to_numpy()] for factor in factors]
    product = parts[0] if len(parts) == 1 else (parts[0][:, :, None] * parts[1][:, None, :]).reshape(len(numbers), -1)
    return np.asarray(product)


def fit_model(combinations: pd.DataFrame, factors: Sequence[str], seeds: int) -> Model:
    """All main effects and two-way interactions, or what of them the combinations can tell apart.

    Where main effects and interactions together leave no degree of freedom to judge them by, the interactions are left
    out; where main effects alone leave none, there is no term at all.
    """
    numbers, levels = coded(combinations, factors)
    notes = [Note(Remark.ONE_LEVEL, (factor,)) for factor in factors if factor not in levels]
    single: list[Factors] = [(factor,) for factor in levels]
    pairs: list[Factors] = list(itertools.combinations(levels, 2))
    mean = np.full((len(numbers), 1), 1 / math.sqrt(max(len(numbers), 1)))
    full = len(numbers) == math.prod(len(own) for own in levels.values())
    for wanted in (single + pairs, single) if pairs else (single,):
        code = orthonormal_contrasts if full else sum_contrasts
        columns = {names: columns_of(numbers, levels, names, code) for names in wanted}
        if full:  # the terms are orthogonal
            parts = {names: own / np.linalg.norm(own[:, :1]) for names, own in columns.items()}
            basis = np.hstack([mean, *parts.values()])
        else:
            parts = columns
            basis = np.hstack([mean, added(np.hstack(list(columns.values())), mean)]) if columns else mean
        model = Model(numbers, levels, [], basis, notes, seeds)
        if model.residual_df > 0 and wanted:
            break
        if len(wanted) > len(single):
            notes.append(Note(Remark.NO_INTERACTIONS))
    else:
        if single:
            notes.append(Note(Remark.NO_EFFECTS))
        return Model(numbers, levels, [], mean, notes, seeds)
    for names, own in columns.items():
        if full:
            found = parts[names]
        else:
            others = [part for other, part in columns.items() if not set(names) <= set(other)]
            found = added(own, independent(np.hstack([mean, *others])))
        if found.shape[1]:
            model.terms.append(Term(names, found))
        else:
            notes.append(Note(Remark.ALIASED, names))
        if 0 < found.shape[1] < own.shape[1]:
            notes.append(Note(Remark.PARTLY, names, (found.shape[1], own.shape[1])))
    return model
