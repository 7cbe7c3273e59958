"""Sealed files as Python's own file objects."""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
import warnings
import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, overload

from . import _native
from ._errors import UsageError
from ._keys import Key, StrPath, Vault, keys_for

if TYPE_CHECKING:
    # Imported where they are used: they take as long to import as this package.
    from datetime import datetime
    from pathlib import Path

# pandas reads pieces of this length; half of it and four times it were slower.
BUFFER = 256 * 1024


class Info(NamedTuple):
    """What is known of a sealed file whose header was opened. All of it is authentic, and the size is proven."""

    name: str | None
    """The file's name where it was sealed. Do not use it as a path."""
    modified: datetime | None
    """When the plaintext was last changed, in UTC."""
    media: str | None
    """The media type, if one was given."""
    project: str | None
    """The project whose key opened it; None for a key that names none."""
    version: int | None
    """The version of that key."""
    size: int
    """Length of the plaintext, in bytes."""
    sealed_size: int
    """Length of the sealed file, in bytes."""
    unauthenticated_source: bool
    """Whether it was imported from a file without an authentication tag: nobody knows if it was altered before."""


class Opened(Protocol):
    """An opened sealed file that is read at positions: of this computer, or of another file system."""

    def __len__(self) -> int: ...
    def read_at(self, offset: int, size: int) -> bytes: ...
    def readinto_at(self, buffer: Any, offset: int) -> int: ...
    @property
    def info(self) -> _native.About: ...


def _info(opened: Opened) -> Info:
    name, changed, media, project, version, size, sealed_size, unauthenticated_source = opened.info
    modified = None
    if changed is not None:
        from datetime import datetime, timezone

        # Whoever sealed the file may have written any number there.
        with contextlib.suppress(ValueError, OverflowError, OSError):
            modified = datetime.fromtimestamp(changed[0], timezone.utc).replace(microsecond=changed[1] // 1000)
    return Info(name, modified, media, project, version, size, sealed_size, unauthenticated_source)


class Raw(io.RawIOBase):
    """An opened file with a position: what the buffer of a SealedFile is filled from."""

    def __init__(self, opened: Opened, name: str) -> None:
        self._opened: Opened | None = opened
        self._size = len(opened)
        self._position = 0
        self.name = name

    @property
    def opened(self) -> Opened:
        if self._opened is None:
            raise ValueError("I/O operation on closed file")
        return self._opened

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        read = self.opened.readinto_at(buffer, self._position)
        self._position += read
        return read

    def readall(self) -> bytes:
        data = self.opened.read_at(self._position, max(0, self._size - self._position))
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        _ = self.opened
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise ValueError(f"invalid whence: {whence}")
        position = offset + (0, self._position, self._size)[whence]
        if position < 0:
            raise OSError(22, "Invalid argument")
        self._position = position
        return position

    def tell(self) -> int:
        _ = self.opened
        return self._position

    def close(self) -> None:
        self._opened = None
        super().close()


class SealedFile(io.BufferedReader):
    """An open sealed file: binary, seekable, read-only. Made by :func:`open`.

    Every byte was authenticated before it is returned, and the length was proven when the file was opened. The
    plaintext is in memory only. Many threads may use one object: a read after a seek in the same thread reads there,
    whatever other threads do. They wait for each other; :meth:`read_at` does not make them wait.

    A part that was altered raises ``DamagedError`` when it is read.
    """

    def __init__(self, opened: Opened, name: str, buffering: int = BUFFER, raw: type[Raw] = Raw) -> None:
        self._lock = threading.RLock()
        # Where each thread has sought to and not read yet. Libraries that share one file among threads seek and read
        # in two calls, and would read what another thread has sought: DuckDB computes wrong sums then.
        self._sought = threading.local()
        self._opened: Opened | None = opened
        super().__init__(raw(opened, name), buffering)
        with _forking:
            _open_files.add(self)

    @property
    def info(self) -> Info:
        """What was sealed with it."""
        return _info(self._at())

    def __len__(self) -> int:
        """Length of the plaintext, in bytes."""
        return len(self._at())

    @property
    def size(self) -> int:
        """Length of the plaintext, in bytes, under the name that fsspec uses."""
        return len(self)

    def __bool__(self) -> bool:
        return True

    def _at(self) -> Opened:
        if self._opened is None:
            raise ValueError("I/O operation on closed file")
        return self._opened

    def read_at(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on, without moving the position; fewer at the end.

        Threads do not wait for each other. From 4 MiB on, all cores work on one call. Raises ``DamagedError``.
        """
        return self._at().read_at(offset, size)

    def readinto_at(self, buffer: Any, offset: int) -> int:
        """Fill a writable buffer from ``offset`` on, and return how many bytes there were. Raises ``DamagedError``."""
        return self._at().readinto_at(buffer, offset)

    def _here(self) -> None:
        at = self._sought.__dict__.pop("at", None)
        if at is not None and super().tell() != at:
            super().seek(at)

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        with self._lock:
            if whence == os.SEEK_CUR:
                self._here()
            at = super().seek(offset, whence)
            self._sought.at = at
            return at

    def tell(self) -> int:
        with self._lock:
            at: int | None = self._sought.__dict__.get("at")
            return super().tell() if at is None else at

    def read(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            self._here()
            return super().read(size)

    def read1(self, size: int = -1, /) -> bytes:
        with self._lock:
            self._here()
            return super().read1(size)

    def readinto(self, buffer: Any, /) -> int:
        with self._lock:
            self._here()
            return super().readinto(buffer)

    def readinto1(self, buffer: Any, /) -> int:
        with self._lock:
            self._here()
            return super().readinto1(buffer)

    def readline(self, size: int | None = -1, /) -> bytes:
        with self._lock:
            self._here()
            return super().readline(-1 if size is None else size)

    def peek(self, size: int = 0, /) -> bytes:
        with self._lock:
            self._here()
            return super().peek(size)

    def __next__(self) -> bytes:
        line = self.readline()
        if not line:
            raise StopIteration
        return line

    def close(self) -> None:
        with self._lock:
            self._opened = None
            super().close()


# A child that is forked has no other thread that would give up a lock. So none is held while the process is forked.
_open_files: weakref.WeakSet[SealedFile] = weakref.WeakSet()
_forking = threading.RLock()
_held_for_fork: list[SealedFile] = []


def _before_fork() -> None:
    _forking.acquire()
    for file in list(_open_files):
        file._lock.acquire()
        _held_for_fork.append(file)


def _after_fork() -> None:
    for file in _held_for_fork:
        file._lock.release()
    _held_for_fork.clear()
    _forking.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


class Sealing(Protocol):
    """A sealed file that is being written: to this computer, or to another file system."""

    def write(self, data: Any) -> int: ...
    def commit(self) -> None: ...
    def discard(self) -> None: ...


class SealedWriter(io.BufferedIOBase):
    """A sealed file that is being written: binary, from its start to its end. Made by :func:`open`.

    The file appears when it is closed without an exception on its way, whole and synced. In every other case nothing
    is left of it, and what was there before stays: after an exception inside ``with``, and if it is never closed. A
    process that is forked meanwhile cannot write it, and what it does leaves the file alone.
    """

    def __init__(self, sealing: Sealing, name: str) -> None:
        self._sealing: Sealing | None = sealing
        self._position = 0
        # One that is handled while the file is opened and written says nothing of the file.
        self._around = sys.exc_info()[1]
        self._process = os.getpid()
        self.name = name

    def writable(self) -> bool:
        return True

    def _is_inherited(self) -> bool:
        return self._process != os.getpid()

    def write(self, data: Any, /) -> int:
        if self._sealing is None:
            raise ValueError("I/O operation on closed file")
        if self._is_inherited():
            raise ValueError("the process that has opened the file writes it, not one that was forked from it")
        try:
            written = self._sealing.write(data)
        except OSError:
            # It can never be whole any more.
            self.discard()
            raise
        self._position += written
        return written

    def tell(self) -> int:
        if self._sealing is None:
            raise ValueError("I/O operation on closed file")
        return self._position

    def discard(self) -> None:
        """Close it and leave nothing of it."""
        sealing, self._sealing = self._sealing, None
        if sealing is not None and not self._is_inherited():
            sealing.discard()
        super().close()

    def close(self) -> None:
        """Seal the end and give the file its name.

        While an exception is on its way, the file is discarded instead, with a ``ResourceWarning``: wrappers close what
        they wrap even then. Raises ``SealedFileExists``, ``ProjectNotFound`` if the key was destroyed meanwhile,
        ``OSError``; nothing is left of the file then.
        """
        if self._sealing is None:
            return
        if self._is_inherited():
            self.discard()
            return
        on_its_way = sys.exc_info()[1]
        if on_its_way is not None and on_its_way is not self._around:
            self.discard()
            warnings.warn(f"{self.name} was not written: it was closed during an exception", ResourceWarning, 2)
            return
        sealing, self._sealing = self._sealing, None
        try:
            sealing.commit()
        finally:
            super().close()

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        if getattr(self, "_sealing", None) is not None and not self._is_inherited():
            self.discard()
            warnings.warn(f"{self.name} was not written: it was never closed", ResourceWarning, 2, source=self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("cannot pickle a file that is being written")


@overload
def open(
    path: StrPath,
    mode: Literal["rb", "r"] = "rb",
    *,
    project: str | None = None,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    buffering: int = BUFFER,
) -> SealedFile: ...
@overload
def open(
    path: StrPath,
    mode: Literal["wb", "xb", "w", "x"],
    *,
    project: str | None = None,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    media: str | None = None,
) -> SealedWriter: ...
def open(
    path: StrPath,
    mode: str = "rb",
    *,
    project: str | None = None,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    buffering: int = BUFFER,
    media: str | None = None,
) -> SealedFile | SealedWriter:
    """Open a sealed file.

    ``"rb"`` reads: seekable, every byte authenticated, no plaintext on disk. ``"wb"`` seals as you write: the file
    appears whole when it is closed, or not at all; what it replaces must be a sealed file. ``"xb"`` replaces nothing.
    Files are binary: for text, wrap them in ``io.TextIOWrapper(file, encoding="utf-8")``.

    ``project`` names the project whose key seals the file; without it, the file ``.strongroom.toml`` of the working
    folder, or of the nearest folder above it, does. A read finds the key by itself. ``key`` is an explicit key;
    else the agent is asked, then a vault that this process has unlocked, then the person. ``vault`` is a ``Vault`` or
    the folder of one. ``buffering`` is the length of the buffer, in bytes. ``media`` is sealed with the file.

    Raises ``WrongKeyError``, ``DamagedError``, ``TruncatedError``, ``NotSealedError``, ``SealedFileExists``,
    ``ProjectNotFound``, ``AgentError``; ``OSError`` of the system, such as ``FileNotFoundError``.
    """
    name = os.fspath(path)
    if mode in ("rb", "br", "r"):
        return SealedFile(_opened(path, key, vault), name, buffering)
    if mode in ("wb", "bw", "w", "xb", "bx", "x"):
        replace = "w" in mode
        return SealedWriter(_native.Sealing(name, keys_for(key, vault), project, replace, media), name)
    raise UsageError(f"a sealed file is opened with 'rb', 'wb' or 'xb', not {mode!r}")


def _opened(path: StrPath, key: Key | None, vault: Vault | StrPath | None) -> _native.Opened:
    # What is missing is said before anybody is asked for a password.
    os.stat(path)
    return _native.Opened(os.fspath(path), keys_for(key, vault))


def read(path: StrPath, *, key: Key | None = None, vault: Vault | StrPath | None = None) -> bytes:
    """Return the plaintext of a sealed file, opened by all cores. Raises as :func:`open`."""
    opened = _opened(path, key, vault)
    return opened.read_at(0, len(opened))


def write(
    path: StrPath,
    data: Any,
    *,
    project: str | None = None,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    media: str | None = None,
) -> None:
    """Seal bytes into a file, in the place of a sealed file that may be there. Raises as :func:`open`."""
    with open(path, "wb", project=project, key=key, vault=vault, media=media) as file:
        file.write(data)


def seal_file(
    source: StrPath,
    target: StrPath | None = None,
    *,
    project: str | None = None,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    replace: bool = False,
) -> Path:
    """Seal a file by all cores, and return the path of the sealed file: ``source`` with ``.sealed``, if none is named.

    The source stays. ``project`` is as in :func:`open`. With ``replace`` the target may be a sealed file that is there. Raises as :func:`open`;
    ``DamagedError`` of kind ``changed`` if the source changed meanwhile.
    """
    from pathlib import Path

    path = Path(f"{os.fspath(source)}.sealed" if target is None else target)
    _native.seal_file(os.fspath(source), path, keys_for(key, vault), project, replace)
    return path


def open_file(
    source: StrPath,
    target: StrPath,
    *,
    key: Key | None = None,
    vault: Vault | StrPath | None = None,
    replace: bool = False,
) -> Path:
    """Open a sealed file into a plaintext file by all cores, and return its path.

    THE PLAINTEXT IS ON DISK THEN: :func:`open` and :func:`read` leave it in memory. The file is readable by its owner
    alone, and appears when all of it has proven authentic. Raises as :func:`open`.
    """
    from pathlib import Path

    _native.open_file(os.fspath(source), os.fspath(target), keys_for(key, vault), replace)
    return Path(target)


def verify(path: StrPath, *, key: Key | None = None, vault: Vault | StrPath | None = None) -> int:
    """Prove every byte of a sealed file, and return how many bytes of plaintext there are. Raises as :func:`open`."""
    return _opened(path, key, vault).verify()


def info(path: StrPath, *, key: Key | None = None, vault: Vault | StrPath | None = None) -> Info:
    """Return what was sealed with a file. Reads its header and its end, and not the rest. Raises as :func:`open`."""
    return _info(_opened(path, key, vault))


@contextlib.contextmanager
def memfd(path: StrPath, *, key: Key | None = None, vault: Vault | StrPath | None = None) -> Iterator[str]:
    """A path for tools that take nothing else, as a context manager. Linux only.

    The plaintext is in memory that cannot be changed any more, until the end of ``with``. The system may swap it out.
    Raises as :func:`open`; ``UsageError`` where the system has no such memory.
    """
    if not hasattr(os, "memfd_create"):
        raise UsageError("this system has no files in memory")
    import fcntl

    opened = _opened(path, key, vault)
    descriptor = os.memfd_create("strongroom", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        with io.FileIO(descriptor, "wb", closefd=False) as memory:
            for at in range(0, len(opened), 8 << 20):
                piece = memoryview(opened.read_at(at, 8 << 20))
                while piece:
                    piece = piece[memory.write(piece) :]
        seals = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)
