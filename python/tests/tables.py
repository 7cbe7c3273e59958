"""Tables that the tests read, made once."""

import functools
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@functools.cache
def wide(rows: int = 26_000, columns: int = 50) -> pa.Table:
    """Of numbers that no encoding makes shorter: 8 bytes for each, 10 MB in all."""
    draw = np.random.default_rng(1)
    return pa.table({f"c{number}": draw.random(rows) for number in range(columns)})


def parquet(table: pa.Table, **options) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **{"compression": "none", "use_dictionary": False, **options})
    return file.getvalue()
