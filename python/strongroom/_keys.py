"""Where keys come from: an explicit one, the agent, a vault that this process has unlocked, a person."""

from __future__ import annotations

import getpass
import os
import sys
import warnings
from typing import NamedTuple, Union

from . import _native
from ._errors import AgentError, WrongPassword, of_kind
from ._native import Key as Key

StrPath = Union[str, "os.PathLike[str]"]

_TRIES = 3


class Project(NamedTuple):
    """A project of a vault."""

    name: str
    client: str
    note: str


class KeyVersion(NamedTuple):
    """A version of a project's key. Versions count from 1; the current one seals new files."""

    version: int
    current: bool


class Vault:
    """An unlocked vault, in this process or in its agent's. Made by :func:`unlock`.

    As a context manager it forgets its keys at the end. It cannot be pickled, and its ``repr`` shows no key.
    """

    def __init__(self, native: _native.Vault) -> None:
        self._found = native
        self._process = os.getpid()

    @property
    def _native(self) -> _native.Vault:
        if self._process != os.getpid():
            # Of two processes that ask over one connection, each would get answers to the other.
            if self._found.is_agents and not self._found.closed:
                found = _native.Vault.of_agent(os.path.dirname(self._found.path))
                if found is None:
                    raise of_kind("agent", "the agent that had the vault unlocked has ended: run `strongroom unlock`")
                self._found = found
            self._process = os.getpid()
        return self._found

    @property
    def path(self) -> str:
        """The path of the vault file."""
        return self._native.path

    @property
    def is_agents(self) -> bool:
        """Whether the agent keeps it unlocked, so that the key of the vault is not in this process."""
        return self._native.is_agents

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._native.closed

    def projects(self) -> list[Project]:
        """The projects that can be used, by name.

        Raises ``AgentError`` if the agent has ended meanwhile, ``ClosedError`` if the vault is closed.
        """
        return [Project(*project) for project in self._native.projects()]

    def add_project(self, name: str, client: str = "", note: str = "") -> Project:
        """Add a project with a new key, and return it.

        Raises ``UsageError`` for a name that cannot be used, ``StrongroomError`` of kind ``project-exists``.
        """
        return Project(self._native.add_project(name, client, note), client, note)

    def keys(self, project: str) -> list[KeyVersion]:
        """The versions of a project's key. Not the keys themselves.

        Raises ``ProjectNotFound``.
        """
        return [KeyVersion(*key) for key in self._native.keys(project)]

    def close(self) -> None:
        """Forget its keys. Files that are open stay open. An agent's vault stays unlocked for others."""
        self._native.close()
        for place in [place for place, vault in _unlocked.items() if vault is self]:
            del _unlocked[place]

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else "unlocked by its agent" if self.is_agents else "unlocked"
        return f"<strongroom.Vault {self.path!r}, {state}>"

    def __reduce__(self) -> str:
        raise TypeError("cannot pickle a vault: unlock it in the other process, or let its agent answer there")


# The vaults that this process has unlocked, by the folder that was named.
_unlocked: dict[str | None, Vault] = {}


def _place(vault: StrPath | None) -> str | None:
    return None if vault is None else os.path.abspath(vault)


def unlock(*, password: str | None = None, vault: StrPath | None = None, reason: str | None = None) -> Vault:
    """Unlock a vault for this process: the reads and writes that follow use it.

    Without a password the agent is asked; if none answers, the person is, by ``getpass``. In a notebook the agent is the
    better way: run ``strongroom unlock`` in a terminal, and the password never passes through the kernel.

    ``vault`` is the folder of the vault; without it the vault that the command line uses is taken. A vault that is older
    or other than the last one that this computer saw opens files with a ``RuntimeWarning``, and seals none.

    ``reason`` says why files are opened: the access log records it. If the vault wants a reason, open files with
    ``vault=`` the vault that this returns.

    Raises ``WrongPassword``; ``AgentError`` if no agent answers and nobody can be asked; ``NotFound`` if there is no
    vault; ``KeychainError``, ``DamagedError``, ``RolledBackError``.
    """
    place = _place(vault)
    try:
        if password is None:
            native = _native.Vault.of_agent(place)
            if native is not None:
                if reason is not None:
                    native.begin(reason)
                return Vault(native)
            unlocked = _ask(place)
        else:
            unlocked = Vault(_native.Vault.unlock(place, password))
    finally:
        # A traceback that shows the values of variables must not show this one.
        del password
    if unlocked._native.warning is not None:
        warnings.warn(unlocked._native.warning, RuntimeWarning, 2)
    if reason is not None:
        unlocked._native.begin(reason)
    _unlocked[place] = unlocked
    return unlocked


def _ask(place: str | None) -> Vault:
    """Ask the person for the password until it is right, three times at most."""
    if not _somebody_is_there():
        raise _nobody()
    for left in reversed(range(_TRIES)):
        try:
            # Not kept in a variable, which tracebacks may show.
            return Vault(_native.Vault.unlock(place, getpass.getpass("Master password: ")))
        except WrongPassword:
            if not left:
                raise
            print("wrong password, try again", file=sys.stderr)
        except (EOFError, NotImplementedError) as error:
            raise _nobody() from error
        except RuntimeError as error:
            # What a Jupyter kernel raises whose front end cannot ask.
            if type(error).__name__ == "StdinNotImplementedError":
                raise _nobody() from error
            raise
    raise AssertionError("unreachable")


def _somebody_is_there() -> bool:
    # Jupyter's kernels replace getpass by a question in the notebook.
    if getattr(getpass.getpass, "__module__", "getpass") != "getpass":
        return True
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _nobody() -> Exception:
    return of_kind("agent", "the vault is locked and nobody can be asked here: run `strongroom unlock` in a terminal")


def keys_for(key: Key | None, vault: Vault | StrPath | None) -> _native.Vault | Key:
    """Find whoever has the keys for a file."""
    if key is not None:
        if not isinstance(key, Key):
            # Without the value: it may be the bytes of a key.
            raise TypeError(f"key must be a strongroom.Key, not {type(key).__name__}")
        return key
    if isinstance(vault, Vault):
        return vault._native
    return find_vault(vault) or unlock(vault=vault)._native


def find_vault(vault: StrPath | None = None) -> _native.Vault | None:
    """Find the vault that the agent, or else this process, has unlocked. Nobody is asked."""
    place = _place(vault)
    try:
        native = _native.Vault.of_agent(place)
        if native is not None:
            return native
    except AgentError:
        if place not in _unlocked:
            raise
    unlocked = _unlocked.get(place)
    return None if unlocked is None else unlocked._native
