"""Does the report's analysis keep its word? Studies whose truth is known, taken through all of it, and what it claims.

    python benchmarks/calibration.py                                  # 150 studies of each kind
    python benchmarks/calibration.py --studies 1000 --truths A D --seeds 3
    python benchmarks/calibration.py --out docs/calibration.md

The studies are those of ``tests/reporting/planted``, in full. The table, in Markdown, is printed, and written between
the two marker lines of the file that ``--out`` names, or as a file of its own where there is none. A study's numbers
hang on its kind, its number of seeds and its own number alone, so the table is the same whatever runs beside it.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

os.environ |= dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"], "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

from tests.reporting.planted.counting import BY_NAME, LACKS_ONE, Counted, bar, count, figures, study
from tests.reporting.planted.plan import QUARTERS, WHOLE, Plan
from tests.reporting.planted.shares import tallied
from tests.reporting.planted.truths import TRUTHS

CLOCKS = {"whole epochs": WHOLE, "quarters": QUARTERS}
BEGIN, END = "<!-- calibration: begin -->", "<!-- calibration: end -->"
CHUNK = 10


class Kind(NamedTuple):
    """A truth, the number of its seeds, and when its cells are evaluated."""

    letter: str
    seeds: int
    clock: str

    @property
    def plan(self) -> Plan:
        """Its cells."""
        return Plan.of(self.seeds, CLOCKS[self.clock], **TRUTHS[self.letter].factors)

    def __str__(self) -> str:
        return f"{self.letter}, {self.seeds} seeds" + (f", {self.clock}" if self.letter == "A" else "")


class Found(NamedTuple):
    """What is counted of a study, and numbers that it gives, each with what is true."""

    counted: Counted
    figures: dict[str, tuple[float, float]]


def found(kind: Kind, numbers: range) -> list[Found]:
    """What is found in the studies of these numbers."""
    studies = (study(kind.letter, kind.plan, number) for number in numbers)
    return [Found(count(kind.letter, kind.plan, own), figures(kind.letter, kind.plan, own)) for own in studies]


def measured(kinds: list[Kind], studies: int, workers: int) -> Iterator[tuple[Kind, list[Found]]]:
    """What is found in the studies of every kind, in order, while later ones are under way."""
    chunks = [range(start, min(start + CHUNK, studies)) for start in range(0, studies, CHUNK)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        under_way = [(kind, [pool.submit(found, kind, chunk) for chunk in chunks]) for kind in kinds]
        for kind, parts in under_way:
            yield kind, [own for part in parts for own in part.result()]


def shares(studies: list[Found]) -> dict[str, tuple[str, str]]:
    """Everything that is counted of the studies of a kind, and every number, each as text with its bar."""
    texts = {}
    for said, tally in tallied(own.counted for own in studies).items():
        kept = "" if tally.keeps(bar(said)) else " **missed**"
        texts[said] = tally.text() + kept, bar(said).said
    for said, (_, true) in studies[0].figures.items():
        texts[said] = f"{fmean(own.figures[said][0] for own in studies):.3f}", f"truly {true:.3f}"
    return texts


def rows(letter: str, clock: str, told: dict[int, dict[str, tuple[str, str]]]) -> list[str]:
    """The rows of a truth, with a column for each number of seeds."""
    name = f"{letter}, {clock}" if letter == "A" else letter
    first = next(iter(told.values()))
    return [
        f"| {name} | {said} | {' | '.join(texts[said][0] for texts in told.values())} | {where} |"
        for said, (_, where) in first.items()
        if said != LACKS_ONE and not said.startswith(BY_NAME)  # parts of what is counted beside them
    ]


def checked(out: Path | None) -> Path | None:
    """Where to write, said before anything is measured whether that can be."""
    if out is None:
        known = ROOT / "docs" / "statistics.md"
        return known if known.is_file() and BEGIN in known.read_text("utf-8") else None
    if out.is_file() and not {BEGIN, END} <= set(out.read_text("utf-8").splitlines()):
        raise SystemExit(f"error: --out {out}: is there without the lines {BEGIN} and {END}, between which to write")
    if not out.parent.is_dir():
        raise SystemExit(f"error: --out {out}: there is no folder {out.parent}")
    return out


def write(lines: list[str], out: Path) -> None:
    """Write the table between the marker lines, or as a file with nothing else."""
    text = out.read_text("utf-8") if out.is_file() else f"# Calibration\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(f"{BEGIN}\n")
    out.write_text("\n".join([f"{before}{BEGIN}", *lines, END]) + rest.partition(END)[2], "utf-8")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=150, help="of each kind")
    parser.add_argument("--truths", nargs="+", default=list(TRUTHS), choices=list(TRUTHS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[3, 5])
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, help="docs/statistics.md, if it has a place for it")
    arguments = parser.parse_args()
    out = checked(arguments.out)
    kinds = [
        Kind(letter, seeds, clock)
        for letter in arguments.truths
        for clock in (CLOCKS if letter == "A" else ["quarters"])
        for seeds in arguments.seeds
    ]
    begun = time.perf_counter()
    lines = [
        f"{arguments.studies} studies of each kind; in brackets the 95% interval of a share (Clopper & Pearson). Of",
        "several terms the lowest and the highest share, with the interval of the highest, Bonferroni's.",
        "",
        *(f"- {letter}: {TRUTHS[letter].said}" for letter in arguments.truths),
        "",
        f"| truth | what is counted | {' | '.join(f'{seeds} seeds' for seeds in arguments.seeds)} | bar |",
        f"| --- | --- | {' | '.join('---' for _ in arguments.seeds)} | --- |",
    ]
    told: dict[tuple[str, str], dict[int, dict[str, tuple[str, str]]]] = {}
    for kind, own in measured(kinds, arguments.studies, arguments.workers):
        told.setdefault((kind.letter, kind.clock), {})[kind.seeds] = shares(own)
        print(f"{time.perf_counter() - begun:6.0f} s: {kind}", file=sys.stderr, flush=True)
    for (letter, clock), texts in told.items():
        lines += rows(letter, clock, texts)
    print("\n".join(lines))
    if out is not None:
        write(lines, out)


if __name__ == "__main__":
    main()
