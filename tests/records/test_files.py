"""Results that cannot be read, or are not whole, are refused in one line that names the file."""

import json
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ablation import UserError
from ablation.records.columns import DEFAULTS, TABLES
from ablation.records.files import read_results, write_manifest
from tests.reporting.synthetic import Outcome, write_study


@pytest.fixture
def study(tmp_path):
    plant = lambda c: Outcome(diverges=None if c["seed"] else 0)  # noqa: E731
    return write_study(tmp_path / "mine", {"seed": [0, 1, 2]}, plant)


def seal_again(folder):
    """Let the manifest vouch for the tables as they are now."""
    write_manifest(json.loads((folder / "manifest.json").read_text("utf-8")), folder)


def refused(folder):
    with pytest.raises(UserError) as caught:
        read_results(folder)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_layers_that_are_not_wanted_are_not_read(study):
    whole, part = read_results(study), read_results(study, layers=False)
    assert part.layers.empty
    assert part.layers.columns.tolist() == whole.layers.columns.tolist()
    for name in ("cells", "curves", "activations", "initializers"):
        pd.testing.assert_frame_equal(getattr(part, name), getattr(whole, name))


def test_results_of_before_a_factor_have_its_default(study):
    path = study / "cells.parquet"
    whole = read_results(study)
    pq.write_table(pq.read_table(path).drop_columns(list(DEFAULTS)), path)
    manifest = json.loads((study / "manifest.json").read_text("utf-8"))
    for factor in DEFAULTS:
        del manifest["factors"][factor]
    write_manifest(manifest, study)
    pd.testing.assert_frame_equal(read_results(study).cells, whole.cells)
    pq.write_table(pq.read_table(path).drop_columns(["split"]), path)
    seal_again(study)
    assert refused(study) == f"{path}: has no column split; run the study again"


def test_a_cell_that_diverged_at_once_has_no_rows(study):
    results = read_results(study)
    assert len(results.cells) == 3
    assert results.curves["key"].nunique() == 2


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"garbage" * 99, lambda all_: all_[: len(all_) // 2]])
def test_damaged_tables(name, damage, study):
    path = study / f"{name}.parquet"
    path.write_bytes(damage(path.read_bytes()))
    text = refused(study)
    assert text.startswith(f"{path}: is damaged, or of another run than its manifest; run the study again (")
    seal_again(study)
    text = refused(study)
    assert text.startswith(f"{path}: is no Parquet file of a study")
    assert text.endswith("run the study again")


def test_a_column_of_another_type(study):
    path = study / "curves.parquet"
    table = pq.read_table(path)
    place = table.column_names.index("val_loss")
    pq.write_table(table.set_column(place, "val_loss", pa.array(["high"] * len(table))), path)
    seal_again(study)
    assert refused(study).startswith(f"{path}: is no Parquet file of a study")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"garbage"])
def test_a_manifest_that_is_no_json(content, study):
    (study / "manifest.json").write_bytes(content)
    assert refused(study).startswith(f"{study / 'manifest.json'}: is no JSON")


@pytest.mark.parametrize("content", [{}, [], 3, None, {"name": 3}, {"name": "x", "cells": []}])
def test_a_manifest_of_something_else(content, study):
    (study / "manifest.json").write_text(json.dumps(content))
    assert "is no manifest of a study" in refused(study)


@pytest.mark.parametrize("name", ["cells.parquet", "manifest.json"])
def test_what_may_not_be_read(name, study, monkeypatch):
    read = Path.read_bytes

    def denied(path):
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    assert refused(study).startswith(f"{study / name}: cannot be read (Permission denied)")


def test_a_folder_in_a_files_place(study):
    (study / "curves.parquet").unlink()
    (study / "curves.parquet").mkdir()
    assert refused(study).startswith(f"{study / 'curves.parquet'}: cannot be read")


@pytest.mark.parametrize("name", ["curves", "layers"])
def test_a_finished_cell_without_measurements_is_named(name, study):
    path = study / f"{name}.parquet"
    cells = read_results(study).cells.set_index("seed")
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.not_equal(table["key"], cells.loc[2, "key"])), path)
    seal_again(study)
    text = refused(study)
    assert text.startswith(f"{path}: measurements of 1 finished cells are missing")
    assert cells.loc[2, "cell"] in text


def test_a_finished_cell_whose_curve_ends_early_is_named(study):
    path = study / "curves.parquet"
    table = pq.read_table(path)
    pq.write_table(table.filter(pc.less(table["epoch"], 6)), path)
    seal_again(study)
    assert "measurements of 2 finished cells are missing" in refused(study)


@pytest.mark.parametrize("name", ["activations", "initializers"])
def test_results_of_an_older_version_are_to_be_made_again(name, study):
    (study / f"{name}.parquet").unlink()
    assert refused(study).startswith(f"{study / name}.parquet: missing; run the study again")


MISSING = [("activations", "relu"), ("initializers", "he_normal relu digits mlp 3 16")]


@pytest.mark.parametrize(("name", "told"), MISSING)
def test_what_theory_needs_of_every_cell_is_there(name, told, study):
    path = study / f"{name}.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)
    seal_again(study)
    assert refused(study) == f"{path}: has no row of {told}; run the study again"


@pytest.mark.parametrize("name", TABLES)
def test_one_byte_changed_anywhere_in_a_table_is_refused(name, study):
    path = study / f"{name}.parquet"
    whole = path.read_bytes()
    generator = random.Random(name)
    for _ in range(60):
        changed = bytearray(whole)
        changed[generator.randrange(len(whole))] ^= generator.randrange(1, 256)
        path.write_bytes(changed)
        assert refused(study).startswith(f"{path}: is damaged, or of another run than its manifest")


def test_one_byte_changed_anywhere_in_the_manifest_is_refused_or_changes_no_value(study):
    path = study / "manifest.json"
    whole = path.read_bytes()
    before = json.loads(whole)
    for place in range(0, len(whole), 3):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        try:
            assert read_results(study).manifest == before
        except UserError as error:
            assert str(error).startswith(f"{path}: ")  # noqa: PT017
            assert len(str(error).splitlines()) == 1  # noqa: PT017


def test_the_layout_of_a_manifest_is_no_matter_but_each_value_is(study):
    path = study / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(dict(reversed(manifest.items()))), "utf-8")
    assert read_results(study).manifest == manifest
    for key in manifest:
        path.write_text(json.dumps({**manifest, key: "0" if isinstance(manifest[key], str) else {"a": 1}}), "utf-8")
        assert refused(study).startswith(f"{path}: is ")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_another_run_is_refused(name, study, tmp_path):
    other = write_study(tmp_path / "other", {"seed": [0, 1, 3], "activation": ["tanh"]}, lambda _: Outcome(final=0.7))
    (study / f"{name}.parquet").write_bytes((other / f"{name}.parquet").read_bytes())
    assert refused(study).startswith(f"{study / name}.parquet: is damaged, or of another run than its manifest")


def test_a_manifest_without_digests_is_of_an_older_version(study):
    path = study / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps({key: manifest[key] for key in manifest if key not in ("digest", "digests")}), "utf-8")
    assert "digests is missing or of another type; run the study again" in refused(study)


def test_results_that_are_not_there_are_to_be_made_first(study, tmp_path):
    assert refused(tmp_path / "none").startswith(f"{tmp_path / 'none' / 'cells.parquet'}: missing; run the study first")
    (study / "manifest.json").unlink()
    assert refused(study).startswith(f"{study / 'manifest.json'}: missing; run the study again")
