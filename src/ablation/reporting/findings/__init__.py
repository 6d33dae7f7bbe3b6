"""What the study says, in plain words: sentences computed from the analysis, each of which says how sure it is."""

from ablation.records.unfinished import unfinished_text
from ablation.reporting.analysis import Analysis
from ablation.reporting.findings.arrivals import against_reference, copies, extremes, outcomes, reached
from ablation.reporting.findings.baseline import against_baseline
from ablation.reporting.findings.edges import edges
from ablation.reporting.findings.signals import beside_theory, gradients
from ablation.reporting.findings.strongest import strongest_choices
from ablation.reporting.findings.unreached import none_arrives, nothing_of_times
from ablation.reporting.findings.unsettled import diverging, running
from ablation.reporting.wording.captions import UNTRAINED


def findings(analysis: Analysis) -> list[str]:
    """The study's findings, the most general first."""
    told = unfinished_text(analysis.manifest)
    first = [told] if told else []
    if analysis.design.untrained:
        return [*first, UNTRAINED, *gradients(analysis), beside_theory(analysis)]
    settings = [*diverging(analysis), *running(analysis)]
    if none_arrives(analysis):
        told, command = nothing_of_times(analysis)
        return [
            *first,
            reached(analysis),
            f"{told} {command}".strip(),
            *copies(analysis),
            *strongest_choices(analysis),
            *gradients(analysis),
            beside_theory(analysis),
            outcomes(analysis),
            *edges(analysis),
            *settings,
        ]
    return [
        *first,
        reached(analysis),
        *copies(analysis),
        *against_baseline(analysis),
        *extremes(analysis),
        *strongest_choices(analysis),
        # Of two; which of several initializers is the one to hold against, the study does not say.
        *(against_reference(analysis, "init") if len(analysis.design.levels["init"]) == 2 else []),
        *against_reference(analysis, "normalization"),
        *against_reference(analysis, "clipping"),
        *gradients(analysis),
        beside_theory(analysis),
        outcomes(analysis),
        *edges(analysis),
        *settings,
    ]
