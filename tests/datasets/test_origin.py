"""Data that changed under their name: what lies in the files decides, not what they are called or where they are."""

import gzip
import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from ablation import UserError
from ablation.datasets import origin
from ablation.datasets.prepared import load, up_to_date
from ablation.datasets.sources import SOURCES
from tests.datasets.idx_files import files_under, packed_idx, write_half

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


@pytest.fixture
def own(own_folder):
    return {"kind": "mnist", "folder": str(own_folder), "verify": False}


@pytest.fixture
def current(tmp_path):
    """Bring a level up to date; return its card and what was told."""

    def current(level, label="mine"):
        told = []
        card = up_to_date(label, level, tmp_path / "data", told.append)
        assert card == load(label, level, tmp_path / "data")[1]
        assert all("\n" not in line for line in told)
        return card, told

    return current


def other_images():
    return packed_idx(np.random.default_rng(9).integers(0, 256, (100, 4, 3), dtype=np.uint8))


def test_what_is_there_is_prepared_once(own, current, tmp_path):
    card, told = current(own)
    assert told == [f"data.mine is not prepared yet: preparing it in {tmp_path / 'data'}"]
    before = (tmp_path / "data" / "mine.safetensors").stat().st_mtime_ns
    assert current(own) == (card, [])
    assert (tmp_path / "data" / "mine.safetensors").stat().st_mtime_ns == before


@pytest.mark.parametrize("name", [IMAGES, LABELS])
def test_a_replaced_file_is_prepared_anew(name, own, own_folder, current, tmp_path):
    card, _ = current(own)
    (own_folder / name).write_bytes(
        other_images() if name == IMAGES else packed_idx(np.tile(np.arange(10, dtype=np.uint8), 10))
    )
    again, told = current(own)
    assert told == [f"data.mine: {name} changed since it was prepared: preparing it anew in {tmp_path / 'data'}"]
    assert again["digest"] != card["digest"]
    assert current(own) == (again, [])


def test_neither_size_nor_time_nor_name_hides_it(own, own_folder, current):
    path = own_folder / IMAGES
    images = np.frombuffer(gzip.decompress(path.read_bytes())[16:], np.uint8).copy()

    def stored(pixels):
        header = gzip.decompress(packed_idx(np.zeros((100, 4, 3), np.uint8)))[:16]
        return gzip.compress(header + pixels.tobytes(), 0, mtime=0)  # stored, so of one size whatever it holds

    path.write_bytes(stored(images))
    card, _ = current(own)
    status = path.stat()
    images[5] ^= 1
    path.write_bytes(stored(images))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    assert current(own)[0]["digest"] != card["digest"]


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_a_link_to_something_else_is_something_else(linked, own, own_folder, current, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(own_folder, other)
    (other / IMAGES).write_bytes(other_images())
    link = tmp_path / "link"
    if linked == "folder":
        place, first, second = link, own_folder, other
    else:
        shutil.copytree(own_folder, link)
        place, first, second = link / IMAGES, own_folder / IMAGES, other / IMAGES
        place.unlink()
    place.symlink_to(first)
    level = {**own, "folder": str(link)}
    card, _ = current(level)
    place.unlink()
    place.symlink_to(second)
    again, told = current(level)
    assert again["digest"] != card["digest"]
    assert len(told) == 1


def test_the_same_bytes_elsewhere_are_no_news(own, own_folder, current, tmp_path, monkeypatch):
    card, _ = current(own)
    shutil.copytree(own_folder, tmp_path / "copied")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for folder in (str(tmp_path / "copied"), "copied", "./own/../copied/", "~/copied"):
        assert current({**own, "folder": folder}) == (card, [])


def test_another_folder_with_other_bytes_is_news(own, own_folder, current, tmp_path):
    card, _ = current(own)
    shutil.copytree(own_folder, tmp_path / "other")
    (tmp_path / "other" / IMAGES).write_bytes(other_images())
    again, told = current({**own, "folder": str(tmp_path / "other")})
    assert again["digest"] != card["digest"]
    assert len(told) == 1
    assert current(own)[0]["digest"] == card["digest"], "and back"


def test_what_a_level_does_not_read_is_no_news(own, own_folder, current):
    card, _ = current(own)
    write_half(own_folder, "t10k", np.ones((3, 4, 3), np.uint8), np.arange(3, dtype=np.uint8))
    (own_folder / "notes.txt").write_text("something")
    (own_folder / LABELS).touch()
    assert current(own) == (card, [])


def test_files_packed_anew_are_prepared_anew_to_the_same_digest(own, own_folder, current):
    card, _ = current(own)
    for name in (IMAGES, LABELS):
        path = own_folder / name
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=7))
    again, told = current(own)
    assert again["digest"] == card["digest"], "so what was trained on them counts"
    assert f"{IMAGES} and {LABELS} changed" in told[0]
    assert current(own) == (again, [])


@pytest.mark.parametrize("gone", ["folder", IMAGES, LABELS])
def test_what_was_prepared_counts_while_its_source_is_gone(gone, own, own_folder, current):
    card, _ = current(own)
    shutil.rmtree(own_folder) if gone == "folder" else (own_folder / gone).unlink()
    assert current(own) == (card, [])


def test_but_not_for_a_folder_that_it_was_not_made_from(own, own_folder, current, tmp_path):
    current(own)
    with pytest.raises(UserError, match=r"data\.mine\.folder=.*typed_wrongly: is no folder"):
        current({**own, "folder": str(tmp_path / "typed_wrongly")})
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="found none"):
        current({**own, "folder": str(tmp_path / "empty")})


def test_half_of_a_source_that_is_gone_does_not_hide_the_other_half(own, own_folder, current):
    current(own)
    (own_folder / LABELS).unlink()
    (own_folder / IMAGES).write_bytes(other_images())
    with pytest.raises(UserError, match=f"{LABELS}: expected a gzipped IDX file, found none"):
        current(own)


def test_what_may_not_be_read_is_told(own, own_folder, current):
    current(own)
    (own_folder / LABELS).unlink()
    (own_folder / LABELS).mkdir()
    with pytest.raises(UserError, match=f"{LABELS}: cannot be read \\(Is a directory\\)"):
        current(own)


def test_published_files_are_watched_too(real_mnist, current, tmp_path):
    folder = tmp_path / "published"
    shutil.copytree(real_mnist, folder)
    level = {"kind": "mnist", "part": "t10k", "folder": str(folder)}
    card, _ = current(level)
    path = folder / "t10k-labels-idx1-ubyte.gz"
    path.chmod(0o644)
    path.write_bytes(packed_idx(np.zeros(10_000, np.uint8)))
    with pytest.raises(UserError, match=r"expected the published file"):
        current(level)
    shutil.rmtree(folder)
    assert current(level) == (card, [])


def test_a_damaged_download_is_fetched_again(real_mnist, server, current, tmp_path):
    for path in real_mnist.iterdir():
        server.bodies[f"/{path.name}"] = path.read_bytes()
    level = {"kind": "mnist", "part": "t10k", "mirror": server.url}
    card, _ = current(level)
    assert current(level) == (card, [])
    raw = tmp_path / "data" / "raw" / "mnist" / "t10k-labels-idx1-ubyte.gz"
    raw.write_bytes(raw.read_bytes()[:-1] + b"!")
    requests = len(server.requests)
    again, told = current(level)
    assert again == card
    assert len(told) == 1
    assert len(server.requests) == requests + 1
    shutil.rmtree(tmp_path / "data" / "raw")
    assert current(level) == (card, [])
    assert len(server.requests) == requests + 1, "what was prepared counts"


def test_bundled_data_and_generated_ones_change_with_their_package_and_code(current, tmp_path, monkeypatch):
    digits, gaussian = {"kind": "digits"}, {"kind": "gaussian", "examples": 40, "features": 3, "classes": 4}
    cards = {name: current(level, name)[0] for name, level in (("a", digits), ("b", gaussian))}
    assert cards["a"]["made_from"]["files"].keys() == {"digits.csv.gz"}
    assert cards["b"]["made_from"]["files"] == {}
    other = tmp_path / "digits.csv.gz"
    other.write_bytes(b"of another version")
    with monkeypatch.context() as patched:
        patched.setitem(SOURCES, "digits", replace(SOURCES["digits"], files=lambda params, raw: [other]))
        assert "digits.csv.gz changed since it was prepared" in current(digits, "a")[1][0]
    assert current(digits, "a")[0] == cards["a"]
    monkeypatch.setattr(origin, "_reading_code", lambda: "another")
    for name, level in (("a", digits), ("b", gaussian)):
        card, told = current(level, name)
        assert told == [f"data.{name}: the code that reads it has changed: preparing it anew in {tmp_path / 'data'}"]
        assert card["digest"] == cards[name]["digest"]
        assert current(level, name) == (card, [])


def test_changed_code_is_no_reason_to_lose_what_has_no_source_any_more(own, own_folder, current, monkeypatch):
    card, _ = current(own)
    shutil.rmtree(own_folder)
    monkeypatch.setattr(origin, "_reading_code", lambda: "another")
    assert current(own) == (card, [])


def test_a_card_of_an_earlier_version_is_made_anew_while_the_source_is_there(own, own_folder, current, tmp_path):
    card, _ = current(own)
    path = tmp_path / "data" / "mine.json"
    earlier = json.dumps({key: value for key, value in card.items() if key != "made_from"})
    path.write_text(earlier)
    again, told = current(own)
    assert again == card
    assert len(told) == 1
    path.write_text(earlier)
    shutil.rmtree(own_folder)
    with pytest.raises(UserError, match="is no folder"):
        current(own)


@pytest.mark.parametrize("made_from", [None, [], "x", {}, {"files": None}, {"files": ["a"], "code": 3}])
def test_nonsense_in_a_card_is_a_reason_to_prepare_anew(made_from, own, current, tmp_path):
    card, _ = current(own)
    path = tmp_path / "data" / "mine.json"
    path.write_text(json.dumps({**card, "made_from": made_from}))
    again, told = current(own)
    assert again == card
    assert len(told) == 1


@pytest.mark.parametrize("part", ["full", "t10k"])
def test_two_levels_of_one_folder_are_told_apart(part, own, own_folder, current):
    first, second = {**own, "part": part}, {**own, "part": part, "test_fraction": 0.4}
    cards = current(first, "first")[0], current(second, "second")[0]
    assert cards[0]["digest"] != cards[1]["digest"]
    half = {"full": "train", "t10k": "t10k"}[part]
    number = {"full": 100, "t10k": 50}[part]
    images = np.random.default_rng(3).integers(0, 256, (number, 4, 3), dtype=np.uint8)
    (own_folder / f"{half}-images-idx3-ubyte.gz").write_bytes(packed_idx(images))
    for level, name, card in ((first, "first", cards[0]), (second, "second", cards[1])):
        assert current(level, name)[0]["digest"] != card["digest"]
        assert current(level, name)[1] == []


def test_with_other_parameters_it_is_prepared_anew(own, current):
    before, _ = current(own)
    card, told = current({**own, "validation_fraction": 0.3})
    assert card["val"] > before["val"]
    assert "was prepared with validation_fraction=0.2, the config says validation_fraction=0.3" in told[0]


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [cut, flip, os.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("name", ["mine.safetensors", "mine.json"])
def test_what_is_damaged_is_prepared_anew(name, damage, own, current, tmp_path):
    card, _ = current(own)
    damage(tmp_path / "data" / name)
    again, told = current(own)
    assert again == card
    assert len(told) == 1
    assert "preparing it" in told[0]


def test_files_replaced_while_they_are_read_count_as_changed(own, own_folder, current, monkeypatch):
    real = SOURCES["mnist"]

    def read(*arguments):
        scans = real.read(*arguments)
        (own_folder / IMAGES).write_bytes(other_images())
        return scans

    with monkeypatch.context() as patched:
        patched.setitem(SOURCES, "mnist", replace(real, read=read))
        card = current(own)[0]
    again, told = current(own)
    assert again["digest"] != card["digest"]
    assert len(told) == 1


def test_no_path_is_in_a_card_but_where_it_alone_says_what_is_meant(own, current, tmp_path):
    current(own)
    current({"kind": "digits"}, "other")
    assert str(tmp_path) in (tmp_path / "data" / "mine.json").read_text()
    assert "/" not in json.dumps(json.loads((tmp_path / "data" / "other.json").read_text())["made_from"])
    assert files_under(tmp_path / "data") == ["mine.json", "mine.safetensors", "other.json", "other.safetensors"]
