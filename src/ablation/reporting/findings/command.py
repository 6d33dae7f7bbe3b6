"""The command that runs a study again with something changed."""

import shlex

from ablation.reporting.analysis import Analysis


def again(analysis: Analysis, *overrides: str) -> str:
    """The study's command with overrides in place of what it gave for the same keys."""
    keys = {override.partition("=")[0] for override in overrides}
    given = [word for word in analysis.manifest["overrides"] if word.lstrip("+").partition("=")[0] not in keys]
    return shlex.join(["python", "pipelines/study.py", *given, *overrides])
