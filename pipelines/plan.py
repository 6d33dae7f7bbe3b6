"""Beforehand: what a study would cost, and how small a difference its seeds could show. Nothing is written."""

import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import pandas as pd

from ablation import UserError
from ablation.datasets.examples import REGRESSION
from ablation.records.columns import FACTORS
from ablation.records.files import read_results
from ablation.reporting.analysis import effects_of
from ablation.reporting.options import Options
from ablation.reporting.statistics.power import spreads
from ablation.reporting.wording.power import Planned, power_lines
from ablation.studies.config import Config, stage
from ablation.studies.plan import cost_lines, look_ahead
from ablation.studies.study import Study, check_study


def run(config: Config) -> None:
    """Say what a study would cost and what it could show."""
    study = check_study(config)
    options = Options.of(study.report)
    # What was asked for is read first: if it cannot be, nobody need wait for the rest.
    spread, source = known_spread(study, options)
    outlook = look_ahead(study)
    compared = {name: count for name, count in outlook.levels.items() if name not in ("seed", *options.nuisance)}
    ((unit, horizon),) = study.horizon.items()
    planned = Planned(
        compared,
        outlook.combinations(compared),
        len(study.numbers["seed"]),
        horizon,
        outlook.seconds[1],
        unit,
        outlook.task == REGRESSION,
    )
    print("\n".join([*cost_lines(study, outlook), "", *power_lines(planned, spread, source)]))


def known_spread(study: Study, options: Options) -> tuple[pd.DataFrame | None, str]:
    """Return how far effects vary over the seeds of results that are there, and where they lie, or why there are none.

    Raises:
        UserError: the results that ``plan.from`` names cannot be read.
    """
    folder = study.planned_from or study.results_folder
    if study.planned_from is None and not folder.exists():
        return None, ""
    try:
        design, effects = effects_of(read_results(folder, layers=False), options)
    except UserError as error:
        if study.planned_from is not None:
            raise UserError(f"plan.from={folder}: {error}") from error
        return None, f"{folder} cannot be used; "
    if design.seeds < 2:
        return None, f"{folder} has one seed, which tells nothing of it; "
    found = spreads(effects)
    ((unit, horizon),) = study.horizon.items()
    if unit != design.unit:  # shares of the horizon are what they have in common
        found.loc[found["response"] == "rmst", "sd"] *= horizon / design.horizon
    return found, str(folder)


main = stage(run, __file__, reads={*FACTORS, "training", "report", "plan"})

if __name__ == "__main__":
    main()
