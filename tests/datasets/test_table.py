"""A table of one's own: written and read back, with every fault in one line."""

import io
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.datasets import table_files
from ablation.datasets.prepared import foreseen, load, prepare, up_to_date
from ablation.datasets.settings import complete, targets_of
from ablation.datasets.table import read_table

FINITE = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)


def read(path, target="label", **params):
    level = {"kind": "table", "file": str(path), "target": target, **params}
    return read_table("mine", complete("mine", level)[1], Path("unused"))


def refusal(path, target="label", **params):
    with pytest.raises(UserError) as caught:
        read(path, target, **params)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("data.mine.")
    return str(caught.value).replace(str(path), "FILE")


def csv(tmp_path, text, name="my.csv"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def classes(rows=12):
    """A sound table, of which tests spoil one thing."""
    return pd.DataFrame({"a": np.arange(rows) * 0.5, "b": np.arange(rows) ** 2, "label": ["x", "y", "z"] * (rows // 3)})


def write(frame, path):
    frame.to_csv(path, index=False) if path.suffix == ".csv" else frame.to_parquet(path)
    return path


# Written and read back


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(FINITE, FINITE, st.sampled_from("pqr")), min_size=1, max_size=20))
def test_what_is_written_is_read_back_to_the_bit(ending, tmp_path_factory, rows):
    rows = rows + [(1.0, 2.0, "p"), (3.0, 4.0, "q"), (5.0, 6.0, "r")] * 3
    frame = pd.DataFrame(rows, columns=["a", "b", "label"])[["a", "label", "b"]]
    examples = read(write(frame, tmp_path_factory.mktemp("table") / f"my{ending}"))
    np.testing.assert_array_equal(examples.x, frame[["a", "b"]].to_numpy())
    assert examples.x.dtype == np.float64
    assert [examples.about["class_names"][place] for place in examples.y] == frame["label"].tolist()
    assert examples.about == {"columns": ["a", "b"], "class_names": ["p", "q", "r"]}


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(FINITE, FINITE), min_size=2, max_size=20, unique=True))
def test_an_npz_is_read_back_too(tmp_path_factory, rows):
    x, y = np.array(rows), np.linspace(0.25, 1.75, len(rows))
    path = tmp_path_factory.mktemp("table") / "my.npz"
    np.savez(path, x=x, y=y)
    examples = read(path, None)
    np.testing.assert_array_equal(examples.x, x)
    np.testing.assert_array_equal(examples.y, y)
    assert examples.about == {"columns": ["x0", "x1"]}


def test_images_in_an_npz_are_laid_out_row_by_row(tmp_path):
    images = np.arange(9 * 2 * 3, dtype=np.uint8).reshape(9, 2, 3)
    np.savez_compressed(tmp_path / "my.npz", x=images, y=np.arange(9) % 3, other=1)
    examples = read(tmp_path / "my.npz", "y")
    assert examples.x.tolist() == images.reshape(9, 6).tolist()
    assert examples.y.tolist() == [0, 1, 2] * 3


TARGETS = {
    "words": (["no", "yes", "maybe"] * 3, "classification", ["maybe", "no", "yes"]),
    "truths": ([True, False, True] * 3, "classification", ["False", "True"]),
    "whole numbers": ([10, 9, 2] * 3, "classification", ["2", "9", "10"]),
    "whole numbers written as real ones": ([1.0, -2.0, 0.0] * 3, "classification", ["-2", "0", "1"]),
    "numbers beyond the digits of a double": (
        [2**60, 2**60 + 1, 0] * 3,
        "classification",
        ["0", str(2**60), str(2**60 + 1)],
    ),
    "real numbers": ([1.0, 2.0, 2.5] * 3, "regression", None),
    "the words of a missing value": (["NA", "None", "nan"] * 3, "classification", ["NA", "None", "nan"]),
}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", TARGETS)
def test_the_target_decides_the_task(kind, ending, tmp_path):
    values, task, names = TARGETS[kind]
    path = write(pd.DataFrame({"a": np.arange(9.0), "label": values}), tmp_path / f"my{ending}")
    card = prepare("mine", {"kind": "table", "file": str(path), "target": "label"}, tmp_path / "data")
    assert card["task"] == task
    if names:
        assert (card["class_names"], card["classes"], card["outputs"]) == (names, len(names), len(names))
        assert [names[place] for place in read(path).y] == [
            f"{v:.0f}" if isinstance(v, float) else str(v) for v in values
        ]
    else:
        assert (card["classes"], card["outputs"]) == (None, 1)
        assert read(path).y.tolist() == values


def test_the_task_can_be_said(tmp_path):
    path = write(pd.DataFrame({"a": np.arange(9.0), "label": [10, 9, 2] * 3}), tmp_path / "my.csv")
    assert read(path, task="regression").y.dtype == np.float64
    assert read(path, task="classification").y.dtype == np.int64


def test_truths_are_zero_and_one_and_other_types_of_numbers_numbers(tmp_path):
    frame = pd.DataFrame(
        {
            "truth": [True, False, False] * 3,
            "small": np.arange(9, dtype=np.int8),
            "nullable": pd.array(range(9), dtype="Int64"),
            "label": pd.Categorical(["x", "y", "z"] * 3),
        }
    )
    for ending in (".parquet", ".csv"):
        examples = read(write(frame, tmp_path / f"my{ending}"))
        assert examples.x[:3].tolist() == [[1, 0, 0], [0, 1, 1], [0, 2, 2]]
        assert examples.about["class_names"] == ["x", "y", "z"]


def test_the_index_that_pandas_keeps_in_parquet_is_no_column(tmp_path):
    frame = classes()
    frame.index = pd.Index(np.arange(12) + 5, name="id")
    frame.to_parquet(tmp_path / "my.parquet")
    assert read(tmp_path / "my.parquet").about["columns"] == ["a", "b"]


def test_a_byte_order_mark_and_blank_lines_are_passed_over(tmp_path):
    text = b"\xef\xbb\xbf\r\nlabel,a\r\n" + b"x,1\r\n\r\ny,2\r\n" * 3
    examples = read(csv(tmp_path, text))
    assert (examples.about["columns"], examples.x[:2, 0].tolist()) == (["a"], [1, 2])


def test_a_home_folder_and_relative_paths_are_understood(tmp_path, monkeypatch):
    write(classes(), tmp_path / "my.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(read("my.csv").y) == len(read("~/my.csv").y) == 12


# Faults of the file


def test_a_file_that_is_missing_a_folder_or_of_another_kind(tmp_path):
    assert refusal(tmp_path / "none.csv") == "data.mine.file=FILE: there is no such file"
    (tmp_path / "folder.csv").mkdir()
    assert refusal(tmp_path / "folder.csv") == "data.mine.file=FILE: is a folder, not a file"
    for name in ("my.tsv", "my", "my.csv.gz"):
        told = refusal(csv(tmp_path, "a,label\n1,x\n", name))
        assert told == "data.mine.file=FILE: must end in .csv, .parquet or .npz, which says how it is read"
    with pytest.raises(UserError, match=r"^data\.mine\.file=null: must name a CSV, Parquet or npz file$"):
        complete("mine", {"kind": "table"})


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".npz"])
def test_an_empty_or_damaged_file(ending, tmp_path):
    assert refusal(csv(tmp_path, b"", f"my{ending}")) == "data.mine.file=FILE: is empty"
    told = refusal(csv(tmp_path, b"\x00\xff\xfe\x80" * 50, f"my{ending}"), None)
    assert "is no sound" in told or "is no text in UTF-8 (byte 1 of it)" in told


def test_a_table_without_rows(tmp_path):
    assert refusal(csv(tmp_path, "a,label\n")) == "data.mine.file=FILE: has no row"
    assert refusal(csv(tmp_path, "\n\n")) == "data.mine.file=FILE: is empty"
    assert refusal(write(classes().iloc[:0], tmp_path / "my.parquet")) == "data.mine.file=FILE: has no row"


def test_what_is_too_large_is_refused_unread(tmp_path, monkeypatch):
    np.savez(tmp_path / "my.npz", x=np.zeros((10, 5)), y=np.arange(10))
    paths = [write(classes(), tmp_path / "my.csv"), write(classes(), tmp_path / "my.parquet"), tmp_path / "my.npz"]
    monkeypatch.setattr(table_files, "LARGEST_TABLE", 30)
    assert refusal(paths[1]) == "data.mine.file=FILE: has 12 rows of 3 columns; allowed are 30 values"
    assert refusal(paths[2], None) == "data.mine.file=FILE: has 10 rows of 5 columns; allowed are 30 values"
    monkeypatch.setattr(table_files, "LARGEST_FILE", 20)
    for path in paths:
        assert refusal(path, None).endswith("bytes; allowed are up to 20")


def test_columns_without_a_name_of_their_own(tmp_path):
    assert refusal(csv(tmp_path, "a,label,a\n1,x,2\n")) == (
        "data.mine.file=FILE: column a is there twice; each must have a name of its own"
    )
    table = pa.table([pa.array([1]), pa.array([2]), pa.array(["x"])], names=["a", "a", "label"])
    pq.write_table(table, tmp_path / "my.parquet")
    assert "column a is there twice" in refusal(tmp_path / "my.parquet")
    with_index = io.StringIO()
    classes().to_csv(with_index)
    assert "column 1 has no name; a table that pandas wrote with its index" in refusal(
        csv(tmp_path, with_index.getvalue())
    )


@pytest.mark.parametrize("rows", ["1,x,5\n2,y,6\n", "1,x\n2,y,6\n", "1,x\n2,y,6,7\n"])
def test_rows_that_are_longer_than_the_names_lose_nothing_silently(rows, tmp_path):
    told = refusal(csv(tmp_path, "a,label\n" + rows))
    assert "rows with more values than there are names" in told or "Expected 2 fields in line 3, saw" in told


def test_a_quote_that_is_never_closed(tmp_path):
    assert "is no sound CSV file" in refusal(csv(tmp_path, 'a,label\n1,"x\n2,y\n'))


def test_another_encoding(tmp_path):
    told = refusal(csv(tmp_path, "größe,label\n1,x\n".encode("latin-1")))
    assert told == "data.mine.file=FILE: is no text in UTF-8 (byte 2 of it)"


class Malicious:
    def __reduce__(self):
        return exec, ("raise SystemExit('code was run')",)


def test_code_in_an_npz_is_not_run(tmp_path):
    array = np.array([Malicious()], dtype=object)
    np.savez(tmp_path / "my.npz", x=np.zeros((1, 1)), y=array)
    assert refusal(tmp_path / "my.npz", None) == (
        "data.mine.file=FILE: y holds Python objects, which are not read; it must hold numbers"
    )
    with zipfile.ZipFile(tmp_path / "raw.npz", "w") as archive:
        for name in "xy":
            archive.writestr(f"{name}.npy", pickle.dumps(Malicious()))
    assert "is no sound npz file" in refusal(tmp_path / "raw.npz", None)


NPZ = {
    "has no array y; it must have x and y, and has x": {"x": np.zeros((3, 2))},
    "has no array x; it must have x and y, and has y, z": {"y": np.zeros(3), "z": np.zeros(3)},
    "and it has x [3] and y [3]": {"x": np.zeros(3), "y": np.zeros(3)},
    "and it has x [3, 2] and y [2]": {"x": np.zeros((3, 2)), "y": np.zeros(2)},
    "and it has x [3, 2] and y [3, 1]": {"x": np.zeros((3, 2)), "y": np.zeros((3, 1))},
    "x must hold numbers, and is of <U1": {"x": np.full((3, 2), "a"), "y": np.zeros(3)},
    "x must hold numbers, and is of complex128": {"x": np.zeros((3, 2), complex), "y": np.zeros(3)},
    "y must hold numbers, truths or words, and is of |S1": {"x": np.zeros((3, 2)), "y": np.full(3, b"a")},
    "has no row": {"x": np.zeros((0, 2)), "y": np.zeros(0)},
}


@pytest.mark.parametrize("told", NPZ)
def test_an_npz_of_another_form(told, tmp_path):
    np.savez(tmp_path / "my.npz", **NPZ[told])
    found = refusal(tmp_path / "my.npz", None)
    assert found.startswith("data.mine.file=FILE: ")
    assert found.endswith(told)


# Faults of the columns


def test_an_unknown_target_lists_the_columns_in_short(tmp_path):
    path = write(classes(), tmp_path / "my.csv")
    assert refusal(path, "lable") == "data.mine.target=lable: no column of my.csv, which has a, b, label"
    assert refusal(path, None) == (
        "data.mine.target=null: must name the column that is to be predicted, one of a, b, label"
    )
    wide = pd.DataFrame(np.zeros((3, 500)), columns=[f"c{place}" for place in range(500)])
    told = refusal(write(wide, tmp_path / "wide.csv"), "label")
    assert told.endswith("which has c0, c1, c2, c3, c4, c5, c6, c7 and 492 more")
    for line in ("a;label\n1;x\n", "a;label\n1,5;x\n2,5;y\n", "a\tlabel\n1\tx\n"):
        told = refusal(csv(tmp_path, line))
        assert "its first line is a" in told
        assert told.endswith("values must be separated by commas, and decimals are written with a point")
    commas = pd.DataFrame(np.zeros((3, 3)), columns=["height, cm", " age", "the class, final"])
    told = refusal(write(commas, tmp_path / "commas.csv"), "class")
    assert told.endswith('which has "height, cm", "age", "the class, final"')
    np.savez(tmp_path / "my.npz", x=np.zeros((3, 2)), y=np.arange(3))
    assert refusal(tmp_path / "my.npz", "label") == (
        "data.mine.target=label: the target of an npz file is its array y; allowed: null, y"
    )


def test_a_target_alone_has_nothing_to_be_predicted_by(tmp_path):
    told = refusal(write(classes()[["label"]], tmp_path / "my.csv"))
    assert told == "data.mine.file=FILE: has no column beside the target label; values are separated by commas"


SPOILED = {
    "column a is old in row 5, and must hold numbers alone; leave it out, or write its words as numbers": (
        "a",
        4,
        "old",
    ),
    "column a is 1,5 in row 5, and must hold numbers alone; leave it out, or write its words as numbers": (
        "a",
        4,
        "1,5",
    ),
    "column b has no value in row 2 and must have one in each": ("b", 1, None),
    "column a is inf in row 3, and must be finite": ("a", 2, float("inf")),
    "column a is -inf in row 3, and must be finite": ("a", 2, -float("inf")),
    "column label has no value in row 12 and must have one in each": ("label", 11, None),
}


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("told", SPOILED)
def test_one_wrong_value_is_named_with_its_place(told, ending, tmp_path):
    column, row, value = SPOILED[told]
    frame = classes().astype(object)
    frame.loc[row, column] = value
    if isinstance(value, str):
        frame[column] = frame[column].astype(str)
    else:
        frame = frame.infer_objects()
    assert refusal(write(frame, tmp_path / f"my{ending}")) == f"data.mine.file=FILE: {told}"


@pytest.mark.parametrize(
    ("word", "told"),
    [("nan", "is nan in row 2"), ("NA", "is NA in row 2"), ("inf", "inf in row 2"), ("1e999", "inf in row 2")],
)
def test_what_stands_for_no_number_is_none(word, told, tmp_path):
    text = "a,label\n1,x\n" + f"{word},y\n" + "3,x\n4,y\n5,x\n6,y\n"
    found = refusal(csv(tmp_path, text))
    assert told in found or "has no value in row 2" in found


def test_several_missing_values_are_counted(tmp_path):
    frame = classes()
    frame.loc[[3, 5, 7], "a"] = np.nan
    told = refusal(write(frame, tmp_path / "my.csv"))
    assert told == "data.mine.file=FILE: column a has no value in row 4, and in 2 more, and must have one in each"


def test_dates_and_lists_are_no_numbers(tmp_path):
    frame = classes().assign(day=pd.Timestamp("2020-01-01"))
    assert "column day is of datetime64" in refusal(write(frame, tmp_path / "my.parquet"))
    frame = classes().assign(parts=[[1, 2]] * 12)
    assert "column parts is [1 2] in row 1, and must hold numbers alone" in refusal(
        write(frame, tmp_path / "my.parquet")
    )
    assert "a target must hold numbers, or truths, or words" in refusal(tmp_path / "my.parquet", "parts")


def test_targets_that_cannot_be_told_apart_or_are_too_many(tmp_path):
    frame = classes().assign(label="x")
    assert refusal(write(frame, tmp_path / "my.csv")) == (
        "data.mine.file=FILE: column label is x in every row; there must be two classes at least"
    )
    frame = classes().assign(label=0.5)
    assert refusal(write(frame, tmp_path / "my.csv")) == (
        "data.mine.file=FILE: column label is 0.5 in every row, so there is nothing to predict"
    )
    frame = classes().assign(label=["x"] * 10 + ["rare"] * 2)
    assert refusal(write(frame, tmp_path / "my.csv")) == (
        "data.mine.file=FILE: column label is rare in 2 of 12 rows; a class must have 3 at least, one to train, one to "
        "validate and one to test on"
    )
    frame = classes().assign(label=range(12))
    assert refusal(write(frame, tmp_path / "my.csv")).endswith(
        "; if they are numbers to be predicted, data.mine.task=regression"
    )
    many = pd.DataFrame({"a": np.arange(1001.0), "label": np.arange(1001)})
    assert "has 1,001 distinct values; allowed are 1,000 classes; if they" in refusal(write(many, tmp_path / "my.csv"))


def test_a_task_that_the_target_is_not_of(tmp_path):
    path = write(classes(), tmp_path / "my.csv")
    assert refusal(path, task="regression") == (
        "data.mine.file=FILE: column label is x in row 1; with data.mine.task=regression the target must hold numbers"
    )
    assert refusal(path, "a", task="classification") == (
        "data.mine.file=FILE: column a is 0.5 in row 2; with data.mine.task=classification the target must hold words, "
        "truths or whole numbers"
    )
    with pytest.raises(UserError, match=r"data\.mine\.task=ranking: must be auto, classification or regression"):
        read(path, task="ranking")


def test_features_that_are_all_the_same(tmp_path):
    frame = classes().assign(a=1.0, b=2)
    assert refusal(write(frame, tmp_path / "my.csv")) == (
        "data.mine.file=FILE: every row has the same features, so there is nothing to learn by"
    )


# Prepared


@pytest.fixture
def level(tmp_path):
    draw = np.random.default_rng(3)
    frame = pd.DataFrame({"wide": draw.normal(5, 1e4, 60), "narrow": draw.normal(-1, 1e-3, 60), "still": 7.0})
    frame["label"] = np.where(frame["wide"] > 5, "high", "low")
    return {"kind": "table", "file": str(write(frame, tmp_path / "my.csv")), "target": "label"}


def test_every_column_is_standardized_by_the_training_part(level, tmp_path):
    told = []
    card = up_to_date("mine", level, tmp_path / "data", told.append)
    tensors, read_back = load("mine", level, tmp_path / "data")
    assert read_back == card == foreseen("mine", level, tmp_path / "data")
    assert (card["mean"], card["std"], card["features"]) == (0.0, 1.0, 3)
    assert (card["columns"], card["constant"]) == (["wide", "narrow", "still"], ["still"])
    assert told[1:] == ["data.mine: still: one value in all of the training part, so nothing to learn from; taken as 0"]
    train = tensors["train_x"].astype(np.float64)
    np.testing.assert_allclose(train[:, :2].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(train[:, :2].std(0), 1, rtol=1e-6)
    assert (tensors["val_x"][:, 2] == 0).all()
    # In raw units again, all rows are there.
    frame = pd.read_csv(level["file"])
    raw = (
        np.concatenate([tensors[f"{part}_x"] for part in ("train", "val", "test")]) * tensors["x_std"]
        + tensors["x_mean"]
    )
    for place, name in enumerate(card["columns"]):
        np.testing.assert_allclose(np.sort(raw[:, place]), np.sort(frame[name]), rtol=1e-5, atol=1e-6)


def test_targets_of_a_regression_are_standardized_too(tmp_path):
    frame = pd.DataFrame({"a": np.arange(50.0), "price": 1e5 + np.arange(50) ** 1.5})
    level = {"kind": "table", "file": str(write(frame, tmp_path / "my.csv")), "target": "price"}
    card = prepare("mine", level, tmp_path / "data")
    tensors, _ = load("mine", level, tmp_path / "data")
    assert {tensors[f"{part}_y"].dtype.name for part in ("train", "val", "test")} == {"float32"}
    assert [card[part] for part in ("train", "val", "test")] == [30, 10, 10]
    raw = (
        np.concatenate([tensors[f"{p}_y"] for p in ("train", "val", "test")]) * card["target_std"] + card["target_mean"]
    )
    np.testing.assert_allclose(np.sort(raw), np.sort(frame["price"]), rtol=1e-6)
    for part, expected in card["variances"].items():
        assert expected == pytest.approx(tensors[f"{part}_y"].astype(np.float64).var())
    assert card["variances"]["train"] == pytest.approx(1)
    assert targets_of("mine", level, card["task"]) == [0.25, 0.5, 0.75]
    assert targets_of("mine", {**level, "targets": [0.1, 0.2, 0.3]}, card["task"]) == [0.1, 0.2, 0.3]


def test_parts_too_small_for_r_squared_are_refused(tmp_path):
    frame = pd.DataFrame({"a": np.arange(6.0), "price": np.arange(6) + 0.5})
    level = {"kind": "table", "file": str(write(frame, tmp_path / "my.csv")), "target": "price"}
    with pytest.raises(UserError, match="all 1 targets of the validation part are the same, so that R squared is not"):
        prepare("mine", level, tmp_path / "data")
    with pytest.raises(UserError, match="leave its 6 examples none to test on"):
        prepare("mine", {**level, "test_fraction": 0.01}, tmp_path / "data")


def test_the_file_decides_and_not_its_place(level, tmp_path):
    told = []

    def digest(**change):
        return up_to_date("mine", {**level, **change}, tmp_path / "data", told.append)["digest"]

    first, _ = digest(), told.clear()
    elsewhere = tmp_path / "elsewhere" / "my.csv"
    elsewhere.parent.mkdir()
    elsewhere.write_bytes(Path(level["file"]).read_bytes())
    assert digest(file=str(elsewhere)) == first
    assert told == []
    frame = pd.read_csv(level["file"])
    write(frame.assign(narrow=frame["narrow"] + frame["wide"]), Path(level["file"]))
    assert digest() != first
    assert told[0].startswith("data.mine: my.csv changed since it was prepared: preparing it anew")
    Path(level["file"]).unlink()
    told.clear()
    assert digest() != first
    assert told == [], "what is gone is no news"
    with pytest.raises(UserError, match=r"other\.csv: there is no such file"):
        digest(file=str(tmp_path / "other.csv"))
    with pytest.raises(UserError, match=r"my\.csv: there is no such file"):
        digest(target="wide")
    assert "was prepared with target=label, the config says target=wide" in told[-1]
