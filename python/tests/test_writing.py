"""A file appears whole when it is closed without an exception on its way, and in no other case."""

import gc
import io
import os
import pickle
from pathlib import Path

import pandas as pd
import pytest

import strongroom


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.sealed"


def names(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))


def test_a_clean_end_of_with_writes_the_file(path, key):
    with strongroom.open(path, "wb", key=key) as file:
        assert file.write(b"one ") == 4
        file.write(bytearray(b"two "))
        file.write(memoryview(b"-three-")[1:-1])
        assert file.tell() == 13 and file.writable() and not file.readable()
        assert names(path) == [], "it has no name before it is whole"
    assert strongroom.read(path, key=key) == b"one two three"
    assert names(path) == ["out.sealed"]
    assert strongroom.info(path, key=key).name == "out"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_an_exception_leaves_nothing(path, key):
    with pytest.raises(KeyError), strongroom.open(path, "wb", key=key) as file:
        file.write(b"half")
        raise KeyError
    assert names(path) == []
    with pytest.raises(ValueError):
        file.write(b"more")
    file.close()
    assert names(path) == []


def test_an_exception_keeps_the_old_file(path, key):
    strongroom.write(path, b"old", key=key)
    with pytest.raises(KeyboardInterrupt), strongroom.open(path, "wb", key=key) as file:
        file.write(b"half of the new one" * 100_000)
        raise KeyboardInterrupt
    assert strongroom.read(path, key=key) == b"old" and names(path) == ["out.sealed"]
    strongroom.write(path, b"new", key=key)
    assert strongroom.read(path, key=key) == b"new" and names(path) == ["out.sealed"]


def test_a_wrapper_that_closes_during_an_exception_writes_nothing(path, key):
    with (
        pytest.warns(ResourceWarning, match="closed during an exception"),
        pytest.raises(KeyError),
        io.TextIOWrapper(strongroom.open(path, "wb", key=key), encoding="utf-8") as text,
    ):
        text.write("half")
        raise KeyError
    assert names(path) == []


def test_an_exception_that_is_being_handled_says_nothing_of_the_file(path, key):
    try:
        raise KeyError
    except KeyError:
        with io.TextIOWrapper(strongroom.open(path, "wb", key=key), encoding="utf-8") as text:
            text.write("whole")
    assert strongroom.read(path, key=key) == b"whole"


def test_a_file_that_is_never_closed_is_never_written(path, key):
    file = strongroom.open(path, "wb", key=key)
    file.write(b"half")
    with pytest.warns(ResourceWarning, match="never closed"):
        del file
        gc.collect()
    assert names(path) == []


def test_pandas_fails_in_the_middle(path, key):
    class Bad:
        def __str__(self) -> str:
            raise KeyError("in the middle")

    frame = pd.DataFrame({"a": [1] * 1000 + [Bad()]})
    with pytest.raises(KeyError), strongroom.open(path, "wb", key=key) as file:
        frame.to_csv(file)
    assert names(path) == []


def test_what_is_no_sealed_file_is_not_replaced(path, key, tmp_path):
    (tmp_path / "clients.csv").write_text("the only copy")
    for mode in ["wb", "xb"]:
        with pytest.raises(FileExistsError) as failed:
            strongroom.open(tmp_path / "clients.csv", mode, key=key)
        assert failed.value.kind == "output-exists"
    assert (tmp_path / "clients.csv").read_text() == "the only copy"
    strongroom.write(path, b"old", key=key)
    with pytest.raises(strongroom.SealedFileExists):
        strongroom.open(path, "xb", key=key)
    (tmp_path / "in the meantime.sealed").unlink(missing_ok=True)
    with strongroom.open(tmp_path / "in the meantime.sealed", "xb", key=key) as file:
        (tmp_path / "in the meantime.sealed").write_text("somebody else's")
        with pytest.raises(strongroom.SealedFileExists):
            file.close()
    assert (tmp_path / "in the meantime.sealed").read_text() == "somebody else's"


def test_whole_files(path, key, tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(os.urandom(3_000_000))
    sealed = strongroom.seal_file(plain, key=key)
    assert sealed == tmp_path / "plain.sealed"
    assert strongroom.verify(sealed, key=key) == 3_000_000
    about = strongroom.info(sealed, key=key)
    assert (about.name, about.size, about.sealed_size) == ("plain", 3_000_000, sealed.stat().st_size)
    assert about.modified is not None and abs(about.modified.timestamp() - plain.stat().st_mtime) < 1e-5
    with pytest.raises(FileExistsError):
        strongroom.seal_file(plain, key=key)
    strongroom.seal_file(plain, key=key, replace=True)
    opened = strongroom.open_file(sealed, tmp_path / "opened", key=key)
    assert opened.read_bytes() == plain.read_bytes() and opened.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        strongroom.open_file(sealed, opened, key=key)
    with pytest.raises(FileNotFoundError):
        strongroom.seal_file(tmp_path / "missing", key=key)
    with pytest.raises(ValueError):
        strongroom.seal_file(tmp_path, key=key)


def test_a_file_that_is_being_written_is_not_pickled(path, key):
    with strongroom.open(path, "wb", key=key) as file, pytest.raises(TypeError):
        pickle.dumps(file)


def test_the_project_file_of_the_folder_names_the_project(vault, tmp_path, monkeypatch):
    (tmp_path / "plain").write_bytes(b"data")
    (tmp_path / "in/deep").mkdir(parents=True)
    ours = tmp_path / "in/.strongroom.toml"
    ours.write_text('project = "other"\n')
    monkeypatch.chdir(tmp_path / "in/deep")
    strongroom.write("a.sealed", b"data")
    strongroom.seal_file(tmp_path / "plain", "b.sealed")
    strongroom.filesystem().pipe_file("c", b"data")
    strongroom.write("d.sealed", b"data", project="acme")
    projects = [strongroom.info(f"{name}.sealed").project for name in "abcd"]
    assert projects == ["other", "other", "other", "acme"]
    for text, why in [
        ('project = "none"\n', "none"),
        ("exclude = []\n", "project is needed"),
        ("vault = 1\n", "vault"),
    ]:
        ours.write_text(text)
        with pytest.raises((strongroom.ProjectNotFound, strongroom.UsageError), match=why):
            strongroom.write("e.sealed", b"data")
    ours.write_text('project = "other"\n')
    ours.chmod(0o666)
    with pytest.raises(strongroom.UsageError, match="other users can change it") as failed:
        strongroom.write("e.sealed", b"data")
    assert failed.value.kind == "project-file" and not Path("e.sealed").exists()


def test_info_says_that_nobody_knows_whether_the_source_was_altered(agent, tmp_path):
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    text = b"id,name\n1,Ada\n" * 20
    text += bytes([16 - len(text) % 16]) * (16 - len(text) % 16)
    cipher = Cipher(algorithms.AES(bytes(range(32))), modes.CBC(bytes(16))).encryptor()
    (tmp_path / "old.enc").write_bytes(bytes(16) + cipher.update(text) + cipher.finalize())
    (tmp_path / "old.key").write_bytes(bytes(range(32)))
    scheme = ["--scheme", "raw-key", "--old-key-file", str(tmp_path / "old.key"), "--mode", "cbc"]
    agent.run("import", "--project", "acme", *scheme, "-o", str(tmp_path / "new.sealed"), str(tmp_path / "old.enc"))
    about = strongroom.info("new.sealed")
    assert about.unauthenticated_source and strongroom.read("new.sealed").startswith(b"id,name")
    strongroom.write("own.sealed", b"data", project="acme")
    assert not strongroom.info("own.sealed").unauthenticated_source
