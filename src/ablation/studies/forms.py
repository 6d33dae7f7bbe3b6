"""How each cell's steps are computed: natively, where its choices have such a form and this machine a compiler."""

from collections.abc import Sequence

import torch

from ablation import UserError
from ablation.studies.study import Study
from ablation.training.native.form import NoNativeFormError, form_of
from ablation.training.spec import Compile, Spec

SLOWER = "two to three times as long"
"""What eager steps take beside native ones: core's combinations, measured."""


def compiled_as(study: Study, spec: Spec) -> Compile:
    """Return how cells of these choices are computed.

    Raises:
        UserError: they are to be native and cannot be.
    """
    if study.compile in ("eager", "layers"):
        return study.compile
    reason = _why_not(study, spec)
    if reason and study.compile == "native":
        raise UserError(f"training.compile=native: {reason}; allowed here: auto, layers, eager")
    return "eager" if reason else "native"


def told_of_forms(study: Study, specs: Sequence[Spec]) -> str | None:
    """Return what to say of cells that would be native but for a choice, or for want of a compiler; or nothing."""
    if study.compile != "auto" or on_gpu(study):
        return None
    eager = [spec for spec in specs if spec.compile == "eager"]
    if not eager:
        return None
    reasons = {_why_not(study, spec): None for spec in {_deciding(spec): spec for spec in eager}.values()}
    count = "1 cell is" if len(eager) == 1 else f"{len(eager):,} cells are"
    return f"{count} trained eagerly, which takes {SLOWER}: {'; '.join(str(reason) for reason in reasons)}"


def on_gpu(study: Study) -> bool:
    """Return whether a study's cells are trained on a GPU."""
    here = study.engine["kind"] != "ray" and torch.cuda.is_available()
    return study.device == "cuda" or (study.device == "auto" and here)


def _deciding(spec: Spec) -> str:
    """Return what decides whether cells like this one have a native form."""
    return repr((spec.activation, spec.normalization, spec.clipping, spec.optimizer, spec.loss, spec.model))


def _why_not(study: Study, spec: Spec) -> str:
    """Return why cells have no native form; nothing where they have one."""
    if on_gpu(study):
        return "only a processor has it, and the device is a GPU"
    try:
        form_of(spec)
    except NoNativeFormError as error:
        return str(error)
    return ""
