"""Lazy frames of polars, and DuckDB."""

import os
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from tables import parquet, wide

import strongroom

CHOSEN = ["c3", "c20", "c41"]


def read_so_far() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield strongroom.duckdb(connection, project="acme")


def test_polars_reads_the_columns_that_a_query_needs(vault):
    strongroom.write("wide.parquet.sealed", parquet(wide()), project="acme")
    sealed = os.path.getsize("wide.parquet.sealed")
    expected = pl.from_arrow(wide().select(CHOSEN))
    for name in ["wide.parquet.sealed", "wide.parquet", "strongroom://wide.parquet", Path("wide.parquet").absolute()]:
        frame = strongroom.polars.scan_parquet(name)
        assert isinstance(frame, pl.LazyFrame) and len(frame.collect_schema()) == 50
        before = read_so_far()
        assert frame.select(CHOSEN).collect().equals(expected)
        assert read_so_far() - before < 0.15 * sealed
    few = strongroom.polars.scan_parquet("wide.parquet").filter(pl.col("c3") > 0.5).select("c3").collect()
    assert few["c3"].to_list() == [value for value in expected["c3"].to_list() if value > 0.5]


def test_polars_reads_folders_patterns_and_csv(vault):
    for year in [2025, 2026]:
        os.makedirs(f"d/year={year}")
        table = pa.table({"id": [year, year + 1]})
        strongroom.write(f"d/year={year}/a.parquet.sealed", parquet(table), project="acme")
        strongroom.write(f"{year}.csv.sealed", f"id;name\n{year};x\n".encode(), project="acme")
    assert strongroom.polars.scan_parquet("d").sort("id", "year").collect().rows() == [
        (2025, 2025),
        (2026, 2025),
        (2026, 2026),
        (2027, 2026),
    ]
    read = strongroom.polars.scan_parquet("d/*/*.parquet").select(pl.col("id").sum()).collect()
    assert read.item() == 2025 + 2026 + 2026 + 2027
    assert strongroom.polars.scan_csv("*.csv", separator=";").sort("id").collect().rows() == [(2025, "x"), (2026, "x")]
    typed = strongroom.polars.scan_csv(["2026.csv"], separator=";", column_types={"id": pa.string()})
    assert typed.collect().rows() == [("2026", "x")]
    with pytest.raises(FileNotFoundError):
        strongroom.polars.scan_csv("none*.csv")


def test_polars_reads_from_s3(vault, bucket):
    strongroom.filesystem(bucket.fs, project="acme").pipe_file("box/wide.parquet", parquet(wide()))
    bucket.requests.clear()
    frame = strongroom.polars.scan_parquet("s3://box/wide.parquet", storage_options=bucket.options)
    assert frame.select(CHOSEN).collect().equals(pl.from_arrow(wide().select(CHOSEN)))
    assert len(bucket.requests.seen) <= 12 and bucket.requests.bytes < 1_500_000, bucket.requests.seen


def right_sums(runs: int, connection) -> None:
    draw = np.random.default_rng(7)
    table = pa.table({f"c{number}": draw.integers(0, 1 << 40, 400_000) for number in range(20)})
    strongroom.write("sums.parquet.sealed", parquet(table, row_group_size=50_000), project="acme")
    columns = ["c1", "c7", "c12", "c19"]
    right = tuple(int(np.sum(table[name].to_numpy())) for name in columns)
    query = f"SELECT {', '.join(f'sum({name})' for name in columns)} FROM 'strongroom://sums.parquet'"
    got = [connection.execute(query).fetchone() for _ in range(runs)]
    assert [sums for sums in got if sums != right] == []


def test_duckdb_sums_rightly(vault, connection):
    """Four of its threads share a file and seek and read in two calls: with ordinary file objects a third is wrong."""
    right_sums(100, connection)


def test_duckdb_queries_and_copies(vault, connection):
    connection.execute("CREATE TABLE t AS SELECT range AS id, 'Ada ' || range AS name FROM range(5000)")
    connection.execute("COPY t TO 'strongroom://out.parquet'")
    connection.execute("COPY t TO 'strongroom://out.csv'")
    assert sorted(os.listdir()) == ["out.csv.sealed", "out.parquet.sealed"]
    assert strongroom.info("out.parquet.sealed").project == "acme"
    for name in ["out.parquet", "out.csv", "*.parquet", f"{os.getcwd()}/out.parquet"]:
        rows = connection.execute(f"SELECT count(*), sum(id), max(name) FROM '{'strongroom://' + name}'").fetchone()
        assert rows == (5000, 12_497_500, "Ada 999"), name
    rows = connection.execute("SELECT count(*) FROM read_parquet('strongroom://out.parquet.sealed')").fetchone()
    assert rows == (5000,)
    strongroom.write("wide.parquet.sealed", parquet(wide()), project="acme")
    before = read_so_far()
    connection.execute("SELECT sum(c3), sum(c20), sum(c41) FROM 'strongroom://wide.parquet'").fetchone()
    assert read_so_far() - before < 0.15 * os.path.getsize("wide.parquet.sealed")
    with pytest.raises(duckdb.Error):
        connection.execute("SELECT * FROM 'strongroom://none.parquet'")
    assert connection.execute("SELECT current_setting('temp_directory')").fetchone() == ("",)
    # Once more, with another project: nothing else needs to change.
    strongroom.duckdb(connection, project="other").execute("COPY t TO 'strongroom://other.parquet'")
    assert strongroom.info("other.parquet.sealed").project == "other"


def test_duckdb_writes_nothing_of_a_query_that_is_too_large(vault, connection):
    strongroom.write("wide.parquet.sealed", parquet(wide(200_000, 8)), project="acme")
    connection.execute("SET memory_limit = '12MB'")
    with pytest.raises(duckdb.OutOfMemoryException):
        connection.execute("SELECT * FROM 'strongroom://wide.parquet' ORDER BY c0, c1").fetchall()
    assert os.listdir() == ["wide.parquet.sealed"]


def test_duckdb_reads_from_s3(vault, bucket, connection):
    strongroom.filesystem(bucket.fs, project="acme").pipe_file("box/wide.parquet", parquet(wide()))
    strongroom.duckdb(connection, bucket.fs)
    bucket.requests.clear()
    got = connection.execute("SELECT sum(c3) FROM 'strongroom://box/wide.parquet'").fetchone()[0]
    assert got == pytest.approx(float(np.sum(wide()["c3"].to_numpy())))
    assert bucket.requests.bytes < 1_500_000, bucket.requests.seen
