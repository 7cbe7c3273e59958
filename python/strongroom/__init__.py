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
    from fsspec import AbstractFileSystem

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

    # Only what is given: the options are the file system's identity.
    given = {"project": project, "vault": vault}
    options: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return StrongroomFileSystem(**options) if fs is None else StrongroomFileSystem(fs, **options)
