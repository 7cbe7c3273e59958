"""Read and write files that Strongroom keeps encrypted, without plaintext on disk.

>>> df = pandas.read_csv(strongroom.open("clients.csv.sealed"))

Keys come from the agent (run ``strongroom unlock`` in a terminal); if none answers, from a vault that :func:`unlock` has
unlocked in this process; if there is none, the person is asked for the password. A :class:`Key` can be given instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._errors import (
    AgentError,
    BusyError,
    ClosedError,
    DamagedError,
    KeychainError,
    NotFound,
    NotSealedError,
    ProjectNotFound,
    RolledBackError,
    SealedFileExists,
    StrongroomError,
    TruncatedError,
    UsageError,
    WrongKeyError,
    WrongPassword,
)
from ._files import (
    Info,
    SealedFile,
    SealedWriter,
    info,
    memfd,
    open,
    open_file,
    read,
    seal_file,
    verify,
    write,
)
from ._keys import Key, KeyVersion, Project, StrPath, Vault, unlock

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from fsspec import AbstractFileSystem

    from . import polars as polars
    from ._fsspec import StrongroomFileSystem

__all__ = [
    "AgentError",
    "BusyError",
    "ClosedError",
    "DamagedError",
    "Info",
    "Key",
    "KeyVersion",
    "KeychainError",
    "NotFound",
    "NotSealedError",
    "Project",
    "ProjectNotFound",
    "RolledBackError",
    "SealedFile",
    "SealedFileExists",
    "SealedWriter",
    "StrongroomError",
    "TruncatedError",
    "UsageError",
    "Vault",
    "WrongKeyError",
    "WrongPassword",
    "duckdb",
    "filesystem",
    "info",
    "memfd",
    "open",
    "open_file",
    "read",
    "seal_file",
    "unlock",
    "verify",
    "write",
]


def filesystem(
    fs: AbstractFileSystem | None = None, *, project: str | None = None, vault: StrPath | None = None
) -> StrongroomFileSystem:
    """Make a file system of fsspec that shows the sealed files of ``fs``, or of this computer, as plain ones.

    ``project`` names the project whose key seals new files, ``vault`` the folder of a vault; keys are found as by
    :func:`open` whenever a file is opened. Raises ``ImportError`` if fsspec is not installed.
    """
    from ._fsspec import StrongroomFileSystem

    options = _given(project, vault)
    return StrongroomFileSystem(**options) if fs is None else StrongroomFileSystem(fs, **options)


def _given(project: str | None, vault: StrPath | None) -> dict[str, Any]:
    # No more than what is given: the options are the file system's identity.
    return {name: value for name, value in (("project", project), ("vault", vault)) if value is not None}


def duckdb(
    connection: DuckDBPyConnection,
    fs: AbstractFileSystem | None = None,
    *,
    project: str | None = None,
    vault: StrPath | None = None,
) -> DuckDBPyConnection:
    """Let a connection of DuckDB read and write sealed files: ``FROM 'strongroom://clients.parquet'``.

    ``fs``, ``project`` and ``vault`` are those of :func:`filesystem`. Queries that need more memory than there is fail
    from then on: DuckDB would write what it has read to a temporary file. Returns the connection. Raises
    ``ImportError`` if fsspec is not installed; queries raise as :func:`open` does.
    """
    from ._duckdb import register

    register(connection, fs, _given(project, vault))
    return connection


def __getattr__(name: str) -> Any:
    # Only when it is used, since it imports polars.
    if name == "polars":
        import importlib

        return importlib.import_module(".polars", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
