"""What a training step costs with each optimizer, against one with SGD and against torch's own, one run at a time.

taskset -c 0 python benchmarks/optimizers.py
taskset -c 0 python benchmarks/optimizers.py --optimizers adam,muon --cells 36 --repeats 5

Run-steps per second at 20x100 with batches of 64, on one thread, interleaved in one run: medians.
"""

import argparse
import statistics
from collections.abc import Callable

import torch
from own import PROBE, digits, ours
from peers import Shape, alone

from ablation.choices.optimizers import OPTIMIZERS

TORCHS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adadelta": torch.optim.Adadelta,
    "adam": torch.optim.Adam,
    "nadam": torch.optim.NAdam,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--optimizers", default="adam", help="beside sgd, by commas; all is every one")
    parser.add_argument("--activation", default="relu", choices=["relu", "tanh", "elu"])
    parser.add_argument("--cells", type=int, default=36)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = digits(torch.device("cpu"))
    shape = Shape(20, 100, 64, arguments.cells, arguments.epochs)
    chosen = [*OPTIMIZERS] if arguments.optimizers == "all" else ["sgd", *arguments.optimizers.split(",")]
    runs: dict[tuple[str, str], Callable[[], float]] = {}
    for name in dict.fromkeys(chosen):
        runs[name, "ours"] = lambda name=name: ours(shape, arguments.activation, False, data, "eager", name)
        if name in TORCHS:
            rule = TORCHS[name]
            runs[name, "alone"] = lambda rule=rule: alone(shape, arguments.activation, False, data, PROBE, rule)
    seen: dict[tuple[str, str], list[float]] = {run: [] for run in runs}
    for turn in range(arguments.repeats + 1):  # the first warms up
        for run, rate in runs.items():
            if turn or run[1] == "ours":
                seen[run].append(rate())
    rates = {run: statistics.median(values[-arguments.repeats :]) for run, values in seen.items()}
    print("| optimizer | ours | alone | a step over one of sgd | ours/alone |\n| --- | ---: | ---: | ---: | ---: |")
    for name in dict.fromkeys(chosen):
        mine, theirs = rates[name, "ours"], rates.get((name, "alone"))
        beside = (f"{theirs:,.0f}", f"{mine / theirs:.2f}") if theirs else ("", "")
        print(f"| {name} | {mine:,.0f} | {beside[0]} | {rates['sgd', 'ours'] / mine:.2f} | {beside[1]} |")


if __name__ == "__main__":
    main()
