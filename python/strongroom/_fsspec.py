"""Sealed files as a file system of fsspec: ``strongroom://clients.csv``, ``strongroom::s3://bucket/clients.csv``."""

from __future__ import annotations

import errno
import os
from datetime import datetime
from hashlib import sha256
from typing import Any

from fsspec import AbstractFileSystem, filesystem
from fsspec.callbacks import DEFAULT_CALLBACK
from fsspec.implementations.chained import ChainedFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.utils import stringify_path

from . import _files, _native
from ._elsewhere import BUFFER, Ends, Remote, RemoteRaw, RemoteSealing, fetch_first
from ._errors import of_kind
from ._files import SealedFile, SealedWriter
from ._keys import Key, StrPath, keys_for

SUFFIX = ".sealed"
_MAGIC = b"\x89SRM\r\n\x1a\n"
_PRELUDE = 32
# What fsspec itself takes as options of any file system.
_FSSPEC_OPTIONS = {"use_listings_cache", "listings_expiry_time", "max_paths", "asynchronous", "loop", "batch_size"}
# Of how many files the sealed ends are remembered, at 25 kB each.
_REMEMBERED = 64


class StrongroomFileSystem(ChainedFileSystem):
    """The sealed files of another file system: of this computer's disks, if none is named.

    Only files whose names end with ``.sealed`` are shown, without that ending; both names are accepted. Sizes are those
    of the plaintext, in bytes. Made by :func:`strongroom.filesystem`, or by fsspec for ``strongroom://`` and
    ``strongroom::``.

    ``project`` names the project whose key seals new files, as for :func:`strongroom.open`; ``vault`` the folder of a
    vault. Keys are no options:
    options are pickled, hashed and written out by those who use file systems. Each process finds its own keys, as
    :func:`strongroom.open` does, and raises the same errors.
    """

    protocol = "strongroom"

    def __init__(
        self,
        fs: AbstractFileSystem | None = None,
        *,
        target_protocol: str | None = None,
        target_options: dict[str, Any] | None = None,
        fo: str | None = None,
        project: str | None = None,
        vault: StrPath | None = None,
        **options: Any,
    ) -> None:
        if unknown := sorted(set(options) - _FSSPEC_OPTIONS):
            # Without the values: they may be keys.
            raise TypeError(
                f"strongroom:// has no option {unknown[0]!r}: it takes project and vault. Keys come from the agent or "
                "strongroom.unlock(); options of a file system below it go into a dict of its name, such as s3={...}"
            )
        if not isinstance(vault, (str, os.PathLike, type(None))):
            raise TypeError("vault must name a folder: an unlocked vault cannot be an option of a file system")
        super().__init__(**options)
        self.fs = filesystem(target_protocol or "file", **(target_options or {})) if fs is None else fs
        self.project = project
        self.vault = None if vault is None else os.fspath(vault)
        self._is_local = isinstance(self.fs, LocalFileSystem)
        self._remembered: dict[tuple[Any, ...], Ends] = {}
        of_class = self._strip_protocol

        # fsspec calls it on the class where it knows no file system yet, and here where paths are made whole.
        def strip(path: Any) -> Any:
            if isinstance(path, list):
                return [strip(one) for one in path]
            return self.fs._strip_protocol(of_class(path))

        self._strip_protocol = strip  # type: ignore[method-assign]

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        if isinstance(path, list):
            return [cls._strip_protocol(one) for one in path]
        path = super()._strip_protocol(stringify_path(path))
        plain = path.removesuffix(SUFFIX)
        return path if plain.endswith("/") else plain

    def _parent(self, path: str) -> Any:
        return self.fs._parent(self._strip_protocol(path))

    def unstrip_protocol(self, name: str) -> str:
        """Return the URL of a path."""
        name = self._strip_protocol(name)
        return f"strongroom://{name}" if self._is_local else f"strongroom::{self.fs.unstrip_protocol(name)}"

    # -- what is there

    def _shown(self, entry: dict[str, Any], first: bytes | None = None) -> dict[str, Any] | None:
        """Make what is shown of an entry of the file system below; None if nothing is."""
        if entry["type"] == "directory":
            return entry
        name = entry["name"].removesuffix(SUFFIX)
        if name == entry["name"] or name.endswith("/"):
            return None
        # S3 has both twice.
        shown = {of: value for of, value in entry.items() if of not in ("Key", "Size")}
        size = entry["size"]
        plain = None if size is None else _native.plaintext_len(size, first)
        return {**shown, "name": name, "size": plain, "sealed_size": size}

    def _ends(self, entry: dict[str, Any]) -> Ends:
        """Return what is remembered of the ends of a file, if the file system below says which file it is."""
        if not entry.get("ETag"):
            return {}
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.clear()
        return self._remembered.setdefault((entry["name"], entry["size"], str(entry["ETag"])), {})

    def _first(self, entry: dict[str, Any]) -> bytes:
        """Return the first bytes of a file, which say how long its header is."""
        if self._is_local:
            return bytes(self.fs.cat_file(entry["name"], start=0, end=_PRELUDE))
        return fetch_first(self.fs, entry["name"], self._ends(entry))[:_PRELUDE]

    def _below(self, path: str) -> dict[str, Any]:
        """Return what the file system below has for a path: a sealed file, else a folder."""
        if path.strip("/"):
            try:
                entry: dict[str, Any] = self.fs.info(path + SUFFIX)
                if entry["type"] != "directory":
                    return entry
            except FileNotFoundError:
                pass
        entry = self.fs.info(path)
        if entry["type"] != "directory":
            raise _missing(path)
        return entry

    def info(self, path: Any, **kwargs: Any) -> dict[str, Any]:
        """Return name, type and size of a file, and ``sealed_size``; both sizes in bytes.

        The size is computed from the length of the sealed file, and proven when the file is opened.
        """
        path = self._strip_protocol(path)
        entry = self._below(path)
        if entry["type"] == "directory":
            return entry
        shown = self._shown(entry, self._first(entry))
        if shown is None:
            raise _missing(path)
        return shown

    def ls(self, path: Any, detail: bool = True, **kwargs: Any) -> list[Any]:
        """List a folder. Sizes are computed as of headers of the usual length, and no file is read."""
        path = self._strip_protocol(path)
        try:
            below = self.fs.ls(path, detail=True, **kwargs)
        except (FileNotFoundError, NotADirectoryError):
            below = None
        if below is None or any(entry["name"] == path and entry["type"] != "directory" for entry in below):
            shown = [self.info(path)]
        else:
            entries = (self._shown(entry) for entry in below if entry["name"].rstrip("/") != path)
            shown = [entry for entry in entries if entry is not None]
        return shown if detail else [entry["name"] for entry in shown]

    def find(self, path: Any, maxdepth: int | None = None, withdirs: bool = False, **kwargs: Any) -> Any:
        """List all files below a folder. Their names begin as the folder was named, which pyarrow insists on."""
        named, whole = type(self)._strip_protocol(path), self._strip_protocol(path)
        found = super().find(whole, maxdepth=maxdepth, withdirs=withdirs, **kwargs)
        if named == whole or not named:
            return found
        if isinstance(found, dict):
            return {named + name[len(whole) :]: entry for name, entry in found.items()}
        return [named + name[len(whole) :] for name in found]

    def created(self, path: Any) -> datetime:
        """Return when the sealed file was made, as the file system below says it."""
        at: datetime = self.fs.created(self._below(self._strip_protocol(path))["name"])
        return at

    def modified(self, path: Any) -> datetime:
        """Return when the sealed file was last changed, as the file system below says it."""
        at: datetime = self.fs.modified(self._below(self._strip_protocol(path))["name"])
        return at

    def ukey(self, path: Any) -> str:
        """Return a text that is another one if the sealed file is another one."""
        below = self._below(self._strip_protocol(path))["name"]
        return sha256(f"strongroom {self.fs.ukey(below)}".encode()).hexdigest()

    # -- reading and writing

    def _keys(self, key: Key | None) -> _native.Vault | Key:
        return keys_for(key, self.vault)

    def _opened(self, path: str, key: Key | None = None) -> _native.Opened | Remote:
        if self._is_local:
            os.stat(path + SUFFIX)
            return _native.Opened(path + SUFFIX, self._keys(key))
        entry = self.fs.info(path + SUFFIX)
        return Remote(self.fs, entry, self._keys(key), self._ends(entry))

    def _open(
        self,
        path: Any,
        mode: str = "rb",
        block_size: int | None = None,
        autocommit: bool = True,
        cache_options: dict[str, Any] | None = None,
        *,
        project: str | None = None,
        key: Key | None = None,
        media: str | None = None,
        **kwargs: Any,
    ) -> SealedFile | SealedWriter:
        path = self._strip_protocol(path)
        if mode == "rb":
            if self._is_local:
                return SealedFile(self._opened(path, key), path + SUFFIX)
            return SealedFile(self._opened(path, key), path + SUFFIX, block_size or BUFFER, RemoteRaw)
        if mode not in ("wb", "xb"):
            raise of_kind("usage", f"a sealed file is opened with 'rb', 'wb' or 'xb', not {mode!r}")
        if not autocommit:
            raise NotImplementedError("strongroom:// has no transactions: each file appears when it is closed")
        project = project or self.project
        if self._is_local:
            return _files.open(
                path + SUFFIX, "xb" if mode == "xb" else "wb", project=project, key=key, vault=self.vault, media=media
            )
        self._check_replaced(path + SUFFIX, mode)
        sealing = RemoteSealing(self.fs, path + SUFFIX, mode, self._keys(key), project, media)
        return SealedWriter(sealing, path + SUFFIX)

    def _check_replaced(self, below: str, mode: str) -> None:
        try:
            first = self.fs.cat_file(below, start=0, end=len(_MAGIC))
        except FileNotFoundError:
            return
        if mode == "xb":
            raise of_kind("output-exists", f"{below} exists")
        if first != _MAGIC:
            raise of_kind("output-exists", f"{below} exists and is not a sealed file, so it is not replaced")

    def cat_file(
        self, path: Any, start: int | None = None, end: int | None = None, *, key: Key | None = None, **kwargs: Any
    ) -> bytes:
        """Return plaintext from ``start`` to ``end``, in bytes; negative ones count from the end."""
        opened = self._opened(self._strip_protocol(path), key)
        start, end, _ = slice(start, end).indices(len(opened))
        return opened.read_at(start, max(0, end - start))

    def cat_ranges(
        self,
        paths: list[Any],
        starts: Any,
        ends: Any,
        max_gap: int | None = None,
        on_error: str = "return",
        **kwargs: Any,
    ) -> list[Any]:
        """Return a piece of plaintext for each path, start and end. Each file is opened once, and all that is remote
        is fetched by one call of the file system below, which may ask for many pieces at a time."""
        if not isinstance(paths, list):
            raise TypeError("paths must be a list")
        starts = starts if isinstance(starts, list) else [starts] * len(paths)
        ends = ends if isinstance(ends, list) else [ends] * len(paths)
        if len(starts) != len(paths) or len(ends) != len(paths):
            raise ValueError("paths, starts and ends must be of one length")
        results: list[Any] = [None] * len(paths)
        opened: dict[str, Any] = {}
        fetched: list[tuple[int, Remote, int, int]] = []
        for index, path in enumerate(map(self._strip_protocol, paths)):
            try:
                if path not in opened:
                    opened[path] = _or_error(lambda path=path: self._opened(path))
                file = _unless_error(opened[path])
                start, end, _ = slice(starts[index], ends[index]).indices(len(file))
                if isinstance(file, Remote) and start < end:
                    fetched.append((index, file, start, end - start))
                else:
                    results[index] = file.read_at(start, max(0, end - start))
            except Exception as error:
                if on_error != "return":
                    raise
                results[index] = error
        if fetched:
            below = [self._strip_protocol(paths[index]) + SUFFIX for index, *_ in fetched]
            ranges = [file.sealed_range(at, size) for _, file, at, size in fetched]
            pieces = self.fs.cat_ranges(below, [start for start, _ in ranges], [end for _, end in ranges])
            for (index, file, at, size), piece in zip(fetched, pieces, strict=True):
                try:
                    results[index] = file.open_range(_unless_error(piece), at, size)
                except Exception as error:
                    if on_error != "return":
                        raise
                    results[index] = error
        return results

    def get_file(
        self,
        rpath: Any,
        lpath: Any = None,
        callback: Any = DEFAULT_CALLBACK,
        outfile: Any = None,
        *,
        plaintext: bool = False,
        **kwargs: Any,
    ) -> None:
        """Copy a file to a disk of this computer AS PLAINTEXT, and only with ``plaintext=True``.

        Without it ``PermissionError`` is raised: caches such as ``simplecache::`` call this for whatever is opened.
        """
        if not plaintext:
            raise PermissionError(
                errno.EPERM,
                "this would write plaintext to a disk: read it with open(), put a cache below it "
                "(strongroom::simplecache::s3://...), or say plaintext=True",
                str(rpath),
            )
        super().get_file(rpath, lpath, callback=callback, outfile=outfile, **kwargs)

    # -- sealed files and folders as such

    def rm_file(self, path: Any) -> None:
        """Delete a sealed file, or a folder that is empty."""
        path = self._strip_protocol(path)
        entry = self._below(path)
        if entry["type"] == "directory":
            self.fs.rmdir(path)
        else:
            self.fs.rm_file(path + SUFFIX)

    def cp_file(self, path1: Any, path2: Any, **kwargs: Any) -> None:
        """Copy a sealed file as it is; of a folder, make the folder."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        if self._below(path1)["type"] == "directory":
            self.fs.makedirs(path2, exist_ok=True)
        else:
            self.fs.cp_file(path1 + SUFFIX, path2 + SUFFIX, **kwargs)

    def mv(self, path1: Any, path2: Any, recursive: bool = False, maxdepth: int | None = None, **kwargs: Any) -> None:
        """Move a sealed file, or a folder with all that is in it."""
        path1, path2 = self._strip_protocol(path1), self._strip_protocol(path2)
        if self._below(path1)["type"] == "directory":
            self.fs.mv(path1, path2, recursive=True)
        else:
            self.fs.mv(path1 + SUFFIX, path2 + SUFFIX)

    def mkdir(self, path: Any, create_parents: bool = True, **kwargs: Any) -> None:
        """Make a folder."""
        self.fs.mkdir(self._strip_protocol(path), create_parents=create_parents, **kwargs)

    def makedirs(self, path: Any, exist_ok: bool = False) -> None:
        """Make a folder and those above it."""
        self.fs.makedirs(self._strip_protocol(path), exist_ok=exist_ok)

    def rmdir(self, path: Any) -> None:
        """Delete a folder that is empty."""
        self.fs.rmdir(self._strip_protocol(path))

    def invalidate_cache(self, path: Any = None) -> None:
        """Forget listings that the file system below has kept."""
        self.fs.invalidate_cache(None if path is None else self._strip_protocol(path))


def _missing(path: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path + SUFFIX)


def _or_error(work: Any) -> Any:
    try:
        return work()
    except Exception as error:
        return error


def _unless_error(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value
