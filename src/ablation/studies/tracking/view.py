"""The charts on which a study's runs are looked at first: a view that is shared by a tag of the experiment.

MLflow's interface opens on a table, and its charts in the order of the alphabet. A view that was shared says otherwise:
it is a tag of the experiment, which a link names. Whatever a user changes there stays in the user's browser.
"""

import json
from collections.abc import Sequence
from typing import Any

NAME = "curves"

SECTIONS = {
    "Learning": ("val_accuracy", "val_loss", "train_loss"),
    "Gradients": (
        "delta_norm/first",
        "delta_norm/middle",
        "delta_norm/last",
        "update_ratio/first",
        "dead_fraction/worst",
        "saturated_fraction/worst",
        "grad_norm",
        "clip_fraction",
    ),
    "At the end": ("final/best_val_accuracy", "final/test_accuracy", "final/{unit}_to_target", "final/clip_share"),
}
"""The charts, by section."""

LOGARITHMIC = ("loss", "norm", "ratio")
"""Parts of the names of what is drawn on a logarithmic scale."""


BEST = "metrics.`final/best_val_accuracy`"
"""By what the runs stand in order, for of many the first ones are drawn."""


def shared_view(unit: str, varied: Sequence[str]) -> tuple[str, str]:
    """Return the tag that shares the view, its name and its value.

    Args:
        unit: in which times to target are.
        varied: the factors that vary, which are columns of the table.
    """
    sections = [
        {"uuid": section, "name": section, "display": True, "isReordered": True, "deleted": False}
        for section in SECTIONS
    ]
    charts = [_chart(section, name.format(unit=unit)) for section, names in SECTIONS.items() for name in names]
    state = {
        "searchFilter": "tags.cell_key != ''",  # the summary has no curves
        "orderByKey": BEST,
        "orderByAsc": False,
        "selectedColumns": [*(f"params.`{factor}`" for factor in varied), BEST, "tags.`failure`"],
        "compareRunCharts": charts,
        "compareRunSections": sections,
        "isAccordionReordered": True,
    }
    return f"mlflow.sharedViewState.{NAME}", json.dumps(state, separators=(",", ":"))


def _chart(section: str, metric: str) -> dict[str, Any]:
    chart: dict[str, Any] = {
        "uuid": metric,
        "metricSectionId": section,
        "metricKey": metric,
        "type": "LINE",
        "deleted": False,
    }
    if metric.startswith("final/"):
        return chart | {"type": "BAR"}
    return chart | {
        "type": "LINE",
        "scaleType": "log" if any(part in metric for part in LOGARITHMIC) else "linear",
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "yAxisKey": "metric",
        "lineSmoothness": 0,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "range": {},
    }


def link(experiment: str) -> str:
    """Return where the view is, as a link within MLflow's interface."""
    return f"#/experiments/{experiment}/runs?compareRunsMode=CHART&viewStateShareKey={NAME}"
