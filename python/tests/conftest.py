"""A home with a vault, made by the program itself, and files that it has sealed."""

import os
import subprocess
import threading
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import strongroom

PASSWORD = "tundra-velvet-onion-cobalt-ferry-mosaic"
PROGRAM = os.environ.get("STRONGROOM_PROGRAM") or str(Path(__file__).parents[2] / "target" / "debug" / "strongroom")


class Home:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pw").write_text(PASSWORD + "\n")
        (folder / "run").mkdir(mode=0o700)

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.folder), "XDG_RUNTIME_DIR": str(self.folder / "run"), "PATH": os.environ["PATH"]}

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [PROGRAM, *arguments], cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("home"))
    cheap = "--kdf-memory 64 --kdf-passes 3 --kdf-lanes 4".split()
    home.run("init", "--no-recovery", "--keychain", "file", "--password-file", "pw", *cheap)
    home.run("project", "add", "acme", "--password-file", "pw")
    home.run("project", "add", "other", "--password-file", "pw")
    return home


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(made: Home, monkeypatch: pytest.MonkeyPatch):
    """This process as a person's who has that vault. Nobody can be asked."""
    for name in [name for name in os.environ if name.startswith(("XDG_", "STRONGROOM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(made.folder))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.folder / "run"))
    monkeypatch.setattr("strongroom._keys._somebody_is_there", lambda: False)
    monkeypatch.setattr("strongroom._keys._unlocked", {})
    yield made


@pytest.fixture
def agent(home: Home):
    """The same, with the vault unlocked in an agent."""
    home.run("unlock", "--password-file", "pw")
    yield home
    home.run("lock")


@pytest.fixture
def vault(home: Home):
    """The same, unlocked in this process."""
    with strongroom.unlock(password=PASSWORD) as vault:
        yield vault


@pytest.fixture
def key() -> strongroom.Key:
    return strongroom.Key.generate()


class Requests:
    """What an S3 server was asked for: the method and path of each request, and how many bytes it has answered."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.bytes = 0

    def clear(self) -> None:
        self.seen, self.bytes = [], 0

    def watch(self, application):
        def watched(environ, start_response):
            self.seen.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {environ.get('HTTP_RANGE', '')}")
            for part in application(environ, start_response):
                self.bytes += len(part)
                yield part

        return watched


class Bucket(NamedTuple):
    options: dict
    fs: Any
    requests: Requests


@pytest.fixture(scope="session")
def _server():
    """An S3 server: moto, which keeps everything in memory."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_):
            pass

    requests = Requests()
    application = requests.watch(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", requests
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def bucket(_server):
    """A bucket `box`, empty, and a file system of it. `options` are what reaches it from a URL."""
    import s3fs

    endpoint, requests = _server
    options = {"key": "a", "secret": "b", "endpoint_url": endpoint, "client_kwargs": {"region_name": "eu-central-1"}}
    fs = s3fs.S3FileSystem(**options, use_listings_cache=False)
    if fs.exists("box"):
        fs.rm("box", recursive=True)
    fs.mkdir("box")
    requests.clear()
    return Bucket(options, fs, requests)
