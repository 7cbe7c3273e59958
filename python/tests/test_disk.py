"""What is created on disk while sealed files are read with each tool, as strace sees it: nothing."""

import pandas as pd
from tables import parquet, wide
from traces import created_by

import strongroom

READING = """
import os, sys, tempfile, warnings
warnings.simplefilter("ignore")
import dask.dataframe as dd, duckdb, pandas as pd, polars as pl, pyarrow.dataset as ds, strongroom

def begin(what):
    try: open(f"/begin/{what}")
    except FileNotFoundError: pass

begin("read_csv")
assert len(pd.read_csv(strongroom.open("t.csv.sealed"))) == 2000
assert len(pd.read_csv("strongroom://t.csv", engine="pyarrow")) == 2000
begin("read_parquet")
assert pd.read_parquet(strongroom.open("wide.parquet.sealed")).shape == (26000, 50)
assert pd.read_parquet("strongroom://wide.parquet", columns=["c3"]).shape == (26000, 1)
begin("read_excel")
assert len(pd.read_excel(strongroom.open("t.xlsx.sealed"))) == 2000
begin("duckdb")
connection = strongroom.duckdb(duckdb.connect())
assert connection.execute("SELECT count(*) FROM (SELECT * FROM 'strongroom://wide.parquet' ORDER BY c1, c2)").fetchone()
assert connection.execute("SELECT count(*) FROM 'strongroom://t.csv'").fetchone() == (2000,)
begin("dask")
assert len(dd.read_csv("strongroom://t.csv", blocksize=10_000).compute()) == 2000
assert len(dd.read_parquet("strongroom://wide.parquet", columns=["c1"]).compute()) == 26000
begin("polars")
assert strongroom.polars.scan_parquet("wide.parquet").select(pl.col("c1").sort()).collect().height == 26000
assert strongroom.polars.scan_csv("t.csv").collect(engine="streaming").height == 2000
assert pl.read_csv(strongroom.open("t.csv.sealed")).height == 2000
begin("memfd")
with strongroom.memfd("wide.parquet.sealed") as path:
    assert pl.scan_parquet(path).select("c7").collect().height == 26000
begin("writing")
frame = pd.read_csv(strongroom.open("t.csv.sealed"))
options = {"options": {"in_memory": True}}
with strongroom.open("o.xlsx.sealed", "wb", project="acme") as f, \\
        pd.ExcelWriter(f, engine="xlsxwriter", engine_kwargs=options) as excel:
    frame.to_excel(excel)
with strongroom.open("o.csv.sealed", "wb", project="acme") as f: frame.to_csv(f)
with strongroom.open("o.parquet.sealed", "wb", project="acme") as f: frame.to_parquet(f)
begin("what is seen")
with strongroom.open("o2.xlsx.sealed", "wb", project="acme") as f: frame.to_excel(f, engine="openpyxl")
begin("end")
"""


def test_reading_creates_no_file(agent, tmp_path):
    frame = pd.DataFrame({"id": range(2000), "name": [f"Ada {i}" for i in range(2000)]})
    with strongroom.open("t.xlsx.sealed", "wb", project="acme") as file:
        frame.to_excel(file, index=False)
    strongroom.write("t.csv.sealed", frame.to_csv(index=False).encode(), project="acme")
    strongroom.write("wide.parquet.sealed", parquet(wide()), project="acme")
    steps = created_by(READING, tmp_path, agent.environment())
    # That what software creates is seen at all.
    assert any("openpyxl" in line or "/tmp/" in line for line in steps.pop("what is seen")), steps
    # The sealed files, which have no name before they are whole.
    for line in steps.pop("writing"):
        assert "O_TMPFILE" in line or "linkat" in line or "sealed" in line, line
    assert [line for lines in steps.values() for line in lines] == []
