"""Beforehand: the layers of a study's networks and their parameters. Nothing is trained and nothing is written."""

import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.records.columns import FACTORS
from ablation.studies.config import Config, stage
from ablation.studies.study import check_study
from ablation.studies.summary import summary_lines


def run(config: Config) -> None:
    """Print a table for each network of the study."""
    print("\n".join(summary_lines(check_study(config))))


main = stage(run, __file__, reads={*FACTORS, "training", "report", "plan"})

if __name__ == "__main__":
    main()
