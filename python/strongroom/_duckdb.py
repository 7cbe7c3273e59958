"""Sealed files for DuckDB."""

from __future__ import annotations

from typing import Any

from ._fsspec import StrongroomFileSystem


class DuckDBFileSystem(StrongroomFileSystem):
    """Names every file ``strongroom://``, whatever is below: DuckDB knows a file system by what comes before ``://``."""

    def unstrip_protocol(self, name: str) -> str:
        return f"strongroom://{self._strip_protocol(name)}"


def register(connection: Any, fs: Any, options: dict[str, Any]) -> None:
    """Make a file system known to a connection, in the place of an earlier one."""
    if connection.filesystem_is_registered("strongroom"):
        connection.unregister_filesystem("strongroom")
    connection.register_filesystem(DuckDBFileSystem(fs, **options))
    # If memory is short, a query fails instead of writing what it has read to a file.
    connection.execute("SET temp_directory = ''")
