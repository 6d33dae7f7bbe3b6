"""Run-steps per second against peers, interleaved in one run, as a table in Markdown.

python benchmarks/throughput.py                  # one thread of the CPU
python benchmarks/throughput.py --device cuda
python benchmarks/throughput.py --rows 5x32,10x64x64-tanh --repeats 5
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import torch
from peers import RATE, Shape, alone, floor, synchronize, vmap

from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import settings
from ablation.studies.cells import resolve_device
from ablation.training.data import Data
from ablation.training.spec import Level, Spec
from ablation.training.trainer import train

PROBE = 128
ROWS = {
    "5x32x64": Shape(5, 32, 64, 32, 15),
    "10x64x64": Shape(10, 64, 64, 32, 15),
    "20x100x64": Shape(20, 100, 64, 16, 15),
    "50x256x128": Shape(50, 256, 128, 4, 2),
}
PARAMETERS = {"relu": {}, "tanh": {}, "elu": {"alpha": 1.0}}
RATIOS = [("ours", "alone"), ("compiled", "alone"), ("ours", "vmap"), ("ours", "floor"), ("compiled", "floor")]
BATCH = {"placement": "before", "input": False, "epsilon": 1e-3, "momentum": 0.99}


def digits(device: torch.device) -> Data:
    """Return scikit-learn's scans, 1,079 to train on, standardized."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images, dtype=torch.float32), torch.tensor(labels)
    x = (x - x[:1079].mean()) / x[:1079].std()
    return Data.in_order(x, y, (1079, 359, 359), 10).to(device)


def ours(
    shape: Shape,
    activation: str,
    norm: bool,
    data: Data,
    compile: Literal["eager", "layers"] = "eager",
    optimizer: str = "sgd",
) -> float:
    """Return run-steps per second of this project's trainer, its probes and evaluations on."""
    none = Level("none", {})
    cohort = [
        Spec(
            init=Level("he_normal", {}),
            activation=Level(activation, PARAMETERS[activation]),
            normalization=Level("batch", BATCH) if norm else none,
            clipping=Level("value", {"threshold": 1.0}),
            optimizer=Level(optimizer, settings(OPTIMIZERS[optimizer])),
            schedule=Level("constant", {}),
            loss=Level("cross_entropy", {}),
            widths=(shape.width,) * shape.depth,
            batch_size=shape.batch,
            lr=RATE,
            seed=cell,
            epochs=shape.epochs,
            probe_size=PROBE,
            compile=compile,
        )
        for cell in range(shape.cells)
    ]
    steps = shape.epochs * (len(data.train_y) // shape.batch)
    synchronize(data.train_x.device)
    begun = time.perf_counter()
    outcomes = train(cohort, data)
    synchronize(data.train_x.device)
    assert all(outcome.diverged_step is None for outcome in outcomes), "a diverged cell would be paid for in part"
    return steps * shape.cells / (time.perf_counter() - begun)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--rows", default="", help="only rows whose names begin so, 5x32x64-relu-batch being one; by commas"
    )
    parser.add_argument("--cells", type=int, default=0, help="cells of a cohort, instead of the row's own")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = resolve_device(arguments.device)
    data = digits(device)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    print(
        f"{name}, one {'GPU' if device.type == 'cuda' else 'thread'}, torch {torch.__version__}; run-steps per second,"
    )
    print(f"medians of {arguments.repeats} interleaved repeats\n")
    print(
        "| shape | activation | norm | floor | ours | compiled | alone | vmap "
        "| ours/alone | compiled/alone | ours/vmap | ours/floor | compiled/floor |"
    )
    print("| --- | --- | --- " + "| ---: " * 10 + "|")
    for row, listed in ROWS.items():
        shape = Shape(listed.depth, listed.width, listed.batch, arguments.cells or listed.cells, listed.epochs)
        steps = shape.epochs * (len(data.train_y) // shape.batch)
        for norm in (False, True):
            for activation in PARAMETERS:
                kind = "batch" if norm else "none"
                if not f"{row}-{activation}-{kind}".startswith(tuple(arguments.rows.split(","))):
                    continue
                columns: dict[str, Callable[[], float]] = {
                    "floor": lambda s=shape, n=steps: floor(s, device, n),
                    "ours": lambda s=shape, a=activation, b=norm: ours(s, a, b, data),
                    "compiled": lambda s=shape, a=activation, b=norm: ours(s, a, b, data, "layers"),
                    "alone": lambda s=shape, a=activation, b=norm: alone(s, a, b, data, PROBE),
                    "vmap": lambda s=shape, a=activation, b=norm, n=steps: vmap(s, a, b, data, max(5, n // 4)),
                }
                seen = {column: [run()] for column, run in columns.items()}  # a first pass to warm up
                for _ in range(arguments.repeats):
                    for column, run in columns.items():
                        seen[column].append(run())
                rate = {column: statistics.median(values[1:]) for column, values in seen.items()}
                ratios = [rate[one] / rate[other] for one, other in RATIOS]
                figures = [f"{rate[column]:,.0f}" for column in columns] + [f"{ratio:.2f}" for ratio in ratios]
                print(f"| {row} | {activation} | {kind} | {' | '.join(figures)} |", flush=True)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
