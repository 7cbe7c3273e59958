"""Read and write files that Strongroom keeps encrypted, without plaintext on disk.

>>> df = pandas.read_csv(strongroom.open("clients.csv.sealed"))

Keys come from the agent (run ``strongroom unlock`` in a terminal); if none answers, from a vault that :func:`unlock` has
unlocked in this process; if there is none, the person is asked for the password. A :class:`Key` can be given instead.
"""

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
from ._keys import Key, KeyVersion, Project, Vault, unlock

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
