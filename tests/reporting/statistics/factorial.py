"""Factorial designs for tests, with names of levels that no formula would parse."""

import itertools

import numpy as np
import pandas as pd

from ablation.reporting.statistics.contrasts import fit_model

HOSTILE = ["none", "=1+1", "C(a)", "<b>", "%", "x" * 200, "_", "a:b", "0", "'", "~", "\\", "e", "f", "g", "h"]


def combinations(levels, drop=()):
    """A row per combination of the levels of factors a, b, c, ...; without those at the places ``drop``."""
    rows = list(itertools.product(*(range(size) for size in levels)))
    rows = [row for place, row in enumerate(rows) if place not in drop]
    names = "abcdefgh"[: len(levels)]
    return pd.DataFrame(
        {
            name: pd.Categorical([HOSTILE[row[at]] for row in rows], categories=HOSTILE[: levels[at]], ordered=True)
            for at, name in enumerate(names)
        }
    )


def factorial(levels, seeds, drop=()):
    """The model of main effects and two-way interactions on such a design."""
    table = combinations(levels, drop)
    return fit_model(table, list(table.columns), seeds)


def unit(rng, basis):
    """A random direction within an orthonormal basis, of mean square 1 over the combinations."""
    values = within(basis, rng.normal(size=len(basis)))
    return values / np.sqrt((values**2).mean())


def within(basis, values):
    """What of these values lies within an orthonormal basis.

    The same whatever basis of its space it is: which one a decomposition returns differs from machine to machine.
    """
    return basis @ (basis.T @ values)


def beyond(model):
    """A basis of what main effects and two-way interactions leave of a full crossing: the interactions of three."""
    size = len(model.basis)
    rest = np.eye(size) - model.basis @ model.basis.T
    values, vectors = np.linalg.eigh(rest)
    return vectors[:, values > 0.5]
