"""The second stage: train every cell of a study that the result store does not hold yet."""

import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.records.columns import FACTORS
from ablation.reporting.options import Options
from ablation.studies.config import Config, stage
from ablation.studies.run import run_study
from ablation.studies.study import check_study


def run(config: Config) -> None:
    """Run the study and say what came of it."""
    study = check_study(config)
    Options.of(study.report)  # checked now, although only the report reads them
    summary = run_study(study)
    cells = "1 cell" if summary.cells == 1 else f"{summary.cells} cells"
    known = f", {summary.known} known without" if summary.known else ""
    print(
        f"{study.name}: {cells}, {summary.trained} trained now{known}, {summary.diverged} diverged, "
        f"{summary.wall_seconds:.1f} s; results in {study.results_folder}",
        file=sys.stderr,
    )


main = stage(run, __file__, reads={*FACTORS, "training"})

if __name__ == "__main__":
    main()
