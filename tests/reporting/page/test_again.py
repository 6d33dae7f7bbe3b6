"""What was run, in words and as commands."""

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.findings import findings
from ablation.reporting.options import Options
from ablation.reporting.page.again import commands, facts, size
from tests.reporting.synthetic import Outcome


def test_the_size_counts_cells_and_names_what_varies(small_analysis, analysed):
    assert size(small_analysis.manifest, small_analysis.design) == (
        "A study of 128 cells, 120 finished and 8 diverged; 6 epochs on digits, 2 seeds; "
        "init, activation, normalization, clipping, depth, lr, seed vary."
    )
    one = analysed({}, lambda _: Outcome(diverges=1), epochs=1)
    assert size(one.manifest, one.design) == "A study of 1 cell, 0 finished and 1 diverged; 1 epoch on digits, 1 seed."


def test_the_commands_take_the_same_options_and_survive_a_shell():
    manifest = {"overrides": ["study=core", "+activation.a={kind: elu, alpha: 2.0}"], "name": "mine"}
    study, report = (command for _, command in commands(manifest, Options(nuisance=())))
    assert study == "python pipelines/study.py study=core '+activation.a={kind: elu, alpha: 2.0}'"
    assert report == "python pipelines/report.py name=mine 'report.nuisance=[]'"


def test_the_facts_hold_every_factor_with_its_levels(small_analysis):
    told = dict(facts(small_analysis.manifest, small_analysis))
    assert told["depth"] == "2, 20"
    assert told["cells"] == "128 planned, 120 finished, 8 diverged"
    assert told["targets"] == "digits: 0.8, 0.9, 0.95 (middle one primary)"


def test_an_unfinished_study_says_so_before_all_else(small):
    results = read_results(small)
    results.manifest["cells"]["expected"] += 32
    analysis = analyse(results, Options())
    told = "This study is not finished: of its 160 cells, 128 make whole combinations"
    assert size(analysis.manifest, analysis.design).startswith(told)
    assert findings(analysis)[0].startswith(told)
