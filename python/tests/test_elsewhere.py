"""The plaintext that other software writes, as docs/python.md lists it: each is seen, and what is advised prevents it."""

import pytest
from traces import created_by

SOFTWARE = """
import sqlite3, warnings
warnings.simplefilter("ignore")
import duckdb, pandas as pd, polars as pl, xlsxwriter, strongroom

KEY = strongroom.Key.generate()
rows = pd.DataFrame({"id": range(3000), "name": [f"client {i}" for i in range(3000)]})
frame = pl.DataFrame({"id": range(3000)})
in_memory = {"in_memory": True}

def begin(what):
    try: open(f"/begin/{what}")
    except FileNotFoundError: pass

def sealed(name):
    return strongroom.open(f"{name}.sealed", "wb", key=KEY)

def duck(connection):
    connection.execute("SET memory_limit = '100MB'").execute("SET threads = 1")
    return connection.execute(
        "SELECT count(*) FROM (SELECT range AS id, 'client ' || hash(range) AS name FROM range(3000000) "
        "ORDER BY name LIMIT 2900000)"
    ).fetchone()

def sqlite(connection):
    connection.execute("CREATE TABLE t (a, b)")
    connection.executemany("INSERT INTO t VALUES (?, ?)", ((i * 7919 % 1000003, f"client {i}") for i in range(200000)))
    return connection.execute("SELECT count(*) FROM (SELECT DISTINCT a || b AS c FROM t ORDER BY c)").fetchone()

begin("openpyxl")
with sealed("openpyxl") as file: rows.to_excel(file, engine="openpyxl")
begin("xlsxwriter")
with sealed("xlsxwriter") as file: rows.to_excel(file, engine="xlsxwriter")
begin("polars")
with sealed("polars") as file: frame.write_excel(file)
begin("excel in memory")
with sealed("in_memory") as file, \\
        pd.ExcelWriter(file, engine="xlsxwriter", engine_kwargs={"options": in_memory}) as excel:
    rows.to_excel(excel)
with sealed("polars_in_memory") as file, xlsxwriter.Workbook(file, in_memory) as workbook:
    frame.write_excel(workbook)
for name in ["in_memory", "polars_in_memory"]:
    assert len(pd.read_excel(strongroom.open(f"{name}.sealed", key=KEY))) == 3000
begin("duckdb")
assert duck(duckdb.connect()) == (2900000,)
begin("duckdb without a folder")
try: duck(duckdb.connect().execute("SET temp_directory = ''"))
except duckdb.OutOfMemoryException: pass
else: raise AssertionError("the memory was enough")
begin("sqlite")
assert sqlite(sqlite3.connect(":memory:")) == (200000,)
begin("sqlite in memory")
connection = sqlite3.connect(":memory:")
connection.execute("PRAGMA temp_store = MEMORY")
assert sqlite(connection) == (200000,)
begin("end")
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "temporary").mkdir()
    return created_by(SOFTWARE, folder, {"TMPDIR": str(folder / "temporary"), "HOME": str(folder)})


@pytest.mark.parametrize(
    ("software", "writes"),
    [
        ("openpyxl", "/temporary/openpyxl."),
        ("xlsxwriter", "/temporary/tmp"),
        ("polars", "/temporary/tmp"),
        ("duckdb", ".tmp/duckdb_temp_"),
        ("sqlite", "/temporary/etilqs_"),
    ],
)
def test_it_writes_plaintext(steps, software, writes):
    assert any(writes in line for line in steps[software]), steps[software]


@pytest.mark.parametrize("software", ["excel in memory", "duckdb without a folder", "sqlite in memory"])
def test_what_is_advised_prevents_it(steps, software):
    # The sealed files have no name before they are whole.
    own = ("O_TMPFILE", "linkat(", ".sealed")
    assert [line for line in steps[software] if not any(word in line for word in own)] == []
