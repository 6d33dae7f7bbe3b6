"""The first stage: fetch, check and split each data set, and write one file and its card."""

import sys

from ablation.datasets.prepared import prepare
from ablation.studies.config import Config, stage
from ablation.studies.study import check_study


def run(config: Config) -> None:
    """Prepare every selected data level."""
    study = check_study(config)
    for label, parameters in study.data.items():
        card = prepare(label, parameters, study.data_folder)
        print(
            f"{label}: {card['train']} training and {card['val']} validation examples, {card['features']} features, "
            f"{card['classes']} classes; {study.data_folder / label}.safetensors",
            file=sys.stderr,
        )


main = stage(run)

if __name__ == "__main__":
    main()
