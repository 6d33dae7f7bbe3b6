"""A table in each of the forms that a report has of it."""

from ablation.reporting.tables.latex import to_latex
from ablation.reporting.tables.table import Table, to_csv, to_markdown


def written(table: Table, horizon: float, unit: str = "epochs") -> dict[str, str]:
    """The table in each of its forms, by the ending of the file's name."""
    return {"csv": to_csv(table), "md": to_markdown(table, horizon, unit), "tex": to_latex(table, horizon, unit)}
