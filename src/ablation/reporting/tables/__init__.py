"""The report's tables: which there are."""

from collections.abc import Callable

from ablation.reporting.analysis import Analysis
from ablation.reporting.tables.best import best_worst, winners
from ablation.reporting.tables.combinations import convergence, learning_rate, performance_profile
from ablation.reporting.tables.gradient_health import failures, health
from ablation.reporting.tables.predictions import agreement, predictions
from ablation.reporting.tables.table import Table
from ablation.reporting.tables.terms import copies, effects, marginal_means, time_model

TABLES: dict[str, tuple[Callable[[Analysis], Table], ...]] = {
    "convergence": (best_worst, failures, learning_rate, performance_profile, convergence),
    "effects": (effects, marginal_means, winners, copies, time_model),
    "gradients": (health,),
    "theory": (agreement, predictions),
}
"""Every table of the report by chapter, in the order of the page."""


def builders() -> list[Callable[[Analysis], Table]]:
    """Every table of the report."""
    return [build for chapter in TABLES.values() for build in chapter]
