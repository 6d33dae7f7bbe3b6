import pytest

from ablation import UserError
from ablation.studies.study import check_study
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["activation=[]"], ["activation=[]", "at least one level"]),
        (["seed=[]"], ["seed=[]", "at least one level"]),
        (["depth=[0]"], ["depth=0", "[1, 10000]"]),
        (["depth=deep"], ["depth=deep", "whole number"]),
        (["lr=[nan]"], ["lr=nan", "finite"]),
        (["lr=[-1]"], ["lr=-1", "(0, inf)"]),
        (["lr=[0]"], ["lr=0", "(0, inf)"]),
        (["seed=[1.5]"], ["seed=1.5", "whole number"]),
        (["seed=[-1]"], ["seed=-1"]),
        (["split=[-1]"], ["split=-1", "whole number in [0,"]),
        (["split=[0.5]"], ["split=0.5", "whole number"]),
        (["split=[]"], ["split=[]", "at least one level"]),
        (["order=shuffled"], ["order=shuffled", "must be random or fixed or sorted"]),
        (["order=[random,random]"], ["order=[random,random]", "random is there twice"]),
        (["order=null"], ["order=null", "must be random or fixed or sorted"]),
        (["order=1"], ["order=1", "must be random or fixed or sorted"]),
        (["order=[]"], ["order=[]", "at least one level"]),
        (["examples=0"], ["examples=0", "null or a whole number in [1, 10000000]"]),
        (["examples=all"], ["examples=all", "null or a whole number"]),
        (["examples=[256.5]"], ["examples=256.5", "null or a whole number"]),
        (["examples=[null,null]"], ["examples=[null,null]", "null is there twice"]),
        (["label_noise=1.5"], ["label_noise=1.5", "a finite number in [0, 1]"]),
        (["label_noise=[0,-0.1]"], ["label_noise=-0.1", "a finite number in [0, 1]"]),
        (["label_noise=null"], ["label_noise=null", "a finite number in [0, 1]"]),
        (["label_noise=[0.1,0.10000000001]"], ["label_noise=", "the same number in float32"]),
        (["data.digits.split_seed=4"], ["data.digits.split_seed=4: is no key of the data any more; give split=4"]),
        (["+data.digits.split_seed=4"], ["data.digits.split_seed=4", "give split=4"]),
        (["+data.gaussian={split_seed: 4}"], ["data.gaussian.split_seed=4", "give split=4"]),
        (["data.digits.test_fraction=0.8"], ["data.digits.test_fraction=0.8", "below 1 together"]),
        (["+typo=1"], ["typo=1", "allowed: name"]),
        (["+training.typo=1"], ["training.typo=1", "epochs"]),
        (["+paths.typo=1"], ["paths.typo=1", "results"]),
        (["+engine.typo=1"], ["engine.typo=1"]),
        (["+tracking.typo=1"], ["tracking.typo=1"]),
        (["training.epochs=-1"], ["training.epochs=-1", "[0, 1000000]"]),
        (["training.epochs=many"], ["training.epochs=many"]),
        (["training.steps=0"], ["training.steps=0", "[1, 1000000000]"]),
        (["training.steps=1.5"], ["training.steps=1.5", "whole number"]),
        (["training.steps=100", "training.epochs=15"], ["training.steps=100", "training.epochs=15", "90 and 105"]),
        (["training.steps=7", "training.epochs=10"], ["training.steps=7", "training.epochs=10", "nearest is 10"]),
        (["training.steps=7", "training.epochs=0"], ["training.steps=7", "training.epochs=0", "training.steps=null"]),
        (["training.gradient_batches=1"], ["training.gradient_batches=1", "0, or 2 or more"]),
        (["training.gradient_batches=-1"], ["training.gradient_batches=-1", "[0, "]),
        (["training.evaluations=0.5"], ["training.evaluations=0.5", "a list"]),
        (["training.evaluations=null"], ["training.evaluations=null", "a list"]),
        (["training.evaluations=[0.5,0]"], ["training.evaluations=0:", "(0, inf)"]),
        (["training.evaluations=[-0.5]"], ["training.evaluations=-0.5", "(0, inf)"]),
        (["training.evaluations=[inf]"], ["training.evaluations=inf", "finite"]),
        (["training.evaluations=[nan]"], ["training.evaluations=nan", "finite"]),
        (["training.evaluations=[half]"], ["training.evaluations=half", "finite"]),
        (["training.evaluations=[true]"], ["training.evaluations=True", "finite"]),
        (["training.evaluations=[1,0.5,1.0]"], ["training.evaluations=[1, 0.5, 1.0]", "1.0 is there twice"]),
        (["name=../elsewhere"], ["name=../elsewhere", "characters"]),
        (["name=null"], ["name=null"]),
        (["device=tpu"], ["device=tpu", "auto or cpu or cuda"]),
        (["engine.kind=threads"], ["engine.kind=threads", "serial"]),
        (["engine=ray", "engine.address=nowhere"], ["engine.address=nowhere", "host:port"]),
        (["engine=ray", "~engine.address"], ["engine.address: missing"]),
        (["engine=ray", "~engine.gpus"], ["engine.gpus: missing"]),
        (["engine=ray", "engine.gpus=0"], ["engine.gpus=0", "a finite number in [0.01, 1]"]),
        (["engine=ray", "engine.gpus=1.5"], ["engine.gpus=1.5", "a finite number in [0.01, 1]"]),
        (["engine=ray", "engine.gpus=half"], ["engine.gpus=half", "a finite number in [0.01, 1]"]),
        (["engine=processes", "engine.workers=0"], ["engine.workers=0"]),
        (["model.mlp.widths=[]"], ["model.mlp.widths=[]"]),
        (["model.mlp.widths=[8,0]"], ["model.mlp.widths=0"]),
        (["+model.mlp.depth=3"], ["model.mlp.depth=3", "widths"]),
        (["+model.cnn={}"], ["model.cnn", "allowed: mlp"]),
        (["activation=elu", "+activation.again={kind: elu}"], ["activation.again", "same level as activation.elu"]),
        (["data.digits.validation_fraction=2"], ["data.digits.validation_fraction=2"]),
        (["+data.digits.typo=2"], ["data.digits.typo=2"]),
        (["activation=3"], ["activation=3"]),
        (["+activation.x={kind: [elu]}"], ["activation.x", "no kind", "allowed: identity"]),
        (["data.digits=5"], ["data.digits=5", "mapping"]),
        (["+data.digits.kind=[a]"], ["data.digits.kind"]),
        (["model.mlp=5"], ["model.mlp=5", "mapping"]),
        (["paths.store=null"], ["paths.store=null", "text"]),
        (["paths.results=[a,b]"], ["paths.results=['a', 'b']", "text"]),
    ],
)
def test_a_wrong_config_is_refused_with_key_value_and_what_is_allowed(study, overrides, told):
    with pytest.raises(UserError) as refused:
        study(*overrides)
    for words in told:
        assert words in str(refused.value)


def test_a_name_may_be_a_number(study):
    assert study("name=2024").name == "2024"


def test_the_horizon_is_in_epochs_or_in_steps(study):
    assert study("training.epochs=3").horizon == {"epochs": 3}
    assert study("training.epochs=3", "training.steps=60").horizon == {"steps": 60}


def test_evaluations_may_be_none_and_are_the_same_in_any_order(study):
    assert study("training.evaluations=[]").evaluations == ()
    assert study("training.evaluations=[2,0.5]").evaluations == study("training.evaluations=[0.5,2.0]").evaluations


def test_a_plan_is_from_results_that_are_named(study, tmp_path):
    assert study().planned_from is None
    assert study(f"plan.from={tmp_path}").planned_from == tmp_path
    with pytest.raises(UserError, match=r"plan.from=\[\]: must be text"):
        study("plan.from=[]")


def test_a_bare_number_is_a_list_of_one(study):
    assert study("depth=3").numbers["depth"] == [3]


@pytest.mark.parametrize(
    "key",
    [
        "name",
        "training",
        "training.epochs",
        "training.evaluations",
        "training.steps",
        "training.gradient_batches",
        "paths",
        "paths.store",
        "plan",
        "plan.from",
        "engine",
        "device",
        "report",
    ],
)
def test_a_key_may_be_overridden_but_not_removed(study, key):
    with pytest.raises(UserError, match=f"{key}: missing"):
        study(f"~{key}")


@pytest.mark.parametrize("preset", sorted(path.stem for path in (ROOT / "conf" / "study").glob("*.yaml")))
def test_every_preset_is_valid_and_named_after_its_file(compose, preset):
    assert check_study(compose(f"study={preset}")).name == preset


def test_the_store_can_be_placed_by_an_environment_variable(compose, monkeypatch, tmp_path):
    monkeypatch.setenv("ABLATION_STORE", str(tmp_path / "elsewhere"))
    assert check_study(compose()).store_folder == tmp_path / "elsewhere"
