"""Views of prepared data: their names, their cards, and what a worker loads by them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets.prepared import load, prepare
from ablation.studies.cells import expand, keys
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.engines.work import Supply, load_data, train_cohort
from ablation.studies.machine.cost import Ends
from ablation.studies.machine.fits import READING, data_of
from ablation.studies.run import check_batches, prepared_cards
from ablation.studies.views import card_of, name_of_view, prepared_name, view_named, with_views
from ablation.training.data import Data
from ablation.training.trainer import train
from ablation.training.view import View
from tests.studies.test_cells import CPU
from tests.training.test_trainer import same_bits

CARD = {"train": 100, "val": 30, "test": 30, "features": 4, "classes": 3, "digest": "0" * 64}
UNLIMITED = Limits(2**40, 64)
EXAMPLES = st.one_of(st.none(), st.integers(1, 10**7))


@given(EXAMPLES, st.floats(0, 1), st.integers(0, 2**63 - 1), st.sampled_from(["digits", "my-data_2", "examples5"]))
def test_a_name_says_all_of_a_view(examples, noise, split, label):
    view = View(examples, noise, split)
    assert view_named(name_of_view(label, view)) == (label, view)
    assert prepared_name(name_of_view(label, view)) == name_of_view(label, View(split=split))


def test_names_are_readable_and_the_wholes_is_that_of_the_prepared_file():
    assert name_of_view("digits", View(256, 0.5, 3)) == "digits.split3.examples256.noise0.5"
    assert name_of_view("digits", View(label_noise=1.0)) == "digits.noise1.0"
    assert name_of_view("digits", View()) == "digits"
    assert name_of_view("digits", View(split=3)) == "digits.split3"


def test_a_view_has_a_card_of_its_own():
    cards = with_views(
        {"digits": CARD}, ["digits", "digits.examples20", "digits.noise0.5", "digits.examples20.noise0.5"]
    )
    assert [card["train"] for card in cards.values()] == [100, 20, 100, 20]
    assert len({card["digest"] for card in cards.values()}) == 4
    assert all({**card, "train": 100, "digest": "0" * 64} == CARD for card in cards.values())
    assert cards["digits"] is CARD
    other = card_of("digits.examples20", {**CARD, "digest": "1" * 64})
    assert other["digest"] != cards["digits.examples20"]["digest"]
    assert card_of("digits.split1.examples20", CARD)["digest"] != cards["digits.examples20"]["digest"]


def test_all_of_the_examples_are_the_data_themselves():
    assert card_of("digits.examples100", CARD) == CARD
    assert card_of("digits.examples100.noise0.5", CARD) == card_of("digits.noise0.5", CARD)


def test_more_examples_than_there_are_are_refused():
    with pytest.raises(UserError) as refused:
        with_views({"digits": CARD}, ["digits.examples101"])
    assert str(refused.value) == "examples=101: data digits has 100 training examples; allowed: null or 1 to 100"


@pytest.mark.parametrize(
    ("noise", "told"),
    [
        ([0.001], "label_noise=0.001: replaces 0 labels of the 100 training examples of data digits, as 0 does"),
        ([0.0, 0.004], "label_noise=0.004: replaces 0 labels"),
        ([0.012, 0.5, 0.008], "label_noise=0.012: replaces 1 label of the 100 .*, as 0.008 does; .* a share of 0.01$"),
    ],
)
def test_shares_of_labels_that_are_one_to_so_few_examples_are_refused(noise, told):
    with pytest.raises(UserError, match=told):
        with_views({"digits": CARD}, [name_of_view("digits", View(label_noise=share)) for share in noise])


def test_shares_that_are_one_to_other_examples_or_splits_are_taken():
    views = [View(None, 0.01), View(10, 0.1), View(10, 0.2), View(None, 0.1), View(None, 0.01, 1), View(None, 0.5)]
    cards = {"digits": CARD, "digits.split1": CARD}
    assert len(with_views(cards, [name_of_view("digits", view) for view in views])) == 8


@given(st.lists(st.integers(0, 100), unique=True), st.floats(-0.4, 0.4))
def test_shares_that_differ_by_a_label_are_taken(counts, off):
    shares = [min(1.0, max(0.0, (count + off) / 100)) if count else 0.0 for count in counts]
    names = [name_of_view("digits", View(label_noise=share)) for share in shares]
    assert {name.partition("noise")[2] for name in with_views({"digits": CARD}, names)} >= {
        name.partition("noise")[2] for name in names
    }


def test_a_batch_is_of_the_examples_that_there_are(study):
    found = expand(study("examples=[40,100]", "batch_size=50"))
    cards = with_views({"digits": CARD}, {cell.data for cell in found})
    with pytest.raises(UserError) as refused:
        check_batches(found, cards)
    assert str(refused.value).startswith("batch_size=50 examples=40: data digits.examples40 has 40 training examples")


def test_a_view_decides_the_key_and_nothing_of_the_specification(study):
    found = expand(study("examples=[null,40]", "label_noise=[0,0.5]", "split=[0,1]"))
    prepared = {"digits": CARD, "digits.split1": {**CARD, "digest": "1" * 64}}
    cards = with_views(prepared, {cell.data for cell in found})
    digests = {name: card["digest"] for name, card in cards.items()}
    assert len(set(keys(found, digests, CPU))) == len(found) == 8
    assert len({str(cell.spec) for cell in found}) == 1
    whole = expand(study())
    assert keys(whole, digests, CPU)[0] in keys(found, digests, CPU), "the whole is what it was without views"


def test_two_numbers_for_all_of_the_examples_are_one_run(study):
    found = expand(study("examples=[null,100]"))
    cards = with_views({"digits": CARD}, {cell.data for cell in found})
    with pytest.raises(UserError, match="the same run as"):
        keys(found, {name: card["digest"] for name, card in cards.items()}, CPU)


def test_cells_of_one_view_share_a_cohort_whatever_their_order(study):
    found = expand(study("examples=[null,64]", "label_noise=[0,1]", "order=[random,fixed,sorted]", "seed=[0,1]"))
    ends = {cell.data: Ends(64, 10, 1079, 359, 359) for cell in found}
    cohorts = make_cohorts(found, ends, 1, UNLIMITED)
    assert sorted(len(cohort.cells) for cohort in cohorts) == [6] * 4
    assert all(len({cell.data for cell in cohort.cells}) == 1 for cohort in cohorts)


def test_memory_is_that_of_the_whole_and_of_the_examples_that_are_picked():
    ends = {name: Ends(4, 3, count, 30, 30) for name, count in (("a", 100), ("a.examples20", 20), ("a.noise0.5", 100))}
    assert data_of({"a"}, ends) == data_of({"a", "a.noise0.5"}, ends) == READING * 4 * 160
    assert data_of({"a.examples20"}, ends) == READING * 4 * (160 + 20)


@pytest.fixture
def supply(study):
    def made(*overrides: str) -> tuple[Supply, list, dict]:
        checked = study(*overrides)
        found = expand(checked)
        cards = with_views(prepared_cards(checked), {cell.data for cell in found})
        digests = {name: card["digest"] for name, card in cards.items()}
        return Supply(checked.data_folder, checked.data, "cpu", None, digests), found, cards

    return made


def test_what_is_loaded_is_as_its_card_says_and_shares_what_is_the_same(supply):
    given, found, cards = supply("examples=[null,64]", "label_noise=[0,0.25]")
    loaded = {cell.data: load_data(cell.data, given) for cell in found}
    whole = loaded["digits"]
    for name, data in loaded.items():
        assert len(data.train_y) == len(data.train_x) == cards[name]["train"]
        assert data.val_x is whole.val_x
        assert load_data(name, given) is data, "each is made once"
    assert loaded["digits.noise0.25"].train_x is whole.train_x
    noisy = loaded["digits.examples64.noise0.25"].train_y != loaded["digits.examples64"].train_y
    assert 8 <= int(noisy.sum()) <= 16, "of 16 random labels a tenth is the true one"
    counts = loaded["digits.examples64"].train_y.bincount(minlength=10)
    assert counts.min() >= 6
    assert counts.max() <= 7


def test_a_cell_trained_on_a_view_is_one_trained_on_data_made_by_hand(supply):
    """Picked and noised here from what was prepared, by nothing but the view's own draws."""
    given, found, _ = supply(
        "examples=[48]", "label_noise=[0.5]", "batch_size=16", "order=[random,sorted]", "split=[2]"
    )
    (cohort,) = make_cohorts(found, {found[0].data: Ends(64, 10, 48, 359, 359)}, 1, UNLIMITED)
    records = train_cohort(cohort, load_data(found[0].data, given)).records
    arrays, card = load("digits", given.levels["digits"], given.folder, 2)
    x = {
        part: (torch.from_numpy(arrays[f"{part}_x"]).float() - card["mean"]) / card["std"]
        for part in ("train", "val", "test")
    }
    y = {part: torch.from_numpy(arrays[f"{part}_y"]) for part in ("train", "val", "test")}
    view = load_data(found[0].data, given)
    places = [int((x["train"] == row).all(1).nonzero()[0]) for row in view.train_x]
    assert places == sorted(places)
    by_hand = Data(x["train"][places], view.train_y.clone(), x["val"], y["val"], x["test"], y["test"], 10)
    same = int((view.train_y == y["train"][places]).sum())
    assert 24 <= same <= 32, "half of the labels stay, and a tenth of the others by chance"
    for record, outcome in zip(records, train([cell.spec for cell in found], by_hand), strict=True):
        assert np.array_equal(record.curves, outcome.curves, equal_nan=True)
        assert np.array_equal(record.layers, outcome.layers, equal_nan=True)
        assert np.array_equal(record.test, outcome.test)
    alone = train([found[1].spec], by_hand)[0]
    assert same_bits(alone, train([cell.spec for cell in found], by_hand)[1])


def test_other_data_than_the_keys_are_of_are_refused(supply):
    given, found, _ = supply("examples=[48]")
    wrong = replace(given, digests={**given.digests, "digits": "f" * 64})
    with pytest.raises(UserError, match=r"data\.digits: was prepared anew while the study ran"):
        load_data(found[0].data, wrong)


def test_splits_have_views_of_their_own(study):
    checked = study("examples=[48]", "split=[0,1]")
    for split in (0, 1):
        prepare("digits", checked.data["digits"], checked.data_folder, split)
    given = Supply(checked.data_folder, checked.data, "cpu")
    one, other = (load_data(cell.data, given) for cell in expand(checked))
    assert not torch.equal(one.train_x, other.train_x)
