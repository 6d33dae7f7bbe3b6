"""Variances of many differences from few seeds, each drawn towards what all of them say: moderated t tests.

Of S seeds a variance is known on S - 1 degrees of freedom, so little that among a hundred a few are next to nothing by
chance, and that a test which fears those finds nothing. The hundred together tell how variances are spread: as a scaled
inverse chi squared with d0 degrees of freedom about s0^2, both found from the mean and the variance of ln s^2 (Smyth
2004, section 6.2). Then

    (d0 s0^2 + d s^2) / (d0 + d)   on d0 + d degrees of freedom

is the variance to divide by, and t is Student's again (Smyth 2004, equations 3 and 4). The more unlike the variances
are, the smaller d0, and the less each is drawn.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import digamma, polygamma

from ablation.reporting.statistics.intervals import Floats

FEWEST = 10
"""Variances from which on their spread is worth a look."""
FREEST = 100.0
"""Most degrees of freedom that are taken from the others, for no number of cells makes variances the same."""


def moderated(variances: Floats, df: int) -> tuple[Floats, float]:
    """The variances drawn together, and their degrees of freedom; as they are where there are few of them.

    Those that are zero have no say in how the others are spread, and are drawn to them.
    """
    known = variances[variances > 0]
    if len(known) < FEWEST:
        return variances, float(df)
    logs = np.log(known) - digamma(df / 2) + np.log(df / 2)
    spread = float(logs.var(ddof=1) - polygamma(1, df / 2))
    most = float(polygamma(1, FREEST / 2))
    prior = FREEST if spread <= most else 2 * float(brentq(lambda half: polygamma(1, half) - spread, 1e-3, FREEST))
    center = float(np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2)))
    return np.asarray((prior * center + df * variances) / (prior + df)), prior + df
