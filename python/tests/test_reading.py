"""A sealed file read as any other file: by hand, by pandas, by many threads, after damage."""

import io
import os
import pickle
import random
import threading
from pathlib import Path

import pandas as pd
import pytest

import strongroom

CHUNK = 16384


@pytest.fixture(scope="module")
def plain() -> bytes:
    return random.Random(1).randbytes(70 * CHUNK + 123)


@pytest.fixture
def sealed(tmp_path: Path, key: strongroom.Key, plain: bytes) -> Path:
    path = tmp_path / "data.sealed"
    strongroom.write(path, plain, key=key)
    return path


def test_pandas_reads_what_the_program_sealed(agent, tmp_path):
    frame = pd.DataFrame({"id": range(50_000), "name": [f"Ada {i}" for i in range(50_000)]})
    frame.to_csv("clients.csv", index=False)
    agent.run("encrypt", "--project", "acme", str(tmp_path / "clients.csv"))
    read = pd.read_csv(strongroom.open("clients.csv.sealed"))
    pd.testing.assert_frame_equal(read, frame)
    assert strongroom.info("clients.csv.sealed").project == "acme"
    assert strongroom.info("clients.csv.sealed").name == "clients.csv"


def test_pandas_writes_what_the_program_opens(agent, tmp_path):
    frame = pd.DataFrame({"id": range(20_000)})
    with strongroom.open("out.csv.sealed", "wb", project="acme") as file:
        frame.to_csv(file, index=False)
    agent.run("decrypt", str(tmp_path / "out.csv.sealed"), "-o", str(tmp_path / "out.csv"))
    pd.testing.assert_frame_equal(pd.read_csv("out.csv"), frame)


def test_it_goes_where_an_ordinary_file_goes(sealed, key, plain):
    ours, theirs = strongroom.open(sealed, key=key), io.BufferedReader(io.BytesIO(plain))
    draw = random.Random(2)
    for _ in range(2000):
        size = draw.choice([0, 1, 100, CHUNK, 5 * CHUNK, 40 * CHUNK])
        step = draw.choice(["start", "end", "here", "read", "read", "readline", "peek", "tell"])
        if step == "start":
            at = draw.randrange(len(plain) + 10)
            assert ours.seek(at) == theirs.seek(at)
        elif step == "end":
            at = -draw.randrange(len(plain))
            assert ours.seek(at, os.SEEK_END) == theirs.seek(at, os.SEEK_END)
        elif step == "here":
            assert ours.seek(1, os.SEEK_CUR) == theirs.seek(1, os.SEEK_CUR)
        elif step == "read":
            assert ours.read(size) == theirs.read(size)
        elif step == "readline":
            assert ours.readline() == theirs.readline()
        elif step == "peek":
            assert ours.peek(1)[:1] == theirs.peek(1)[:1]
        assert ours.tell() == theirs.tell()
    assert ours.read() == theirs.read()
    assert ours.seekable() and ours.readable() and not ours.writable()
    ours.seek(0)
    into = bytearray(100_000)
    assert ours.readinto(into) == len(into) and into == plain[: len(into)]
    assert len(ours) == len(plain)
    ours.close()
    for use in [ours.read, ours.tell, lambda: ours.seek(0), lambda: ours.read_at(0, 1), lambda: ours.info]:
        with pytest.raises(ValueError):
            use()


def test_positions_and_large_reads(sealed, key, plain, tmp_path):
    with strongroom.open(sealed, key=key) as file:
        for offset, size in [(0, 0), (5, 10), (CHUNK - 1, 2), (0, len(plain)), (len(plain) - 3, 99), (len(plain), 5)]:
            assert file.read_at(offset, size) == plain[offset : offset + size]
            into = bytearray(b"\xee" * size)
            read = file.readinto_at(into, offset)
            assert bytes(into) == plain[offset : offset + read] + b"\xee" * (size - read)
        assert file.tell() == 0
    # Above 4 MiB, with all cores.
    long = random.Random(3).randbytes(9 * 1024 * 1024 + 7)
    strongroom.write(tmp_path / "long.sealed", long, key=key)
    assert strongroom.read(tmp_path / "long.sealed", key=key) == long


def test_text_lines(sealed, key, tmp_path):
    lines = [f"строка {i}\n" for i in range(5000)]
    strongroom.write(tmp_path / "t.sealed", "".join(lines).encode(), key=key)
    with io.TextIOWrapper(strongroom.open(tmp_path / "t.sealed", key=key), encoding="utf-8") as text:
        assert list(text) == lines
    assert [line.decode() for line in strongroom.open(tmp_path / "t.sealed", key=key)] == lines


def test_a_read_after_a_seek_in_the_same_thread_reads_there(sealed, key, plain):
    """As DuckDB does it: four threads share a file, and nothing is locked between seek and read."""
    file = strongroom.open(sealed, key=key, buffering=4096)
    wrong, began = [], threading.Barrier(4)

    def work(seed: int) -> None:
        draw = random.Random(seed)
        began.wait()
        for _ in range(3000):
            at = draw.randrange(len(plain) - 500)
            file.seek(at)
            if file.read(500) != plain[at : at + 500]:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_one_thread_seeks_another_reads_on_from(sealed, key, plain):
    file = strongroom.open(sealed, key=key)
    thread = threading.Thread(target=file.seek, args=(1000,))
    thread.start()
    thread.join()
    assert file.read(10) == plain[1000:1010]


def test_many_threads_read_at_positions(sealed, key, plain):
    file = strongroom.open(sealed, key=key)
    wrong = []

    def work(seed: int) -> None:
        draw = random.Random(seed)
        for _ in range(200):
            at, size = draw.randrange(len(plain)), draw.randrange(100_000)
            into = bytearray(size)
            read = file.readinto_at(into, at)
            if file.read_at(at, size) != plain[at : at + size] or into[:read] != plain[at : at + size]:
                wrong.append(at)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_damage_is_refused_and_what_is_whole_is_read(sealed, key, plain):
    data = bytearray(sealed.read_bytes())
    data[8192 + 56 + 40 * (CHUNK + 16) + 5] ^= 1
    sealed.write_bytes(data)
    file = strongroom.open(sealed, key=key)
    assert file.read_at(0, 40 * CHUNK) == plain[: 40 * CHUNK]
    into = bytearray(b"\xee" * CHUNK)
    with pytest.raises(strongroom.DamagedError, match="chunk 41 of 71") as failed:
        file.readinto_at(into, 40 * CHUNK)
    assert failed.value.kind == "damaged" and isinstance(failed.value, OSError)
    assert into == b"\xee" * CHUNK, "what was not authentic came out"
    with pytest.raises(strongroom.DamagedError):
        file.read()
    with pytest.raises(strongroom.DamagedError):
        strongroom.verify(sealed, key=key)
    sealed.write_bytes(data[:-20])
    with pytest.raises(strongroom.DamagedError):
        strongroom.open(sealed, key=key)
    sealed.write_bytes(data[:8200])
    with pytest.raises(strongroom.TruncatedError):
        strongroom.open(sealed, key=key)


def test_each_failure_has_its_class(sealed, key, tmp_path):
    with pytest.raises(strongroom.WrongKeyError) as failed:
        strongroom.open(sealed, key=strongroom.Key.generate())
    assert failed.value.kind == "wrong-key"
    (tmp_path / "text").write_text("just a text")
    with pytest.raises(strongroom.NotSealedError):
        strongroom.read(tmp_path / "text", key=key)
    with pytest.raises(FileNotFoundError) as missing:
        strongroom.read(tmp_path / "missing", key=key)
    assert missing.value.filename == str(tmp_path / "missing")
    with pytest.raises(IsADirectoryError):
        strongroom.open(tmp_path, key=key)
    with pytest.raises(ValueError, match="'rb', 'wb' or 'xb'"):
        strongroom.open(sealed, "a", key=key)


def test_a_path_in_memory(sealed, key, plain):
    with strongroom.memfd(sealed, key=key) as path:
        assert Path(path).read_bytes() == plain
        with pytest.raises(OSError):
            Path(path).write_bytes(b"x")
    assert not os.path.exists(path) or Path(path).read_bytes() != plain


def test_an_open_file_is_not_pickled(sealed, key):
    with strongroom.open(sealed, key=key) as file, pytest.raises(TypeError):
        pickle.dumps(file)


def test_a_child_reads_on(sealed, key, plain):
    file = strongroom.open(sealed, key=key)
    child = os.fork()
    if child == 0:
        try:
            file.seek(5)
            fine = file.read(7) == plain[5:12] and strongroom.read(sealed, key=key) == plain
        except BaseException:
            fine = False
        os._exit(0 if fine else 1)
    assert os.waitpid(child, 0)[1] == 0
