"""Damage of the store's file: what is read is what was kept, what is lost is told, and what is whole is not lost."""

import hashlib
import os
import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from ablation import UserError
from ablation.studies.store import open_store, salvage
from tests.studies.store.test_store import record

KEYS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(30)]
PAGE = 4096


def cell(number):
    """Small cells, several to a page, and large ones, a page of which holds nothing else."""
    size = (20, 20, 11) if number % 2 else (3, 2, 11)
    generator = np.random.default_rng(number)
    curves, layers = (generator.normal(size=shape).astype(np.float32) for shape in ((2, 7), size))
    return replace(record(number), parameters=number, curves=curves, layers=layers)


CELLS = dict(zip(KEYS, map(cell, range(len(KEYS))), strict=True))


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    with open_store(folder, "one") as store:
        for key in KEYS:
            store.put([(key, CELLS[key])])
    return (folder / "results.sqlite").read_bytes()


@pytest.fixture
def found(tmp_path, capsys):
    """Lay a store's file down, open it as a study would, and say what there is, what was dropped and what was told.

    Every cell that is there is the one that was kept. Afterwards the rest is put, and the store is sound.
    """

    def opened(content):
        (tmp_path / "results.sqlite").write_bytes(content)
        with open_store(tmp_path, "next") as store:
            dropped = store.drop_damaged(KEYS)
            there = store.present(KEYS)
            for key in there:
                back = store.get(key)
                for name in ("curve_steps", "curves", "layer_steps", "layers"):
                    np.testing.assert_array_equal(getattr(back, name), getattr(CELLS[key], name))
                assert (back.spec, back.parameters) == (CELLS[key].spec, CELLS[key].parameters)
            told = capsys.readouterr().err
            store.put((key, CELLS[key]) for key in KEYS if key not in there)
        with open_store(tmp_path, "last") as store:
            assert store.drop_damaged(KEYS) == []
            assert store.present(KEYS) == set(KEYS)
        assert capsys.readouterr().err == ""
        assert not list(tmp_path.glob("*.partial*"))
        return there, dropped, told

    return opened


def flipped(content, place, mask):
    changed = bytearray(content)
    changed[place] ^= mask
    return bytes(changed)


def test_a_sound_store_is_opened_without_a_word(sound, found, tmp_path):
    assert found(sound) == (set(KEYS), [], "")
    assert not list(tmp_path.glob("*damaged*"))


@pytest.mark.parametrize("draw", range(60))
def test_one_byte_changed_anywhere_costs_a_cell_at_most_and_not_in_silence(draw, sound, found):
    generator = random.Random(draw)
    there, dropped, _ = found(flipped(sound, generator.randrange(len(sound)), generator.randrange(1, 256)))
    lost = set(KEYS) - there
    assert len(lost) <= 10, "those of one page"
    assert lost == set(dropped), "each is named"


@pytest.mark.parametrize("mask", [1, 255])
@pytest.mark.parametrize("place", [*range(0, 72), *range(92, 108)])
def test_a_changed_header_costs_no_cell(place, mask, sound, found):
    assert found(flipped(sound, place, mask))[0] == set(KEYS)


@pytest.mark.parametrize("draw", range(10))
def test_of_a_file_that_is_cut_off_or_has_lost_pages_the_rest_is_kept(draw, sound, found, tmp_path):
    generator = random.Random(draw)
    content = bytearray(sound)
    if draw % 2:
        del content[generator.randrange(len(content) // 2, len(content)) :]
    else:
        for _ in range(3):
            place = generator.randrange(len(content) // PAGE) * PAGE
            content[place : place + PAGE] = generator.randbytes(PAGE)
    there, _, told = found(bytes(content))
    assert there
    (damaged,) = tmp_path.glob("results.damaged-1.sqlite")
    assert damaged.read_bytes()[PAGE:] == bytes(content)[PAGE:]
    assert told.startswith(f"{tmp_path / 'results.sqlite'}: is damaged (")
    assert told.endswith(
        f"the cells of it that are whole ({len(there)}) are kept, the damaged file is results.damaged-1.sqlite, and "
        "what is missing is trained again\n"
    )


def test_a_store_of_which_nothing_is_left_is_set_aside_each_time_under_a_new_name(sound, found, tmp_path):
    content = sound[:PAGE] + b"x" * (len(sound) - PAGE)
    for number in (1, 2):
        there, _, told = found(content)
        assert there == set()
        assert f"whole (0) are kept, the damaged file is results.damaged-{number}.sqlite" in told
        assert (tmp_path / f"results.damaged-{number}.sqlite").read_bytes()[PAGE:] == content[PAGE:]


def change(sound, tmp_path, *statements):
    path = tmp_path / "changed.sqlite"
    path.write_bytes(sound)
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement, {"a": KEYS[3], "b": KEYS[5]})
    return path.read_bytes()


FIELDS = ("spec", "outcome", "curves", "layers", "checksum")


@pytest.mark.parametrize("field", FIELDS)
def test_what_another_cell_says_is_not_taken_for_ones_own(field, sound, found, tmp_path):
    moved = f"UPDATE cells SET {field} = (SELECT {field} FROM cells WHERE key = :b) WHERE key = :a"
    assert found(change(sound, tmp_path, moved)) == (set(KEYS) - {KEYS[3]}, [KEYS[3]], "")


def test_nor_is_all_of_it(sound, found, tmp_path):
    columns = ", ".join(FIELDS)
    moved = f"UPDATE cells SET ({columns}) = (SELECT {columns} FROM cells WHERE key = :b) WHERE key = :a"
    assert found(change(sound, tmp_path, moved))[1] == [KEYS[3]]
    swapped = ("UPDATE cells SET key = 'c' WHERE key = :a", "UPDATE cells SET key = :a WHERE key = :b")
    swapped += ("UPDATE cells SET key = :b WHERE key = 'c'",)
    assert found(change(sound, tmp_path, *swapped))[1] == [KEYS[3], KEYS[5]]


@pytest.mark.parametrize(
    "to",
    ["x''", "''", "0", "1.5", "x'00'", "x'ff'", "CAST(x'ff' AS TEXT)", "spec || ' '", "substr(outcome, 2)", "layers"],
)
@pytest.mark.parametrize("field", FIELDS)
def test_no_other_content_passes_whatever_its_type(field, to, sound, found, tmp_path):
    if field != to:
        assert found(change(sound, tmp_path, f"UPDATE cells SET {field} = {to} WHERE key = :a"))[1] == [KEYS[3]]


def test_bytes_may_not_pass_from_one_field_to_the_next(sound, found, tmp_path):
    moved = "UPDATE cells SET curves = curves || substr(layers, 1, 4), layers = substr(layers, 5) WHERE key = :a"
    assert found(change(sound, tmp_path, moved))[1] == [KEYS[3]]


def test_a_cell_damaged_while_the_store_is_open_is_refused(tmp_path):
    with open_store(tmp_path, "one") as store:
        store.put([("7", record())])
        store._connection.execute("UPDATE cells SET layers = x'00' WHERE key = '7'")
        with pytest.raises(UserError, match="cell 7 is damaged; the same command trains it again"):
            store.get("7")


EARLIER = """
CREATE TABLE cells (
    key TEXT PRIMARY KEY, spec TEXT NOT NULL, outcome TEXT NOT NULL, curves BLOB NOT NULL, layers BLOB NOT NULL
)
"""


def test_cells_of_an_earlier_version_count_as_not_there_and_are_kept_aside(found, tmp_path):
    path = tmp_path / "earlier"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(EARLIER)
        connection.execute("INSERT INTO cells VALUES (?, '{}', '{}', x'00', x'00')", (KEYS[3],))
    assert found(path.read_bytes()) == (
        set(),
        [],
        f"{tmp_path / 'results.sqlite'}: is of an earlier version, without checksums, so nothing tells whether its "
        "cells (1) are whole; they count as not there, and lie in results.unchecked-1.sqlite\n",
    )
    with closing(sqlite3.connect(tmp_path / "results.unchecked-1.sqlite")) as connection:
        assert connection.execute("SELECT key FROM cells").fetchall() == [(KEYS[3],)]


def another_database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE cells (key TEXT, value TEXT)")
        connection.execute("INSERT INTO cells VALUES ('a', 'b')")


@pytest.mark.parametrize(
    "make",
    [
        another_database,
        lambda path: path.write_bytes(b"text of some length " * 500),
        lambda path: path.write_bytes(b"a"),
    ],
)
def test_what_is_no_store_is_refused_and_left_as_it_is(make, tmp_path):
    path = tmp_path / "results.sqlite"
    make(path)
    before = path.read_bytes()
    with (
        pytest.raises(UserError, match=r"results\.sqlite: cannot be used as the result store \("),
        open_store(tmp_path, "one"),
    ):
        pass
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["lock", "results.sqlite"]


def test_a_store_that_another_program_holds_is_not_taken_for_damaged(sound, tmp_path, monkeypatch):
    path = tmp_path / "results.sqlite"
    path.write_bytes(sound)
    connect = sqlite3.connect
    monkeypatch.setattr(salvage.sqlite3, "connect", lambda where: connect(where, timeout=0))
    with closing(connect(path)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"\(database is locked\)"), open_store(tmp_path, "one"):
            pass
    assert path.read_bytes() == sound
    assert not list(tmp_path.glob("*damaged*"))


def killed(folder, module, name, after):
    """Open the store in a process that is killed at (or right after) its first call of a function."""
    real = getattr(module, name)

    def last(*arguments):
        if after:
            real(*arguments)
        os._exit(9)

    process = os.fork()
    if not process:
        try:
            setattr(module, name, last)
            with open_store(folder, "killed"):
                pass
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (salvage, "_copy"),
        (salvage, "_patch_first_page"),
        (salvage, "_whole_rows"),
        (salvage, "_move"),
        (salvage.os, "replace"),
    ],
)
def test_killed_while_it_is_mended_it_is_mended_by_the_next_study(module, name, after, sound, found, tmp_path):
    (tmp_path / "results.sqlite").write_bytes(flipped(sound, 3, 255))
    killed(tmp_path, module, name, after)
    there, _, _ = found((tmp_path / "results.sqlite").read_bytes())
    assert there == set(KEYS)


def test_no_room_to_mend_is_told_and_the_damaged_file_stays(sound, tmp_path, monkeypatch):
    content = flipped(sound, 3, 255)
    (tmp_path / "results.sqlite").write_bytes(content)

    def full(source, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(salvage.shutil, "copy2", full)
    with (
        pytest.raises(UserError, match=r"results\.sqlite: is damaged and cannot be mended here \(No space left"),
        open_store(tmp_path, "one"),
    ):
        pass
    assert (tmp_path / "results.sqlite").read_bytes() == content
