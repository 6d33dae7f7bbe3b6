"""A notebook's way in: what the pipelines do, as functions that take overrides, return values and raise ``UserError``.

    import ablation

    found = ablation.run("study=single", "name=units", "activation=[relu,elu]", "seed=[0,1,2]")
    found.cells.groupby("activation")["best_val_accuracy"].median()
    ablation.analyse("name=units").effects
    ablation.report("name=units")

Overrides are those of the command line, and so are the folders: ``results/`` and the others lie under the current one.
A script, unlike a notebook, calls ``run`` within ``if __name__ == "__main__":``, as all that starts processes must.
"""

import html
import os
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ablation import UserError
from ablation.records.files import Results, read_results
from ablation.reporting.analysis import analyse as analysis_of
from ablation.reporting.options import Options
from ablation.reporting.report import write_report
from ablation.reporting.tables.terms import effects
from ablation.reporting.wording.reasons import explained
from ablation.studies.config import compose
from ablation.studies.engines.local import default_workers
from ablation.studies.run import run_study
from ablation.studies.study import Study, check_study
from ablation.studies.tracking.summary import log_report
from ablation.studies.unfinished import to_report


@dataclass(frozen=True)
class Page:
    """A report's page; a notebook shows it.

    Attributes:
        path: the file.
    """

    path: Path

    def _repr_html_(self) -> str:
        address = html.escape(Path(os.path.relpath(self.path)).as_posix(), quote=True)
        return f'<iframe src="{address}" width="100%" height="800"></iframe>'


@dataclass(frozen=True)
class Findings:
    """What a study comes to.

    Attributes:
        tuned: the cells at the best setting of the nuisance factors, with their times to each target and their failure.
        effects: each factor's and interaction's effect on each response.
        agreement: theory against measurement before training, a row a combination.
    """

    tuned: pd.DataFrame
    effects: pd.DataFrame
    agreement: pd.DataFrame


def run(*overrides: str) -> Results:
    """Train what is missing of a study, write its results, and return them.

    Raises:
        UserError: anything that the user can mend.
    """
    study = _study(*overrides)
    run_study(study)
    return read_results(study.results_folder)


def results(folder: str | Path) -> Results:
    """Return the results of a study that lie in a folder: ``cells``, ``curves``, ``layers`` and more, as data frames.

    Raises:
        UserError: they are missing, damaged or incomplete.
    """
    return read_results(Path(folder))


def report(*overrides: str) -> Page:
    """Write the report of a study that was run, show it in MLflow too, and return its page.

    Raises:
        UserError: the results are missing or incomplete, or the report cannot be written.
    """
    study = _study(*overrides)
    with to_report(study) as there:
        options = Options.of(study.report)
        page = Page(write_report(there.results_folder, there.reports_folder, options, default_workers()))
        log_report(there)
    return page


def analyse(*overrides: str) -> Findings:
    """Return what the report of a study that was run concludes from, as data frames.

    Raises:
        UserError: the results are missing or incomplete.
    """
    study = _study(*overrides)
    with to_report(study) as there:
        analysis = analysis_of(read_results(there.results_folder), Options.of(study.report))
    return Findings(analysis.tuned, effects(analysis).frame, explained(analysis.agreement.rows))


def _study(*overrides: str) -> Study:
    config = compose(list(overrides))
    if config is None:
        raise UserError(f"{' '.join(overrides)}: asks about the config, and runs nothing; give overrides as key=value")
    if config["paths"]["root"] is not None:
        raise UserError(f"paths.root={config['paths']['root']}: is for the commands; in a notebook, go there first")
    return check_study(config)
