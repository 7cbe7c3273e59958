"""Forks, ends of the interpreter, exceptions, and agents that lock, die or answer for one project only."""

import contextlib
import hashlib
import io
import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pandas as pd
import pytest

import strongroom
from conftest import PASSWORD, PROGRAM, Home


def of_child(work) -> int:
    """Do something in a child of fork, and return its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        # Were it to wait for a lock that nobody gives up.
        signal.alarm(20)
        try:
            code = 0 if work() else 1
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def script(text: str, home: Home, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *options, "-c", text], env=home.environment(), capture_output=True, text=True, timeout=60
    )


def test_a_hundred_forks_while_other_threads_read(home):
    """In an interpreter of its own: what else the tests have imported would be copied each time."""
    text = """
import os, signal, threading, strongroom
key = strongroom.Key.generate()
plain = os.urandom(3_000_000)
strongroom.write("a.sealed", plain, key=key)
file, other = strongroom.open("a.sealed", key=key), strongroom.open("a.sealed", key=key)
done, wrong, reads = threading.Event(), [], []

def read_on():
    while not done.is_set():
        file.seek(0)
        reads.append(1)
        if file.read(200_000) != plain[:200_000]:
            wrong.append(1)

def is_right():
    file.seek(1000)
    new = strongroom.open("a.sealed", key=key)
    return (
        file.read(300_000) == plain[1000:301_000]
        and other.read(100_000) == plain[:100_000]
        and new.read_at(2_000_000, 5) == plain[2_000_000:2_000_005]
    )

threads = [threading.Thread(target=read_on) for _ in range(2)]
for thread in threads:
    thread.start()
codes = []
for _ in range(100):
    child = os.fork()
    if child == 0:
        # Were it to wait for a lock that nobody gives up.
        signal.alarm(20)
        os._exit(0 if is_right() else 1)
    codes.append(os.waitpid(child, 0)[1])
done.set()
for thread in threads:
    thread.join()
print(codes.count(0), len(wrong), len(reads) > 100)
"""
    done = script(text, home, "-W", "ignore::DeprecationWarning")
    assert (done.returncode, done.stdout, done.stderr) == (0, "100 0 True\n", "")


def test_a_child_asks_the_agent_on_a_connection_of_its_own(agent):
    strongroom.write("a.sealed", b"data", project="acme")
    vault = strongroom.unlock()
    assert len(vault.projects()) == 2

    def ask() -> bool:
        return len(vault.projects()) == 2 and strongroom.read("a.sealed", vault=vault) == b"data"

    assert of_child(ask) == 0 and ask()


def test_a_child_leaves_files_alone_that_its_parent_writes(key):
    with strongroom.open("a.sealed", "wb", key=key) as file:
        file.write(b"first ")

        def end() -> bool:
            with pytest.raises(ValueError):
                file.write(b"child")
            file.close()
            return not os.path.exists("a.sealed")

        assert of_child(end) == 0
        file.write(b"second")
    assert strongroom.read("a.sealed", key=key) == b"first second"


def test_the_interpreter_ends_with_an_open_writer(home):
    text = """
import strongroom
key = strongroom.Key.generate()
strongroom.write("old.sealed", b"old", key=key)
file = strongroom.open("old.sealed", "wb", key=key)
file.write(b"half" * 1_000_000)
class Holder: pass
Holder.file, Holder.itself = strongroom.open("new.sealed", "xb", key=key), Holder
Holder.file.write(b"half")
import hashlib, pathlib
print(hashlib.sha256(pathlib.Path("old.sealed").read_bytes()).hexdigest())
"""
    for options in [(), ("-W", "always")]:
        done = script(text, home, *options)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr
        assert ("ResourceWarning" in done.stderr) == bool(options)
        assert os.listdir() == ["old.sealed"]
        assert hashlib.sha256(Path("old.sealed").read_bytes()).hexdigest() == done.stdout.strip()


def test_the_interpreter_ends_while_a_thread_reads(home):
    text = """
import strongroom, threading, time
key = strongroom.Key.generate()
strongroom.write("a.sealed", bytes(8_000_000), key=key)
def read():
    while True:
        with strongroom.open("a.sealed", key=key) as file:
            while file.read(1_000_000): pass
for _ in range(3): threading.Thread(target=read, daemon=True).start()
time.sleep(0.1)
"""
    for _ in range(5):
        done = script(text, home)
        assert (done.returncode, done.stderr) == (0, "")


def test_an_exception_through_pandas_leaves_no_file(vault):
    class Bad:
        def __str__(self) -> str:
            raise KeyError("in the middle")

    frame = pd.DataFrame({"a": [1] * 100_000 + [Bad()]})

    def by_wrapper() -> None:
        with io.TextIOWrapper(strongroom.open("out.csv.sealed", "wb", project="acme")) as text:
            frame.to_csv(text)

    for write in [
        lambda: frame.to_csv("strongroom://out.csv", storage_options={"project": "acme"}),
        lambda: frame.to_csv("strongroom://out.csv.gz", storage_options={"project": "acme"}),
        by_wrapper,
    ]:
        with pytest.raises(KeyError), pytest.warns(ResourceWarning, match="was not written"):
            write()
        assert os.listdir() == []


def test_no_file_is_pickled(vault, bucket):
    fs = strongroom.filesystem(bucket.fs, project="acme")
    fs.pipe_file("box/a", b"data")
    with fs.open("box/a") as file, pytest.raises(TypeError):
        pickle.dumps(file)
    with fs.open("box/b", "wb") as file, pytest.raises(TypeError):
        pickle.dumps(file)


@pytest.fixture
def one_project(home: Home):
    home.run("unlock", "--project", "acme", "--password-file", "pw")
    yield home
    home.run("lock")


def agents(home: Home) -> list[int]:
    """The processes of the agent."""
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if process.name.isdigit() and os.readlink(process / "exe") == os.path.realpath(PROGRAM):
                if f"HOME={home.folder}".encode() in (process / "environ").read_bytes():
                    found.append(int(process.name))
    return found


def kill(home: Home) -> None:
    processes = agents(home)
    assert len(processes) == 1
    os.kill(processes[0], signal.SIGKILL)
    while agents(home):
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["locked", "killed"])
def test_an_agent_that_is_gone_between_open_and_read(home, how):
    home.run("unlock", "--password-file", "pw")
    plain = os.urandom(2_000_000)
    strongroom.write("a.sealed", plain, project="acme")
    vault = strongroom.unlock()
    reading, writing = strongroom.open("a.sealed"), strongroom.open("b.sealed", "wb", project="acme")
    writing.write(b"half")
    home.run("lock") if how == "locked" else kill(home)
    # The content key of an open file is in this process.
    assert reading.read() == plain
    for ask in [
        lambda: strongroom.open("a.sealed"),
        lambda: strongroom.open("c.sealed", "wb", project="acme"),
        lambda: strongroom.open("a.sealed", vault=vault),
        vault.projects,
        # Whether the key is still in the vault cannot be known.
        writing.close,
        strongroom.unlock,
    ]:
        with pytest.raises(strongroom.AgentError) as failed:
            ask()
        assert failed.value.kind == "agent"
    assert os.listdir() == ["a.sealed"]
    # A vault that this process has unlocked is used then.
    with strongroom.unlock(password=PASSWORD):
        assert strongroom.read("a.sealed") == plain


def test_an_agent_for_one_project(one_project):
    key = strongroom.Key.generate()
    strongroom.write("acme.sealed", b"acme's", project="acme")
    assert strongroom.read("acme.sealed") == b"acme's"
    assert [project.name for project in strongroom.unlock().projects()] == ["acme"]
    with strongroom.unlock(password=PASSWORD) as vault:
        strongroom.write("other.sealed", b"other's", project="other", vault=vault)
        for refused in [
            lambda: strongroom.read("other.sealed"),
            lambda: strongroom.open("new.sealed", "wb", project="other"),
        ]:
            with pytest.raises(strongroom.AgentError, match="for other projects"):
                refused()
        # It is asked first, whatever this process has unlocked; a vault that is named is taken.
        assert strongroom.read("other.sealed", vault=vault) == b"other's"
    strongroom.write("key.sealed", b"a key's", key=key)
    with pytest.raises(strongroom.AgentError):
        strongroom.read("key.sealed")
    assert strongroom.read("key.sealed", key=key) == b"a key's"
