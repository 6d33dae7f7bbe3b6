"""Run-steps per second of this checkout and of another one of the project, taking turns, as a table in Markdown.

git worktree add ../before main~20
taskset -c 0 python benchmarks/trees.py ../before
taskset -c 0 python benchmarks/trees.py ../before --rows 5x32,10x64x64-tanh --repeats 9

Each checkout trains in a process of its own, by its own code. A process has a pace of its own too, by where its memory
lies, for all of its life: so every turn has new ones, and which of the two is first changes from turn to turn. What is
left of that, a tree against itself shows.
"""

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parents[1]
SHAPES = ["5x32x64", "10x64x64", "20x100x64"]
MODES = ["eager", "layers"]


class Tree:
    """A process that trains by the code of one checkout."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--serve", str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def rate(self, *what: object) -> float:
        """Return run-steps per second of a shape, an activation, with or without normalization, compiled or not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(what), file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()


def serve(root: Path) -> None:
    """Train what is asked for on stdin, and answer with run-steps per second."""
    sys.path[:0] = [str(root / "src"), str(root / "benchmarks")]
    import throughput

    import ablation

    assert Path(ablation.__file__).is_relative_to(root)
    torch.set_num_threads(1)
    data = throughput.digits(torch.device("cpu"))
    for line in sys.stdin:
        row, activation, norm, mode, epochs = json.loads(line)
        shape = throughput.ROWS[row]
        print(throughput.ours(replace(shape, epochs=epochs), activation, norm, data, mode), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="the other checkout")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--rows", default="", help="only rows whose names begin so, 5x32x64-relu-batch being one")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.before.resolve())
        return
    rows = [
        (f"{row}-{activation}-{'batch' if norm else 'none'}", row, activation, norm)
        for row, norm, activation in product(SHAPES, [False, True], ["relu", "tanh", "elu"])
    ]
    rows = [row for row in rows if row[0].startswith(tuple(arguments.rows.split(",")))]
    rates: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for turn in range(arguments.repeats):
        trees = [Tree(arguments.before.resolve()), Tree(HERE)]
        for (name, *what), mode in product(rows, MODES):
            seen = {}
            for tree in trees if turn % 2 else trees[::-1]:
                tree.rate(*what, mode, 1)  # warms up
                seen[tree] = tree.rate(*what, mode, arguments.epochs)
            rates.setdefault((name, mode), []).append((seen[trees[0]], seen[trees[1]]))
        for tree in trees:
            tree.end()
    print("| row | mode | before | now | now/before | of each turn |\n| --- | --- | ---: | ---: | ---: | --- |")
    for (name, mode), pairs in rates.items():
        before, now = (statistics.median(side) for side in zip(*pairs, strict=True))
        ratios = [new / old for old, new in pairs]
        figures = f"{before:,.0f} | {now:,.0f} | {statistics.median(ratios):.3f}"
        print(f"| {name} | {mode} | {figures} | {' '.join(f'{ratio:.2f}' for ratio in ratios)} |")


if __name__ == "__main__":
    main()
