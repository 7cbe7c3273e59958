"""Lazy frames of polars over sealed files: a query reads only the columns, and row groups of Parquet, that it needs.

polars reads URLs with a library that knows no file system of Python, and of a file object it reads all. So these scan a
dataset of pyarrow. Importing this module imports polars, pyarrow and fsspec.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import polars
import pyarrow.csv
import pyarrow.dataset
from fsspec.core import has_magic, url_to_fs

from ._errors import UsageError
from ._keys import StrPath

__all__ = ["scan_csv", "scan_parquet"]


def scan_parquet(
    source: StrPath | Sequence[StrPath], *, vault: StrPath | None = None, storage_options: dict[str, Any] | None = None
) -> polars.LazyFrame:
    """Scan sealed Parquet files lazily.

    ``source`` is a path, a URL such as ``s3://bucket/clients.parquet``, a pattern, a folder (``key=value`` folders in it
    become columns), or several files. ``vault`` is the folder of a vault; ``storage_options`` are those of the file
    system below, as fsspec takes them. Raises as ``strongroom.open``, when the files are opened: some here, for their
    columns, and all of them when the frame is collected.
    """
    return _scan(source, pyarrow.dataset.ParquetFileFormat(), vault, storage_options)


def scan_csv(
    source: StrPath | Sequence[StrPath],
    *,
    separator: str = ",",
    quote_char: str | None = '"',
    encoding: str = "utf8",
    null_values: Sequence[str] | None = None,
    column_types: dict[str, pyarrow.DataType] | None = None,
    vault: StrPath | None = None,
    storage_options: dict[str, Any] | None = None,
) -> polars.LazyFrame:
    """Scan sealed CSV files lazily, piece by piece.

    All of a file is read, and only the columns that a query needs are kept. Types are guessed from the first mebibyte,
    but for those in ``column_types``. Otherwise as :func:`scan_parquet`.
    """
    convert: dict[str, Any] = {"column_types": column_types}
    if null_values is not None:
        convert["null_values"] = [*null_values]
    csv = pyarrow.dataset.CsvFileFormat(
        parse_options=pyarrow.csv.ParseOptions(delimiter=separator, quote_char=quote_char or False),
        read_options=pyarrow.csv.ReadOptions(encoding=encoding),
        convert_options=pyarrow.csv.ConvertOptions(**convert),
    )
    return _scan(source, csv, vault, storage_options)


def _scan(source: Any, format: Any, vault: StrPath | None, storage_options: dict[str, Any] | None) -> polars.LazyFrame:
    sources = [source] if isinstance(source, (str, os.PathLike)) else list(source)
    found = [_find(os.fspath(one), vault, storage_options) for one in sources]
    if not found:
        raise UsageError("no file is named")
    paths = [path for _, paths in found for path in paths]
    return polars.scan_pyarrow_dataset(
        pyarrow.dataset.dataset(
            # A folder by itself, since several paths must be those of files.
            paths[0] if len(paths) == 1 else paths,
            filesystem=found[0][0],
            format=format,
            partitioning="hive",
        )
    )


def _find(source: str, vault: StrPath | None, storage_options: dict[str, Any] | None) -> tuple[Any, list[str]]:
    if not source.startswith(("strongroom://", "strongroom::")):
        source = f"strongroom::{source}" if "://" in source else f"strongroom://{source}"
    options: dict[str, Any] = {} if vault is None else {"vault": os.fspath(vault)}
    below = source.removeprefix("strongroom::").split("://")[0] if source.startswith("strongroom::") else "file"
    if storage_options:
        options[below] = storage_options
    fs, path = url_to_fs(source, **options)
    path = fs._strip_protocol(path)
    paths = fs.glob(path) if has_magic(path) else [path]
    if not paths:
        raise FileNotFoundError(2, "no sealed file matches", source)
    return fs, paths
