"""What can go wrong. `kind` is the word that the command line gives the same failure with ``--json``."""


class StrongroomError(Exception):
    """Any failure of Strongroom's own. No message holds a key or a password.

    Failures of the system, such as a missing file or a full disk, are Python's own ``OSError`` and its subclasses.
    """

    kind: str = "failed"


class WrongPassword(StrongroomError):
    """The password opens nothing of this vault."""


class WrongKeyError(StrongroomError, OSError):
    """None of the keys opens the file."""


class DamagedError(StrongroomError, OSError):
    """The file or the vault fails an integrity check: it was altered or damaged, or it changed while it was read."""


class TruncatedError(DamagedError):
    """The file ends too early."""


class NotSealedError(StrongroomError, OSError):
    """The file is no sealed file."""


class SealedFileExists(StrongroomError, FileExistsError):
    """Something is there that is not replaced. It was left as it is."""


class AgentError(StrongroomError):
    """No agent answers, and nobody can be asked for the password here."""


class NotFound(StrongroomError, LookupError):
    """The vault, the project or the key is not there."""


class ProjectNotFound(NotFound):
    """The vault has no such project, or it was destroyed."""


class BusyError(StrongroomError):
    """Another process has held a lock for too long."""


class KeychainError(StrongroomError):
    """The keychain cannot be used, or it lacks this vault's key."""


class RolledBackError(StrongroomError):
    """The vault file is older than, or other than, the last one that this computer saw."""


class UsageError(StrongroomError, ValueError):
    """What was asked for makes no sense."""


class ClosedError(StrongroomError, ValueError):
    """The vault or the file is closed."""


_CLASSES = {
    "wrong-password": WrongPassword,
    "wrong-kit": WrongPassword,
    "wrong-key": WrongKeyError,
    "damaged": DamagedError,
    "changed": DamagedError,
    "kdf-out-of-range": DamagedError,
    "truncated": TruncatedError,
    "not-sealed": NotSealedError,
    "output-exists": SealedFileExists,
    "agent": AgentError,
    "vault-not-found": NotFound,
    "key-not-found": NotFound,
    "secret-not-found": NotFound,
    "project-not-found": ProjectNotFound,
    "project-destroyed": ProjectNotFound,
    "busy": BusyError,
    "rolled-back": RolledBackError,
    "diverged": RolledBackError,
    "too-far-ahead": RolledBackError,
    "key-missing": KeychainError,
    "key-not-ours": KeychainError,
    "keychain-forgets": KeychainError,
    "usage": UsageError,
    "bad-name": UsageError,
    "bad-password": UsageError,
    "project-file": UsageError,
    "vault-closed": ClosedError,
    "closed": ClosedError,
}

# The kinds of keychain failures, as docs/cli.md lists them for exit code 6.
_KEYCHAIN = frozenset(
    """
    either-password no-bus no-service activation-stalled no-collection locked prompt-dismissed asks-first unresponsive
    vanished ambiguous too-long rejected file
    """.split()
)


def of_kind(kind: str, message: str) -> StrongroomError:
    """Make the exception for a kind of failure. The native part calls this."""
    error = _CLASSES.get(kind, KeychainError if kind in _KEYCHAIN else StrongroomError)(message)
    error.kind = kind
    return error
