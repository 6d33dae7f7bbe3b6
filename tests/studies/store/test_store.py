import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from ablation import UserError
from ablation.studies.store import Record, open_store


def record(value: float = 1.0, diverged: int | None = None) -> Record:
    generator = np.random.default_rng(0)
    return Record(
        {"lr": value},
        diverged,
        123,
        np.array([0, 22]),
        generator.normal(size=(2, 7)).astype(np.float32),
        np.array([0, 1, 22]),
        np.array([np.nan, np.inf, value] * 22, np.float32).reshape(3, 2, 11),
        np.array([0.1, 0.9] if diverged is None else [np.nan, np.nan], np.float32),
    )


def test_what_is_put_comes_back_to_the_bit(tmp_path):
    with open_store(tmp_path / "store", "one") as store:
        store.put([("a", record(2.0)), ("b", record(3.0, diverged=7))])
    with open_store(tmp_path / "store", "two") as store:
        assert store.present(["a", "b", "c"]) == {"a", "b"}
        back = store.get("b")
        for name in ("curve_steps", "curves", "layer_steps", "layers"):
            np.testing.assert_array_equal(getattr(back, name), getattr(record(3.0), name))
        np.testing.assert_array_equal(back.test, [np.nan, np.nan])
        np.testing.assert_array_equal(store.get("a").test, np.array([0.1, 0.9], np.float32))
        assert (back.spec, back.diverged_step, back.parameters) == ({"lr": 3.0}, 7, 123)
        with pytest.raises(KeyError):
            store.get("c")


def test_a_cell_put_again_stands_once(tmp_path):
    with open_store(tmp_path, "one") as store:
        store.put([("a", record(2.0))])
        store.put([("a", record(2.0))])
        assert store.present(["a"]) == {"a"}


def test_a_second_holder_is_refused_at_once_and_told_who_holds_it(tmp_path):
    with (
        open_store(tmp_path, "first"),
        pytest.raises(UserError, match=rf"process {os.getpid()}, study first"),
        open_store(tmp_path, "second"),
    ):
        pass
    with open_store(tmp_path, "third"):
        pass


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "results.sqlite").write_text("something else, and long enough to be read as a header" * 10)
    with (
        pytest.raises(UserError, match=r"results.sqlite: cannot be used as the result store"),
        open_store(tmp_path, "one"),
    ):
        pass


def test_a_holder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "holder.json").mkdir()
    with pytest.raises(UserError, match=r"holder.json: cannot be written"), open_store(tmp_path, "one"):
        pass


def test_a_folder_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(UserError, match="cannot be used as the result store"),
        open_store(tmp_path / "file" / "s", "one"),
    ):
        pass


def test_killed_while_writing_it_holds_whole_cells_and_lets_go_of_its_lock(tmp_path):
    script = textwrap.dedent(
        """
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[2])
        from tests.studies.store.test_store import record
        from ablation.studies.store import open_store
        with open_store(Path(sys.argv[1]), "killed") as store:
            for number in range(10**9):
                store.put([(f"{number}-{part}", record(number)) for part in range(5)])
                if number == 20:
                    print("going", flush=True)
        """
    )
    root = str(__import__("pathlib").Path(__file__).parents[3])
    with subprocess.Popen([sys.executable, "-c", script, tmp_path, root], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(0.05)
        writer.send_signal(signal.SIGKILL)
    with open_store(tmp_path, "next") as store:
        known = {key for (key,) in store._connection.execute("SELECT key FROM cells")}
        assert len(known) >= 105
        assert len(known) % 5 == 0, "what is put together stands together"
        for key in known:
            store.get(key)
    assert sqlite3.connect(tmp_path / "results.sqlite").execute("PRAGMA integrity_check").fetchone() == ("ok",)
