"""The first stage: fetch, check and split each data set, and write one file and its card."""

import sys
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.datasets.prepared import prepare
from ablation.studies.config import Config, stage
from ablation.studies.study import check_study


def run(config: Config) -> None:
    """Prepare every selected data level."""
    study = check_study(config)
    for label, parameters in study.data.items():
        card = prepare(label, parameters, study.data_folder)
        print(
            f"{label}: {card['train']} training, {card['val']} validation and {card['test']} test examples, "
            f"{card['features']} features, {card['classes']} classes; {study.data_folder / label}.safetensors",
            file=sys.stderr,
        )


main = stage(run, __file__, reads={"data"})

if __name__ == "__main__":
    main()
