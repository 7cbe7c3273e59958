"""What people read and write tables with, over sealed files."""

import gzip
import io
import multiprocessing
import os
import sqlite3
import tarfile
import zipfile

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
import pytest
from tables import parquet, wide

import strongroom

FRAME = pd.DataFrame({"id": range(300), "name": [f"Ada {i}" for i in range(300)], "share": np.linspace(0, 1, 300)})


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "excel", "pickle"])
def test_pandas_writes_and_reads(vault, kind):
    write = {
        "csv": lambda file: FRAME.to_csv(file, index=False),
        "json": lambda file: FRAME.to_json(file, orient="records"),
        "parquet": lambda file: FRAME.to_parquet(file),
        "excel": lambda file: FRAME.to_excel(file, index=False),
        "pickle": lambda file: FRAME.to_pickle(file),
    }
    with strongroom.open("t.sealed", "wb", project="acme") as file:
        write[kind](file)
    read = getattr(pd, f"read_{kind}")
    pd.testing.assert_frame_equal(read(strongroom.open("t.sealed")), FRAME)


@pytest.mark.parametrize("engine", ["c", "python", "pyarrow"])
def test_each_csv_engine_of_pandas(vault, engine):
    strongroom.write("t.csv.sealed", FRAME.to_csv(index=False).encode(), project="acme")
    pd.testing.assert_frame_equal(pd.read_csv(strongroom.open("t.csv.sealed"), engine=engine), FRAME)
    if engine != "pyarrow":
        chunks = pd.read_csv(strongroom.open("t.csv.sealed"), engine=engine, chunksize=77)
        pd.testing.assert_frame_equal(pd.concat(chunks), FRAME)


def test_excel_without_temporary_files(vault):
    options = {"options": {"in_memory": True}}
    with (
        strongroom.open("t.xlsx.sealed", "wb", project="acme") as file,
        pd.ExcelWriter(file, engine="xlsxwriter", engine_kwargs=options) as excel,
    ):
        FRAME.to_excel(excel, sheet_name="one", index=False)
        FRAME.head(3).to_excel(excel, sheet_name="two", index=False)
    sheets = pd.read_excel(strongroom.open("t.xlsx.sealed"), sheet_name=None)
    pd.testing.assert_frame_equal(sheets["one"], FRAME)
    assert len(sheets["two"]) == 3


def test_pyarrow_datasets(vault):
    fs = strongroom.filesystem(project="acme")
    table = pa.table({"year": [2025, 2025, 2026], "id": [1, 2, 3]})
    partitioning = ds.partitioning(pa.schema([("year", pa.int64())]), flavor="hive")
    ds.write_dataset(table, "d", filesystem=fs, format="parquet", partitioning=partitioning)
    assert all(name.endswith(".parquet.sealed") for _, _, names in os.walk("d") for name in names)
    read = ds.dataset("d", filesystem=fs, partitioning="hive")
    assert read.to_table(filter=ds.field("year") == 2026)["id"].to_pylist() == [3]
    assert read.count_rows() == 3
    assert pd.read_parquet("strongroom://d")["id"].tolist() == [1, 2, 3]
    strongroom.write("t.csv.sealed", FRAME.to_csv(index=False).encode(), project="acme")
    assert pyarrow.csv.read_csv(strongroom.open("t.csv.sealed")).num_rows == 300


# Dask's own call of pandas.
@pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning")
def test_dask_reads_blocks_columns_and_folders(vault):
    for number in range(2):
        strongroom.write(f"{number}.csv.sealed", FRAME.to_csv(index=False).encode(), project="acme")
    frame = dd.read_csv("strongroom://*.csv", blocksize=3000)
    assert frame.npartitions > 4 and frame["id"].sum().compute() == 2 * FRAME["id"].sum()
    strongroom.write("wide.parquet.sealed", parquet(wide()), project="acme")
    chosen = ["c3", "c20", "c41"]
    read = dd.read_parquet("strongroom://wide.parquet", columns=chosen).compute()
    pd.testing.assert_frame_equal(read, wide().select(chosen).to_pandas())
    frame.to_parquet("strongroom://out", storage_options={"project": "acme"})
    assert all(name.endswith(".sealed") for _, _, names in os.walk("out") for name in names)
    assert dd.read_parquet("strongroom://out")["id"].sum().compute() == 2 * FRAME["id"].sum()


def test_processes_of_their_own_ask_the_agent(agent):
    strongroom.write("t.csv.sealed", b"id\n1\n", project="acme")
    read = strongroom.filesystem().cat_file
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(read, [f"{os.getcwd()}/t.csv"] * 2) == [b"id\n1\n"] * 2


def test_the_standard_library(vault):
    def sealed(name: str, data: bytes):
        strongroom.write(f"{name}.sealed", data, project="acme")
        return strongroom.open(f"{name}.sealed")

    assert gzip.open(sealed("a.gz", gzip.compress(b"data"))).read() == b"data"
    with strongroom.open("a.zip.sealed", "wb", project="acme") as file, zipfile.ZipFile(file, "w") as archive:
        archive.writestr("in.txt", "in it")
    assert zipfile.ZipFile(strongroom.open("a.zip.sealed")).read("in.txt") == b"in it"
    with (
        strongroom.open("a.tar.sealed", "wb", project="acme") as file,
        tarfile.open(fileobj=file, mode="w|") as archive,
    ):
        about = tarfile.TarInfo("in.txt")
        about.size = 5
        archive.addfile(about, io.BytesIO(b"in it"))
    member = tarfile.open(fileobj=strongroom.open("a.tar.sealed")).extractfile("in.txt")
    assert member is not None and member.read() == b"in it"
    saved = io.BytesIO()
    np.save(saved, np.arange(10))
    assert np.load(sealed("a.npy", saved.getvalue())).sum() == 45
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE t AS SELECT 7 AS seven")
    other = sqlite3.connect(":memory:")
    other.deserialize(sealed("a.db", database.serialize()).read())
    assert other.execute("SELECT seven FROM t").fetchone() == (7,)
    database.close()
    other.close()
