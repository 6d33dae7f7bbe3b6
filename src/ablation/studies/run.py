"""A study from its config to its results: look up, have trained what is missing, and write it out."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from ablation import UserError
from ablation.datasets.prepared import name_of, up_to_date
from ablation.studies.cells import Cell, expand, keys, resolve_device
from ablation.studies.engines import count_workers, environment_of, pace
from ablation.studies.engines.cohorts import Cohort, cohort_limits
from ablation.studies.engines.duration import HOUR, Pace, Sample, estimate, told
from ablation.studies.engines.few import done_sooner_here
from ablation.studies.engines.work import Supply
from ablation.studies.forms import told_of_forms
from ablation.studies.known import Waiting
from ablation.studies.machine.cost import Ends
from ablation.studies.machine.environment import check_arithmetic, environment
from ablation.studies.machine.fits import refuse_cells, refuse_data, refuse_product, room_to_train
from ablation.studies.replaced import replaced
from ablation.studies.results import write_results, write_timing
from ablation.studies.rounds import Plan, Rounds
from ablation.studies.store import Store, open_store
from ablation.studies.study import Study
from ablation.studies.tasks import check_tasks
from ablation.studies.tracking import track
from ablation.studies.trials import try_choices
from ablation.studies.trials.tables import check_tables
from ablation.studies.unfinished import done, note
from ablation.studies.views import with_views
from ablation.training.compiled.tracing import has_compiler

WORTH_MEASURING = 64
"""Cells to train from which on it pays to measure how many of them this machine trains best at a time."""

NAMED = 50
"""Damaged cells of the store that are named; of more, only the number is told."""


@dataclass(frozen=True)
class Summary:
    """What a run of a study did, for the terminal: cells of it, trained now, known now without, and diverged."""

    cells: int
    trained: int
    known: int
    diverged: int
    wall_seconds: float


def run_study(study: Study) -> Summary:
    """Bring ``results/<study>/`` and MLflow up to what the config says.

    Raises:
        UserError: anything that the user can mend.
    """
    begun = time.perf_counter()
    device = resolve_device(study.device, elsewhere=study.engine["kind"] == "ray")
    check_before(study, device)
    cells = expand(study)
    if told := replaced(study, cells):
        tqdm.write(told, file=sys.stderr)
    prepared = prepared_cards(study)
    check_tasks(study, prepared)
    cards = with_views(prepared, {cell.data for cell in cells})
    check_batches(cells, cards)
    check_tables(cells, cards)
    digests = {label: card["digest"] for label, card in cards.items()}
    on_cluster = study.engine["kind"] == "ray"
    # How a GPU of another machine computes, only that machine can tell.
    asked = on_cluster and device.type == "cuda"
    compiles = {cell.spec.compile for cell in cells}
    how = environment_of(study.engine, device, compiles) if asked else environment(device, compiles)
    cell_keys = keys(cells, digests, device, how)
    with open_store(study.store_folder, study.name) as store:
        present = whole_cells(study, cells, cell_keys, store)
        if on_cluster and not asked and len(present) < len(cells):
            how = environment_of(study.engine, device, compiles)
            cell_keys = keys(cells, digests, device, how)
            present = whole_cells(study, cells, cell_keys, store)
        missing = [place for place, key in enumerate(cell_keys) if key not in present]
        if missing and (told := told_of_forms(study, [cells[place].spec for place in missing])):
            tqdm.write(told, file=sys.stderr)
        waiting = Waiting(cells, missing, device)
        plan = make_plan(study, cells, missing, cards, device)
        cohorts = plan.cohorts([cells[place] for place in missing])
        tell_if_long(study, plan, cohorts, device, bool(waiting.awaited))
        if done_sooner_here(cohorts, plan.ends, study.engine, device.type, plan.workers):
            study, plan = replace(study, engine={"kind": "serial"}), replace(plan, workers=1)
        keeps_weights = bool(study.tracking.get("weights"))
        supply = Supply(study.data_folder, study.data, device.type, how, digests, study.choices, keeps_weights)
        with track(study, cells, cards) as tracker:
            if missing:
                note(study, cell_keys, digests, how)
            rounds = Rounds(study, cells, cell_keys, plan, supply, store, tracker)
            timing = rounds.run(missing, waiting)
            manifest = write_results(study, cells, cell_keys, store, cards, how)
            done(study)
            for key, cell in zip(cell_keys, cells, strict=True):
                if key in present and not tracker.knows(key):
                    tracker.add(key, cell, store.get(key), "store", 0.0)
            tracker.finish(manifest)
    wall = time.perf_counter() - begun
    trained, known = timing["cells_trained"], timing["cells_known"]
    if trained:
        write_timing(study, {"wall_seconds": wall, **timing})
    return Summary(len(cells), trained, known, manifest["cells"]["diverged"], wall)


def check_before(study: Study, device: torch.device) -> None:
    """Refuse what can be refused before there are cells.

    Raises:
        UserError: naming the setting, the folder, the choice or the factors.
    """
    check_machine(study, device)
    check_folder(study.results_folder)
    try_choices(study)
    refuse_product(study)
    refuse_data(study)


def check_machine(study: Study, device: torch.device) -> None:
    """Refuse what this machine cannot do, before anything is trained.

    Raises:
        UserError: naming the setting.
    """
    if study.tf32 and device.type != "cuda":
        raise UserError(f"training.tf32=true: only a GPU has it, and the device is {device.type}; allowed here: false")
    if study.compile == "layers" and not has_compiler():
        raise UserError(
            "training.compile=layers: no C++ compiler (g++ or clang++) was found; install one, or use auto or eager"
        )
    if study.engine["kind"] != "ray":
        check_arithmetic()


def check_folder(folder: Path) -> None:
    """Refuse a folder for the results that could not be written to once all is trained.

    Raises:
        UserError: naming the folder.
    """
    there = next(place for place in (folder, *folder.absolute().parents) if os.path.lexists(place))
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        why = f"{there} cannot be written to" if there.is_dir() else f"{there} is no folder"
        raise UserError(f"{folder}: results cannot go there, for {why}; paths.results= names another folder")


def prepared_cards(study: Study) -> dict[str, dict[str, Any]]:
    """Return the card of every split of every data level by its name, having prepared those that are not there or whose
    source has changed.
    """

    def tell(line: str) -> None:
        tqdm.write(line, file=sys.stderr)

    return {
        name_of(label, split): up_to_date(label, parameters, study.data_folder, tell, split)
        for label, parameters in study.data.items()
        for split in study.numbers["split"]
    }


def whole_cells(study: Study, cells: Sequence[Cell], cell_keys: Sequence[str], store: Store) -> set[str]:
    """Return the keys whose cells the store holds whole; damaged ones are dropped, and named on stderr."""
    damaged = set(store.drop_damaged(cell_keys))
    if damaged:
        names = [cell.name for key, cell in zip(cell_keys, cells, strict=True) if key in damaged]
        rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        told = f"{len(names)} of its cells are damaged and trained again: {', '.join(names[:NAMED])}{rest}"
        tqdm.write(f"{study.store_folder}: {told}", file=sys.stderr)
    return store.present(cell_keys)


def check_batches(cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a batch that the training part cannot fill, and more batches than it fills without meeting again.

    Raises:
        UserError: naming the batch size and the data.
    """
    for cell in cells:
        examples = int(cards[cell.data]["train"])
        if cell.spec.batch_size > examples:
            given = cell.factors.get("examples")
            fewer = "" if given is None else f" examples={given}"
            raise UserError(
                f"batch_size={cell.spec.batch_size}{fewer}: data {cell.data} has {examples} training examples; "
                f"allowed: 1 to {examples}"
            )
        if (count := cell.spec.gradient_batches) * cell.spec.batch_size > examples:
            most = examples // cell.spec.batch_size
            raise UserError(
                f"training.gradient_batches={count} batch_size={cell.spec.batch_size}: disjoint batches of "
                f"{count * cell.spec.batch_size} examples, and data {cell.data} has {examples} to train on; allowed "
                + (f"with it: up to {most}" if most > 1 else f"are smaller batches, of up to {examples // count}")
            )
        if cell.spec.batch_size == 1 and cell.spec.normalization.kind == "batch":
            raise UserError(
                "batch_size=1: batch normalization needs at least 2 examples, their variance being 0 for one"
            )


def make_plan(
    study: Study,
    cells: Sequence[Cell],
    missing: Sequence[int],
    cards: Mapping[str, Mapping[str, Any]],
    device: torch.device,
) -> Plan:
    """Return how the cells at these places are trained.

    Args:
        study: the study.
        cells: all of its cells.
        missing: places of those to be trained.
        cards: the data's, by label.
        device: where.

    Raises:
        UserError: they cannot be trained, or their results cannot be kept.
    """
    asked = count_workers(study.engine, device.type) if missing else 0
    todo = [cells[place] for place in missing]
    ends = {label: Ends.of(card) for label, card in cards.items()}
    workers, room = room_to_train(study.engine, device, asked, todo, ends)
    refuse_cells(cells, todo, ends, room)
    if workers < asked:
        tqdm.write(f"{study.name}: memory has room for {workers} of {asked} workers", file=sys.stderr)
    is_here = study.engine["kind"] != "ray"
    # How many native cells train together decides next to nothing.
    eager = sum(cell.spec.compile != "native" for cell in todo)
    limits = cohort_limits(device, is_here and eager >= WORTH_MEASURING)._replace(room=room)
    if device.type == "cuda":
        # So many share a GPU's memory.
        share = 1 / max(1, workers) if is_here else study.engine["gpus"]
        limits = limits._replace(memory=int(limits.memory * share), splits=not is_here)
    return Plan(ends, limits, workers)


def tell_if_long(study: Study, plan: Plan, cohorts: Sequence[Cohort], device: torch.device, at_most: bool) -> None:
    """Say so where training these will take long; ``at_most``: some of their cells may not have to be."""
    if cohorts:
        cells = sum(len(cohort.cells) for cohort in cohorts)
        seconds = estimate(cohorts, plan.ends, plan.workers, pace_of(study, device))
        if seconds >= HOUR:
            workers = min(plan.workers, len(cohorts))
            tqdm.write(told(study.name, seconds, cells, workers, at_most), file=sys.stderr)


def pace_of(study: Study, device: torch.device) -> Pace:
    """Return what trains a sample where the study is trained."""

    def measure(sample: Sample) -> float:
        return pace(study.engine, sample, device.type, study.choices)

    return measure
