"""Sealed files of another file system: Python fetches and sends sealed bytes, they are opened and sealed here."""

from __future__ import annotations

import contextlib
from typing import Any

from . import _native
from ._files import Raw

# Nearly every header is that long; the body's salt and commitment come after it.
_FIRST = 2 * 4096 + 56
_LONGEST_FIRST = 2 * 61440 + 56
# A sealed chunk is no longer.
_LAST = 16400
# One request brings no more, whatever is asked for: it is in memory twice while it is opened.
_MOST = 32 << 20
# How far it reads ahead of whoever reads on and on.
_AHEAD = 4 << 20

BUFFER = 64 * 1024


# What has been fetched of the two ends of a file.
Ends = dict[str, bytes]


def fetch_first(fs: Any, path: str, ends: Ends) -> bytes:
    """Return the first bytes of a file, as many as a usual header has."""
    if "first" not in ends:
        ends["first"] = bytes(fs.cat_file(path, start=0, end=_FIRST))
    return ends["first"]


class Remote:
    """An opened sealed file of another file system. Each read is one request."""

    def __init__(self, fs: Any, entry: dict[str, Any], keys: _native.Vault | _native.Key, ends: Ends) -> None:
        self._fs, self._path, size = fs, entry["name"], entry["size"]
        self._fetch_ends(size, ends)
        opened = _native.Fetched.open(self._path, size, ends["first"], ends["last"], keys)
        if opened is None:
            ends["first"] = bytes(fs.cat_file(self._path, start=0, end=min(size, _LONGEST_FIRST)))
            opened = _native.Fetched.open(self._path, size, ends["first"], ends["last"], keys)
        if opened is None:
            raise AssertionError("unreachable: no header is longer")
        self._opened = opened

    def _fetch_ends(self, size: int, ends: Ends) -> None:
        """Fetch what is not there yet, both by one call, in which a file system may ask for both at a time."""
        if size <= _FIRST + _LAST and not ends:
            ends["first"], ends["last"] = bytes(self._fs.cat_file(self._path, start=0, end=size)), b""
        wanted = {"first": (0, min(size, _FIRST)), "last": (max(0, size - _LAST), size)}
        missing = [end for end in wanted if end not in ends]
        if missing:
            starts, stops = zip(*(wanted[end] for end in missing), strict=True)
            fetched = self._fs.cat_ranges([self._path] * len(missing), [*starts], [*stops], on_error="raise")
            ends.update(zip(missing, map(bytes, fetched), strict=True))

    @property
    def info(self) -> _native.About:
        return self._opened.info

    def __len__(self) -> int:
        return len(self._opened)

    def sealed_range(self, offset: int, size: int) -> tuple[int, int]:
        return self._opened.sealed_range(offset, size)

    def open_range(self, sealed: bytes, offset: int, size: int) -> bytes:
        return self._opened.open_range(bytes(sealed), offset, size)

    def _piece(self, offset: int, size: int) -> bytes:
        start, end = self.sealed_range(offset, size)
        if start == end:
            return b""
        return self.open_range(self._fs.cat_file(self._path, start=start, end=end), offset, size)

    def read_at(self, offset: int, size: int) -> bytes:
        if size <= _MOST:
            return self._piece(offset, size)
        end = min(offset + size, len(self))
        return b"".join(self._piece(at, min(_MOST, end - at)) for at in range(offset, end, _MOST))

    def readinto_at(self, buffer: Any, offset: int) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read_at(offset, len(view))
        view[: len(data)] = data
        return len(data)


class RemoteRaw(Raw):
    """Keeps what one request has brought, until what comes after it is wanted."""

    def __init__(self, opened: Any, name: str) -> None:
        super().__init__(opened, name)
        self._kept: tuple[int, bytes] = (0, b"")
        self._in_a_row = 0

    def readinto(self, buffer: Any) -> int:
        at, wanted = self._position, len(buffer)
        start, data = self._kept
        if not start <= at < start + len(data):
            self._in_a_row = self._in_a_row + 1 if at == start + len(data) else 0
            # A buffered reader asks for whole buffers first and for the rest of a read then.
            fetched = wanted if wanted <= BUFFER else wanted + BUFFER
            if self._in_a_row > 2:
                fetched = max(fetched, min(2 * len(data), _AHEAD))
            start, data = at, self.opened.read_at(at, fetched)
            self._kept = start, data
        piece = data[at - start :][:wanted]
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def close(self) -> None:
        self._kept = (0, b"")
        super().close()


class RemoteSealing:
    """A sealed file that is written to another file system, and appears there when it is whole."""

    def __init__(
        self, fs: Any, path: str, mode: str, keys: _native.Vault | _native.Key, project: str | None, media: str | None
    ) -> None:
        self._sealing = _native.SealingElsewhere(path, keys, project, media)
        # As fs.open would, but for the file system's transaction, which nobody ends.
        self._file = fs._open(path, mode=mode, block_size=None, autocommit=False, cache_options=None)
        if not (hasattr(self._file, "commit") and hasattr(self._file, "discard")):
            self._file.close()
            raise NotImplementedError(f"{type(fs).__name__} cannot write a file that appears when it is whole")

    def write(self, data: Any) -> int:
        length, sealed = self._sealing.write(data)
        if sealed:
            self._file.write(sealed)
        return length

    def commit(self) -> None:
        try:
            self._file.write(self._sealing.finish())
            self._file.close()
            self._file.commit()
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        self._file.discard()
        # When it is freed it would be closed, which sends what is left.
        with contextlib.suppress(AttributeError):
            self._file.closed = True
