"""Passwords of programs that use the package keyring, as secrets of the vault. Only if it is asked for.

``keyring.get_password("my-app", "me")`` returns the password of the secret ``keyring/my-app/me``. Keys come from the
agent, or from a vault that this process has unlocked; nobody is asked.
"""

from __future__ import annotations

import os
import shlex

from keyring.backend import KeyringBackend
from keyring.compat import properties
from keyring.credentials import SimpleCredential
from keyring.errors import KeyringError, KeyringLocked, PasswordDeleteError, PasswordSetError

from . import _native
from ._errors import AgentError, StrongroomError
from ._keys import find_vault

__all__ = ["Keyring"]


class Keyring(KeyringBackend):
    """Keeps the passwords of programs as secrets of the vault.

    It takes part if ``STRONGROOM_KEYRING=1`` is set, or ``PYTHON_KEYRING_BACKEND=strongroom.keyring.Keyring``: installing
    the package makes it nobody's keyring. A secret may be given to a project later, by ``strongroom secret move``.
    """

    @properties.classproperty
    def priority(cls) -> float:
        if os.environ.get("STRONGROOM_KEYRING") == "1":
            # Before any other backend, and the one that tries several.
            return 20
        if os.environ.get("PYTHON_KEYRING_BACKEND") == "strongroom.keyring.Keyring":
            return 20
        raise RuntimeError("set STRONGROOM_KEYRING=1 to keep passwords in the vault")

    def get_password(self, service: str, username: str) -> str | None:
        """Return a password; None if there is none.

        Raises ``KeyringLocked`` if the vault is locked, ``KeyringError``.
        """
        found = _find(_vault(), _name(service, username))
        return None if found is None else found[1]

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a password. The earlier ones stay as versions of the secret, ten in all.

        Raises ``KeyringLocked``; ``PasswordSetError``, also for a name of more than 128 characters.
        """
        try:
            _vault().set_secret(_name(service, username), username, password)
        except StrongroomError as error:
            raise PasswordSetError(str(error)) from error
        finally:
            # A traceback that shows the values of variables must not show this one.
            del password

    def delete_password(self, service: str, username: str) -> None:
        """Refuse: what takes something away asks for the master password, on the command line.

        Raises ``PasswordDeleteError`` with the command to type, or if there is none.
        """
        name = _name(service, username)
        if _find(_vault(), name) is None:
            raise PasswordDeleteError(f"there is no secret {name!r}")
        raise PasswordDeleteError(
            f"deleting asks for the master password: run `strongroom secret remove {shlex.quote(name)}`"
        )

    def get_credential(self, service: str, username: str | None) -> SimpleCredential | None:
        """Return a user and the password; without a user the first one of the service, by name."""
        vault = _vault()
        if username is None:
            begin = _name(service, "")
            try:
                names = [name for name in vault.secret_names() if name.startswith(begin)]
            except StrongroomError as error:
                raise KeyringError(str(error)) from error
        else:
            names = [_name(service, username)]
        found = _find(vault, names[0]) if names else None
        return None if found is None else SimpleCredential(*found)


def _name(service: str, username: str) -> str:
    """Name the secret. A slash in either part would make two of one name, and an end in a space none."""
    parts = (part.replace("%", "%25").replace("/", "%2F") for part in (service, username))
    name = "/".join(("keyring", *parts))
    return name[:-1] + "%20" if name.endswith(" ") else name


def _vault() -> _native.Vault:
    try:
        found = find_vault()
    except AgentError as error:
        raise KeyringLocked(str(error)) from error
    except StrongroomError as error:
        raise KeyringError(str(error)) from error
    if found is None:
        raise KeyringLocked("the vault is locked: run `strongroom unlock` in a terminal")
    return found


def _find(vault: _native.Vault, name: str) -> tuple[str, str] | None:
    try:
        return vault.secret(name)
    except StrongroomError as error:
        if error.kind == "secret-not-found":
            return None
        raise KeyringError(str(error)) from error
