"""The third stage: read ``results/<name>/`` and write ``reports/<name>/``, its page among it."""

import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.reporting.report import Options, write_report
from ablation.studies.config import Config, stage
from ablation.studies.engines.local import default_workers
from ablation.studies.study import check_study
from ablation.studies.tracking.summary import log_report
from ablation.studies.unfinished import to_report


def run(config: Config) -> None:
    """Write the report of a study, or of what there is of it; show it in MLflow too, and print where its page is."""
    with to_report(check_study(config)) as study:
        options = Options.of(study.report)
        page = write_report(study.results_folder, study.reports_folder, options, default_workers(), shows=True)
        log_report(study)
    print(page)


main = stage(run, __file__, reads={"report"})

if __name__ == "__main__":
    main()
