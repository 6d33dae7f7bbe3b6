"""The words of a command line: what is taken as it stands, and what is refused in one line."""

import pickle
import subprocess
import sys

import pytest

from ablation import UserError
from ablation.records.columns import FACTORS
from ablation.studies.config import compose
from ablation.studies.config.words import Words, absolute, parse
from ablation.studies.study import check_study
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "key", ["paths.data", "data.mnist.folder", "data.t.file", "data.t.target", "tracking.uri", "plan.from"]
)
@pytest.mark.parametrize(
    "text",
    [
        "/with spaces/x",
        "/accents/é/ü",
        "/paren (1)/x",
        "/brackets [1]/{x}",
        "/comma,comma",
        "/it's",
        '/a"b',
        "/equal=x",
        "~/Downloads",
        "/a:b",
        "/star*?",
        "2024",
        "1e3",
        "true",
        "/数据",
        "/#x",
        "/a\\b",
        "/range(1,2)",
        "a,b",
        "/a;b&c|d",
        "relative/x",
    ],
)
def test_a_path_is_taken_as_it_stands(key, text):
    assert parse(f"{key}={text}").value() == text


def test_paths_reach_the_config_as_they_stand():
    config = compose(
        ["study=single", "data=mnist", "paths.data=/a (1), b/é", "data.mnist.folder=~/it's", "paths.store=2024"]
    )
    assert (config["paths"]["data"], config["paths"]["store"]) == ("/a (1), b/é", "2024")
    assert config["data"]["mnist"]["folder"] == "~/it's"


def test_a_path_may_be_in_quotes_of_its_own_too():
    for text in ("'/a b'", '"/a b"'):
        assert compose(["study=single", f"paths.data={text}"])["paths"]["data"] == "/a b"
    assert compose(["study=single", "data=mnist", "data.mnist.folder=null"])["data"]["mnist"]["folder"] is None
    assert compose(["study=single", "data=mnist", "data.mnist.folder=/a (1)"])["data"]["mnist"]["folder"] == "/a (1)"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--multirun"], ["--multirun", "lists"]),
        (["-m"], ["--multirun"]),
        (["--multi"], ["--multirun"]),
        (["--mul", "seed=0,1"], ["--multirun"]),
        (["hydra.mode=MULTIRUN"], ["--multirun"]),
        (["+hydra.mode=multirun"], ["hydra.mode", "fixed"]),
        (["--experimental-rerun=job.pickle"], ["--experimental-rerun"]),
        (["--experimental-rerun", "job.pickle"], ["--experimental-rerun"]),
        (["--exp=job.pickle"], ["--experimental-rerun"]),
        (["--config-path=/tmp"], ["--config-path", "conf/"]),
        (["-cp", "/tmp"], ["--config-path"]),
        (["-cd", "/tmp"], ["--config-dir"]),
        (["-cn", "x"], ["--config-name"]),
        (["--nonsense"], ["--nonsense"]),
        (["hydra.run.dir=/tmp/x"], ["hydra.run.dir=/tmp/x", "fixed"]),
        (["hydra.sweeper.params.seed=1"], ["hydra.sweeper.params.seed=1"]),
        (["hydra.sweep.dir=x"], ["hydra.sweep.dir=x"]),
        (["+hydra.callbacks.x={_target_: os.abort}"], ["+hydra.callbacks.x"]),
        (["hydra/launcher=basic"], ["hydra/launcher=basic"]),
        (["~hydra.job"], ["~hydra.job"]),
        (["hydra=x"], ["hydra=x"]),
        (["hydra.searchpath=[file:///tmp]"], ["hydra.searchpath"]),
        (["seed=range(0,5)"], ["seed=range(0,5)", "'seed=[0,1,2,3,4]'"]),
        (["seed=range(0,100)"], ["seed=range(0,100)", "18,19,...]"]),
        (["lr=range(0,1,0)"], ["lr=range(0,1,0)", "a list"]),
        (["lr=interval(0,1)"], ["lr=interval(0,1)", "a list"]),
        (["seed=1,2"], ["'seed=[1,2]'"]),
        (["activation=choice(relu,elu)"], ["'activation=[relu,elu]'"]),
        (["activation=glob(*)"], ["activation=glob(*)", "a list"]),
        (["seed=[1,true]"], ["seed=True", "whole number"]),
        (["order=null"], ["order=null: must be random or fixed or sorted"]),
        (["optimizer.sgd.lr=[null]"], ["optimizer.sgd.lr=null: must be a finite number"]),
        (["~optimizer.sgd.lr"], ["~optimizer.sgd.lr: optimizer.sgd.lr is not set here, so there is nothing to remove"]),
        (["lr=[1,1.0]"], ["1.0 is there twice"]),
        (["activation=[relu,relu]"], ["relu is there twice"]),
        (["activation=[[relu]]"], ["activation=['relu']", "level's name"]),
        (["activation=[relu,", "elu]"], ["activation=[relu,: is cut at a space", "'activation=[relu, elu]'"]),
        (
            ["+activation.e={kind:", "elu,", "alpha:", "2.0}"],
            ["cut at a space", "'+activation.e={kind: elu, alpha: 2.0}'"],
        ),
        (["depth=[2,"], ["depth=[2,", "a bracket of it is not closed"]),
        (["depth=2]"], ["depth=2]", "a bracket of it is not closed, or not opened"]),
        (["depth=[1,", "seed=3"], ["depth=[1,: not an override", "not closed"]),
        (["activation=[relu elu]"], ["activation=relu elu: no such level", "separated by commas, as [relu,elu]"]),
        (
            ["data=table", "data.table.targt=y"],
            ["table has no such parameter; allowed: file, ", "did you mean target?"],
        ),
        (["+activation.e={kind: elu}", "activation.e.alpha=2"], ["activation.e.alpha=2: ", "+"]),
        (["activation.relu.slop=1"], ["relu has no such parameter; allowed: none"]),
        (
            ["activation=elu", "activation.elu.alpa=2"],
            ["elu has no such parameter; allowed: alpha; did you mean alpha?"],
        ),
        (["+activation.elu_2={alpha: 2.0}"], ["activation knows no kind elu_2", "says its kind, as {kind: identity}"]),
        (["--activation=relu"], ["an override has no dashes: activation=relu"]),
        (["activation", "=", "relu"], ["activation: an override is key=value without spaces"]),
        (["activation=[{relu: {}}]"], ["activation=", "level's name"]),
        (["activation=1.5"], ["activation=1.5"]),
        (["activation=true"], ["activation=True"]),
        (["engine=[serial,processes]"], ["engine=[serial,processes]", "one of processes, ray, serial"]),
        (["tracking=[none,mlflow]"], ["tracking", "one of mlflow, none"]),
        (["+engine=serial"], ["+engine=serial", "not several"]),
        (["study=null"], ["study", "one preset"]),
        (["~study"], ["study", "one preset"]),
        (["study={a: 1}"], ["study", "one preset"]),
        (["study.x=1"], ["study", "one preset"]),
        (["+activation.elu_0.5.alpha=2"], ["added as a whole", "'+activation.elu_0.5={kind: ..., alpha: 2}'"]),
        (["x" * 300 + "=1"], ["no such key", "(302 letters)"]),
        (["+" + "x" * 300 + "=1"], ["no such key"]),
        (["activation." + "x" * 300 + "=1"], ["activation.xxx", "is not selected"]),
        (["training." + "x" * 300 + "=1"], ["no such key; allowed: training.epochs"]),
        (["activation=" + "x" * 300], ["no such level"]),
        (["study=" + "x" * 300], ["no such level"]),
        (["name=" + "x" * 300], ["name=xxx", "up to 100"]),
        (["seed=" + "1" * 400], ["seed=(a whole number of some 400 digits)", "[0, 9223372036854775807]"]),
        (["seed=" + "1" * 5000], ["seed=", "a number of 5000 digits"]),
        (["depth=" + "1" * 400], ["depth=(a whole number", "[1, 10000]"]),
        (["lr=" + "1" * 400], ["lr=(a whole number", "finite"]),
        (["+a=" + "[" * 3000 + "]" * 3000], ["+a="]),
        (["depth=[5"], ["depth=[5", "key=value"]),
        (["depth"], ["depth", "an override is key=value"]),
        (["=3"], ["=3"]),
        ([""], ["key=value"]),
        (["name=a b(c)"], ["quotes of its own", "name='a b(c)'"]),
        (["activation@x=relu"], ["activation@x=relu", "no such key"]),
        (["activation/x=relu"], ["activation/x=relu"]),
        (["name=\udcff"], ["not text in UTF-8"]),
        (["seed=9223372036854775808"], ["seed=9223372036854775808", "9223372036854775807]"]),
        (["name=${name}"], ["name", "Recursive"]),
        (["depth=${depth}"], ["depth", "Recursive"]),
        (["name=${oc.env:NO_SUCH_VARIABLE}"], ["name", "NO_SUCH_VARIABLE"]),
        (["name=${nope:1}"], ["name", "nope"]),
        (["training=3"], ["training"]),
        (["paths=x"], ["paths"]),
        (["training={epochs: 3}"], None),
        (["depth={a: 1}"], ["depth={'a': 1}", "whole number"]),
        (["depth=[[1]]"], ["depth=[1]", "whole number"]),
        (["device=[cpu]"], ["device=['cpu']", "auto or cpu or cuda"]),
        (["model.mlp.widths=[1,[2]]"], ["model.mlp.widths=[2]"]),
        (["engine.workers=1e400"], ["engine.workers=inf"]),
        (["engine=ray", "engine.address=x:999999"], ["engine.address=x:999999"]),
        (["overrides=1"], ["overrides=1"]),
        (["+overrides=1"], ["overrides=1"]),
    ],
)
def test_what_cannot_be_taken_is_one_short_line(words, told):
    if told is None:
        check_study(compose(["study=single", *words]))
        return
    with pytest.raises(UserError) as refused:
        check_study(compose(["study=single", *words] if not words[0].startswith(("study", "~study")) else words))
    for each in told:
        assert each in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 600


READS = {
    "prepare": {"data", "split"},
    "study": {*FACTORS, "training"},
    "report": {"report"},
    "plan": {*FACTORS, "training", "report", "plan"},
    "summary": {*FACTORS, "training", "report", "plan"},
}
"""What each command of pipelines/ reads."""


@pytest.mark.parametrize(
    ("stage", "words", "told"),
    [
        ("report", ["activation=[relu]"], ["activation=[relu]", "does not read activation", "study.py"]),
        ("report", ["training.epochs=3"], ["does not read training"]),
        ("report", ["+activation.x={kind: elu}"], ["does not read activation"]),
        ("report", ["~activation.relu"], ["does not read activation"]),
        ("report", ["seed=[0]"], ["does not read seed"]),
        ("report", ["split=[0,1]"], ["does not read split", "prepare.py and study.py"]),
        ("report", ["data=mnist"], ["prepare.py and study.py"]),
        ("study", ["report.confidence=0.9"], ["does not read report", "report.py"]),
        ("study", ["report=default"], ["does not read report"]),
        ("study", ["plan.from=results/x"], ["does not read plan", "it is for plan.py"]),
        ("report", ["plan.from=results/x"], ["does not read plan", "it is for plan.py"]),
        ("prepare", ["lr=0.1"], ["does not read lr"]),
        ("prepare", ["report.confidence=0.9"], ["does not read report"]),
    ],
)
def test_an_override_that_cannot_act_is_refused(stage, words, told):
    with pytest.raises(UserError) as refused:
        Words(["study=single", *words], READS[stage])
    for each in told:
        assert each in str(refused.value)


@pytest.mark.parametrize("command", ["plan", "summary"])
def test_what_looks_ahead_takes_what_a_study_and_its_report_take(command):
    words = ["study=core", "activation=[relu]", "training.epochs=3", "report.nuisance=[]", "plan.from=results/x"]
    assert len(Words(words, READS[command]).overrides) == len(words)


def test_a_stage_says_what_it_reads(tmp_path):
    command = [sys.executable, ROOT / "pipelines" / "report.py", "paths.root=.", "study=single", "activation=[relu]"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: activation=[relu]: report.py does not read activation, it is for study.py;")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_says_where_and_how_any_stage_takes():
    words = ["study=core", "name=x", "paths.data=d", "engine=serial", "tracking=none", "device=cpu"]
    for reads in (["report"], ["data"], ["depth"]):
        assert len(Words(words, reads).overrides) == len(words)


def test_no_pickle_is_ever_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return open, (str(tmp_path / "sprung"), "w")

    (tmp_path / "job.pickle").write_bytes(pickle.dumps(Trap()))
    for flag in (f"--experimental-rerun={tmp_path / 'job.pickle'}", f"--experimental={tmp_path / 'job.pickle'}"):
        with pytest.raises(UserError):
            compose([flag])
    assert not (tmp_path / "sprung").exists()


def test_paths_are_made_absolute_and_nothing_else(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert absolute(["paths.data=d", "data.mnist.folder='a b'", "tracking.uri=sqlite:///x.db", "paths.store=~/s"]) == [
        f"paths.data={tmp_path}/d",
        f"data.mnist.folder={tmp_path}/a b",
        f"tracking.uri=sqlite:///{tmp_path}/x.db",
        "paths.store=~/s",
    ]
    same = ["depth=3", "paths.data=/a", "tracking.uri=http://h:1", "tracking.uri=sqlite:////a/b", "--help"]
    assert absolute([*same, "data.mnist.folder=null"]) == [*same, "data.mnist.folder=null"]
    columns = ["data.table.target=relative/x", "+data.a.target=b"]
    assert absolute(["data.table.file=my.csv", *columns]) == [f"data.table.file={tmp_path}/my.csv", *columns]
