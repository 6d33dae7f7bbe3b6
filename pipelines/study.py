"""The second stage: train every cell of a study that the result store does not hold yet."""

import shlex
import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.records.columns import FACTORS
from ablation.records.files import read_results
from ablation.reporting.options import NESTED, Options
from ablation.studies.closing import closing_lines
from ablation.studies.config import Config, stage
from ablation.studies.config.words import places
from ablation.studies.run import run_study
from ablation.studies.study import check_study


def run(config: Config) -> None:
    """Run the study; say what came of it, where that lies, which combinations are the best, and what comes next."""
    study = check_study(config)
    options = Options.of(study.report)  # checked now, although only the report reads the rest of them
    summary = run_study(study)
    cells = "1 cell" if summary.cells == 1 else f"{summary.cells} cells"
    known = f", {summary.known} known without" if summary.known else ""
    print(
        f"{study.name}: {cells}, {summary.trained} trained now{known}, {summary.diverged} diverged, "
        f"{summary.wall_seconds:.1f} s; results in {study.results_folder}",
        file=sys.stderr,
    )
    results = read_results(study.results_folder, layers=False)
    for line in closing_lines(results, options.nuisance, options.tuning == NESTED):
        print(line)
    report = ["python", str(Path(sys.argv[0]).with_name("report.py")), f"name={study.name}", *places(sys.argv[1:])]
    print(f"next: {shlex.join(report)}", file=sys.stderr)


main = stage(run, __file__, reads={*FACTORS, "training"})

if __name__ == "__main__":
    main()
