"""The first stage: fetch, check and split each data set, and write one file and its card."""

import sys
from itertools import product
from pathlib import Path

# The code of the checkout that is run counts, wherever the package was installed from.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from ablation.datasets.prepared import paths, prepare, still_text
from ablation.studies.config import Config, stage
from ablation.studies.study import check_study


def run(config: Config) -> None:
    """Prepare every selected split of every selected data level."""
    study = check_study(config)
    for (label, parameters), split in product(study.data.items(), study.numbers["split"]):
        card = prepare(label, parameters, study.data_folder, split)
        file, _ = paths(label, study.data_folder, split)
        outputs = f"{card['classes']} classes" if card["classes"] else "a number to predict"
        still = f"; {still_text(card)}" if card.get("constant") else ""
        print(
            f"{file.stem}: {card['train']} training, {card['val']} validation and {card['test']} test examples, "
            f"{card['features']} features, {outputs}; {file}{still}",
            file=sys.stderr,
        )


main = stage(run, __file__, reads={"data", "split"})

if __name__ == "__main__":
    main()
