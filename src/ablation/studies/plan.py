"""What a study would cost, said before anything is trained: its cells, run-steps, time, memory and disk.

It goes the way of ``run_study``, refuses what that refuses, and leaves nothing behind: data that are not prepared are
read and let go, the store is looked at without its lock, and of training there is about a second, thrown away.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ablation.datasets.prepared import foreseen, name_of
from ablation.studies.cells import Cell, count_rates, expand, keys, resolve_device
from ablation.studies.engines import environment_of
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.duration import in_words, keeping, reckon, slowness
from ablation.studies.known import Waiting
from ablation.studies.machine import cost, fits
from ablation.studies.machine.cost import Ends
from ablation.studies.rounds import Plan
from ablation.studies.run import check_batches, check_before, make_plan, pace_of
from ablation.studies.store.looking import held
from ablation.studies.study import Study
from ablation.studies.tasks import check_tasks
from ablation.studies.trials.tables import check_tables
from ablation.studies.views import with_views
from ablation.training.clock import Clock


@dataclass(frozen=True)
class Outlook:
    """What a study would cost.

    Attributes:
        levels: how many levels each factor has of which there are several, in the order of the factors.
        cells: all cells.
        held: those that the store holds.
        perhaps_known: of the others, those that may turn out to be known without training.
        steps: run-steps of all cells, and
        steps_to_train: of those that the store does not hold.
        seconds: about how long it would train: at least, with all known that may be, and at most.
        workers: how many cohorts would train at a time.
        memory: bytes that they would take at most.
        disk: bytes that the measurements of the cells to train would take in the store.
        task: of the data, classification or regression.
        rates: how many pairs of an optimizer and a learning rate there are, where they are no product.
    """

    levels: dict[str, int]
    cells: int
    held: int
    perhaps_known: int
    steps: int
    steps_to_train: int
    seconds: tuple[float, float]
    workers: int
    memory: float
    disk: float
    task: str
    rates: int | None = None

    def combinations(self, factors: Iterable[str]) -> int:
        """Return how many combinations there are of the levels of these factors."""
        counts = {factor: self.levels.get(factor, 1) for factor in factors}
        if self.rates is not None and {"optimizer", "lr"} <= counts.keys():
            counts = {**counts, "optimizer": self.rates, "lr": 1}
        return math.prod(counts.values())


def look_ahead(study: Study) -> Outlook:
    """Return what a study would cost here.

    Raises:
        UserError: as ``run_study`` would before it trains; or data are not there and would have to be downloaded.
    """
    device = resolve_device(study.device, elsewhere=study.engine["kind"] == "ray")
    check_before(study, device)
    cells = expand(study)
    prepared = {
        name_of(label, split): foreseen(label, parameters, study.data_folder, split)
        for label, parameters in study.data.items()
        for split in study.numbers["split"]
    }
    check_tasks(study, prepared)
    cards = with_views(prepared, {cell.data for cell in cells})
    check_batches(cells, cards)
    check_tables(cells, cards)
    how = environment_of(study.engine, device, {cell.spec.compile for cell in cells})
    cell_keys = keys(cells, {label: card["digest"] for label, card in cards.items()}, device, how)
    present = held(study.store_folder, cell_keys)
    missing = [place for place, key in enumerate(cell_keys) if key not in present]
    waiting = Waiting(cells, missing, device)
    sure = [place for place in missing if place not in waiting]
    plan = make_plan(study, cells, missing, cards, device)
    cohorts, fewest = (plan.cohorts([cells[place] for place in places]) for places in (missing, sure))
    pace = slowness(cohorts, plan.ends, pace_of(study, device)) if cohorts else 1.0
    least, most = (
        pace * reckon(some, plan.ends, plan.workers) + keeping(cohorts) if some else 0.0 for some in (fewest, cohorts)
    )
    levels = {
        factor: count for factor in cells[0].factors if (count := len({cell.factors[factor] for cell in cells})) > 1
    }
    pairs = count_rates(study)
    return Outlook(
        levels=levels,
        cells=len(cells),
        held=len(cells) - len(missing),
        perhaps_known=len(missing) - len(sure),
        steps=run_steps(cells, plan.ends),
        steps_to_train=run_steps([cells[place] for place in missing], plan.ends),
        seconds=(least, most),
        workers=min(plan.workers, len(cohorts)),
        memory=memory_of(cohorts, plan),
        disk=disk_of(cohorts, plan),
        task=str(next(iter(cards.values()))["task"]),
        rates=None if pairs == levels.get("optimizer", 1) * levels.get("lr", 1) else pairs,
    )


def run_steps(cells: Sequence[Cell], ends: Mapping[str, Ends]) -> int:
    """Return how many steps these cells take, one after the other."""
    return sum(Clock.of(cell.spec, ends[cell.data].train).steps for cell in cells)


def memory_of(cohorts: Sequence[Cohort], plan: Plan) -> float:
    """Return about how many bytes the workers take at most, each with its data and the largest cohort there is."""
    if not cohorts:
        return 0.0
    firsts = [cohort.cells[0] for cohort in cohorts]
    whole = [cost.memory(first.spec, plan.ends[first.data]).whole for first in firsts]
    largest = max(len(cohort.cells) * each for cohort, each in zip(cohorts, whole, strict=True))
    data = fits.data_of({first.data for first in firsts}, plan.ends)
    return min(plan.workers, len(cohorts)) * (fits.WORKER + data + largest)


def disk_of(cohorts: Sequence[Cohort], plan: Plan) -> float:
    """Return about how many bytes the measurements of these cells take in the store."""
    firsts = [(cohort.cells[0], len(cohort.cells)) for cohort in cohorts]
    return sum(count * (fits.CELL + cost.results(first.spec, plan.ends[first.data]) / 2) for first, count in firsts)


def cost_lines(study: Study, outlook: Outlook) -> list[str]:
    """Return what a study would cost, line by line."""
    sizes = dict(outlook.levels)
    if outlook.rates is not None:
        sizes = {("optimizer and lr" if factor == "optimizer" else factor): size for factor, size in sizes.items()}
        sizes["optimizer and lr"] = outlook.rates
        del sizes["lr"]
    product = " x ".join(f"{size} {factor}" for factor, size in sizes.items())
    cells = "1 cell" if outlook.cells == 1 else f"{outlook.cells:,} cells"
    todo = outlook.cells - outlook.held
    lines = [
        f"{study.name}: {cells}{': ' + product if product else ''}",
        f"in the store: {outlook.held:,}; to train: {todo:,}"
        + (f", of which {outlook.perhaps_known:,} clipped ones may be known without" if outlook.perhaps_known else ""),
        f"run-steps: {outlook.steps:,}"
        + (f", of which {outlook.steps_to_train:,} to train" if outlook.held and todo else ""),
    ]
    if todo:
        lines += [f"time: {time_text(outlook)}", f"memory: {memory_text(outlook)}"]
    return lines


def time_text(outlook: Outlook) -> str:
    """Return how long a study would train."""
    least, most = (in_words(each) for each in outlook.seconds)
    crew = "1 worker" if outlook.workers == 1 else f"{outlook.workers} workers"
    unit = most.rpartition(" ")[2]
    length = most if least == most else f"{least.removesuffix(f' {unit}')} to {most.removeprefix('about ')}"
    return f"{length} on {crew}, by a second of training that was measured now; and some seconds to start"


def memory_text(outlook: Outlook) -> str:
    """Return what of memory and of disk a study would take."""
    memory, disk = fits.sized(outlook.memory), fits.sized(outlook.disk)
    return f"up to {memory} to train in; disk: {disk} in the store, and about as much again in results/"
