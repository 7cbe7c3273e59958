"""Where keys come from, and where they never go."""

import base64
import copy
import getpass
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

import strongroom
from conftest import PASSWORD

BYTES = bytes(range(32))
TEXT = base64.b64encode(BYTES).decode()


def test_the_agent_is_the_first_source(agent, tmp_path):
    strongroom.write("a.sealed", b"data", project="acme")
    assert strongroom.read("a.sealed") == b"data"
    assert strongroom.info("a.sealed")[3:5] == ("acme", 1)
    vault = strongroom.unlock()
    assert vault.is_agents and [project.name for project in vault.projects()] == ["acme", "other"]
    with pytest.raises(strongroom.ProjectNotFound):
        strongroom.write("b.sealed", b"data", project="acme-2")
    with pytest.raises(ValueError, match="project"):
        strongroom.write("b.sealed", b"data")
    assert not Path("b.sealed").exists()


def test_a_locked_vault_is_said_to_be(home, tmp_path):
    strongroom.write("a.sealed", b"data", key=strongroom.Key.generate())
    with pytest.raises(strongroom.AgentError, match="strongroom unlock"):
        strongroom.open("a.sealed")
    with pytest.raises(strongroom.AgentError):
        strongroom.unlock()
    # A file that is missing is said first.
    with pytest.raises(FileNotFoundError):
        strongroom.open("missing.sealed")


def test_what_unlock_opened_is_used_until_it_is_closed(home, tmp_path):
    with strongroom.unlock(password=PASSWORD) as vault:
        assert not vault.is_agents and vault.keys("acme") == [(1, True)]
        strongroom.write("a.sealed", b"data", project="acme")
        assert strongroom.read("a.sealed", vault=vault) == b"data"
        file = strongroom.open("a.sealed")
    assert vault.closed and file.read() == b"data"
    with pytest.raises(strongroom.AgentError):
        strongroom.read("a.sealed")
    with pytest.raises(strongroom.ClosedError):
        vault.projects()
    with pytest.raises(strongroom.ClosedError):
        strongroom.read("a.sealed", vault=vault)


def test_a_person_is_asked_until_the_password_is_right(home, monkeypatch, capsys):
    answers = iter(["wrong-wrong", PASSWORD])
    asked = []
    monkeypatch.setattr("strongroom._keys._somebody_is_there", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or next(answers))
    strongroom.write("a.sealed", b"data", project="acme")
    assert strongroom.read("a.sealed") == b"data"
    assert len(asked) == 2, "once it is unlocked, nobody is asked again"
    assert "wrong password" in capsys.readouterr().err


def test_three_wrong_passwords_are_enough(home, monkeypatch):
    asked = []
    monkeypatch.setattr("strongroom._keys._somebody_is_there", lambda: True)
    monkeypatch.setattr(getpass, "getpass", lambda prompt: asked.append(prompt) or "wrong-wrong")
    with pytest.raises(strongroom.WrongPassword) as failed:
        strongroom.unlock()
    assert len(asked) == 3 and failed.value.kind == "wrong-password"


def test_a_vault_can_be_named(home, tmp_path):
    with pytest.raises(strongroom.NotFound):
        strongroom.unlock(password=PASSWORD, vault=tmp_path / "nowhere")
    folder = home.folder / ".local/share/strongroom"
    with strongroom.unlock(password=PASSWORD, vault=folder) as vault:
        assert vault.path == str(folder / "vault.json")
        strongroom.write("a.sealed", b"data", project="acme", vault=folder)


def test_an_older_vault_file_warns_and_seals_nothing(home, tmp_path):
    file = home.folder / ".local/share/strongroom/vault.json"
    older = file.read_bytes()
    home.run("project", "add", "later", "--password-file", "pw")
    newer = file.read_bytes()
    try:
        file.write_bytes(older)
        with pytest.warns(RuntimeWarning, match="older"):
            vault = strongroom.unlock(password=PASSWORD)
        with pytest.raises(strongroom.RolledBackError) as failed:
            strongroom.write("a.sealed", b"data", project="acme", vault=vault)
        assert failed.value.kind == "rolled-back" and not Path("a.sealed").exists()
    finally:
        file.write_bytes(newer)


def test_projects_are_added(vault):
    added = vault.add_project("new-one", client="Ada")
    assert added == ("new-one", "Ada", "") and added in vault.projects()
    with pytest.raises(strongroom.StrongroomError) as failed:
        vault.add_project("new-one")
    assert failed.value.kind == "project-exists"
    with pytest.raises(ValueError):
        vault.add_project("")


def test_an_exported_key_opens_its_project_alone(agent, tmp_path):
    strongroom.write("a.sealed", b"data", project="acme")
    strongroom.write("b.sealed", b"data", project="other")
    (tmp_path / "key").write_text(agent.run("key", "show", "acme", "--format", "base64"))
    key = strongroom.Key.from_file(tmp_path / "key", project="acme")
    assert strongroom.read("a.sealed", key=key) == b"data"
    with pytest.raises(strongroom.WrongKeyError):
        strongroom.read("b.sealed", key=key)
    strongroom.write("c.sealed", b"more", key=key)
    assert strongroom.read("c.sealed") == b"more"
    with pytest.raises(ValueError):
        strongroom.write("d.sealed", b"more", key=key, project="other")


def test_every_form_of_a_key_is_read(tmp_path):
    keys = [strongroom.Key.from_base64(TEXT)]
    for form in [BYTES, TEXT.encode() + b"\n", BYTES.hex().encode() + b"\n"]:
        (tmp_path / "key").write_bytes(form)
        keys.append(strongroom.Key.from_file(tmp_path / "key"))
    strongroom.write(tmp_path / "a.sealed", b"data", key=keys[0])
    assert {strongroom.read(tmp_path / "a.sealed", key=key) for key in keys} == {b"data"}
    for text in [TEXT[:-2], TEXT + "AAAA", "", "x" * 44]:
        with pytest.raises(ValueError) as failed:
            strongroom.Key.from_base64(text)
        assert not text or text not in str(failed.value)


def shows_key(text: str | bytes) -> bool:
    text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    forms = [BYTES, TEXT.encode(), BYTES.hex().encode(), repr(BYTES).encode(), PASSWORD.encode()]
    return any(form[:8] in text for form in forms)


def test_no_key_is_shown_or_written_out(vault, tmp_path):
    assert shows_key(f"a {TEXT}") and not shows_key("a")
    key = strongroom.Key.from_base64(TEXT, project="acme")
    assert repr(key) == 'Key(project="acme")' and repr(strongroom.Key.from_base64(TEXT)) == "Key()"
    for secret in [key, vault]:
        for shown in [repr(secret), str(secret), f"{secret}", str(vars(type(secret)).keys())]:
            assert not shows_key(shown)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError, match="cannot pickle"):
                pickle.dumps(secret, protocol)
        for duplicate in [copy.copy, copy.deepcopy]:
            with pytest.raises(TypeError):
                duplicate(secret)
        for way in [bytes, bytearray, memoryview, iter, len, int]:
            with pytest.raises(TypeError):
                way(secret)
    strongroom.write(tmp_path / "a.sealed", b"data", key=key)
    strongroom.write(tmp_path / "b.sealed", b"data", project="acme")
    failures = [
        lambda: strongroom.read(tmp_path / "b.sealed", key=key),
        lambda: strongroom.read(tmp_path / "a.sealed", key=TEXT),
        lambda: strongroom.read(tmp_path / "a.sealed"),
    ]
    for failing in failures:
        with pytest.raises((strongroom.StrongroomError, TypeError)) as failed:
            failing()
        # With the values of all variables of the package's own frames, as rich and cgitb show them.
        frames = [frame for frame, _ in traceback.walk_tb(failed.value.__traceback__)]
        own = [frame for frame in frames if "strongroom" in Path(frame.f_code.co_filename).parts]
        assert own and not any(
            shows_key(repr(value)) for frame in own for name, value in frame.f_locals.items() if value != TEXT
        )
        assert not shows_key("".join(traceback.format_exception(failed.value)))


def test_a_wrong_password_is_in_no_variable_of_a_traceback(home):
    with pytest.raises(strongroom.WrongPassword) as failed:
        strongroom.unlock(password="tundra-velvet-wrong")
    frames = [frame for frame, _ in traceback.walk_tb(failed.value.__traceback__)]
    own = [frame for frame in frames if frame.f_code.co_filename.endswith("_keys.py")]
    assert own
    assert not any("tundra-velvet" in repr(value) for frame in own for value in frame.f_locals.values())


def test_the_import_is_cheap():
    code = "import sys, strongroom; print([m for m in ('fsspec', 'keyring', 'numpy', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
