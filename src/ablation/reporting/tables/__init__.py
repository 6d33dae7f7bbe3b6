"""The report's tables: which there are."""

from collections.abc import Callable

from ablation.reporting.analysis import Analysis
from ablation.reporting.options import Options
from ablation.reporting.tables.accuracy import accuracy, accuracy_by_level
from ablation.reporting.tables.against_reference import against_reference
from ablation.reporting.tables.best import best_worst, winners
from ablation.reporting.tables.combinations import convergence, learning_rate, performance_profile
from ablation.reporting.tables.gradient_health import failures, health
from ablation.reporting.tables.predictions import agreement, predictions
from ablation.reporting.tables.table import Table
from ablation.reporting.tables.terms import copies, effects, marginal_means, time_model

Build = Callable[[Analysis], Table]

TABLES: dict[str, tuple[Build, ...]] = {
    "convergence": (best_worst, failures, learning_rate, performance_profile, convergence, accuracy, accuracy_by_level),
    "effects": (effects, marginal_means, winners, copies, time_model),
    "gradients": (health,),
    "theory": (agreement, predictions),
    "reference": (against_reference,),
}
"""Every table of the report by chapter, each chapter's in the order of the page."""


def tables_for(options: Options) -> dict[str, tuple[Build, ...]]:
    """Those of a report with these options: without a baseline nothing is held against one."""
    return {name: chapter for name, chapter in TABLES.items() if name != "reference" or options.reference}


def builders(options: Options | None = None) -> list[Build]:
    """Every table that there is, or those of a report with these options."""
    chapters = TABLES if options is None else tables_for(options)
    return [build for chapter in chapters.values() for build in chapter]
