"""The backend of keyring: passwords of programs as secrets of the vault, only if it is asked for."""

import subprocess
import sys
import traceback

import keyring.backend
import keyring.errors
import pytest

import strongroom.keyring
from conftest import PASSWORD

VALUE = "correct-horse-battery"


@pytest.fixture
def ring():
    return strongroom.keyring.Keyring()


def command(home, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "keyring", *arguments],
        env=home.environment() | environment,
        capture_output=True,
        text=True,
        input=VALUE + "\n",
        timeout=60,
    )


def test_installing_it_makes_it_nobodys_keyring(home, monkeypatch):
    monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
    with pytest.raises(RuntimeError, match="STRONGROOM_KEYRING=1"):
        _ = strongroom.keyring.Keyring.priority
    assert not strongroom.keyring.Keyring.viable
    listed = command(home, "--list-backends")
    assert listed.returncode == 0 and "strongroom" not in listed.stdout + listed.stderr
    for asked_for in [
        {"STRONGROOM_KEYRING": "1"},
        {"PYTHON_KEYRING_BACKEND": "strongroom.keyring.Keyring"},
    ]:
        assert "strongroom.keyring.Keyring (priority: 20)" in command(home, "--list-backends", **asked_for).stdout
    monkeypatch.setenv("STRONGROOM_KEYRING", "1")
    assert strongroom.keyring.Keyring.viable


def test_programs_find_their_passwords_through_the_agent(agent, ring):
    asked_for = {"STRONGROOM_KEYRING": "1"}
    assert command(agent, "set", "my-app", "API_KEY", **asked_for).returncode == 0
    got = command(agent, "get", "my-app", "API_KEY", **asked_for)
    assert (got.returncode, got.stdout) == (0, VALUE + "\n")
    assert agent.run("secret", "show", "keyring/my-app/API_KEY", "--field", "password").strip() == VALUE
    assert ring.get_password("my-app", "API_KEY") == VALUE and ring.get_password("my-app", "other") is None
    ring.set_password("my-app", "API_KEY", "the next")
    assert ring.get_password("my-app", "API_KEY") == "the next"
    found = ring.get_credential("my-app", None)
    assert (found.username, found.password) == ("API_KEY", "the next")
    assert ring.get_credential("my-app", "API_KEY").password == "the next"
    assert ring.get_credential("none", None) is None and ring.get_credential("my-app", "other") is None


def test_names_are_not_mixed_up(agent, ring):
    names = [
        ("a/b", "c"),
        ("a", "b/c"),
        ("a%2Fb", "c"),
        ("https://upload.pypi.org/legacy/", "__token__"),
        ("ä b ", "ж "),
    ]
    for number, (service, user) in enumerate(names):
        ring.set_password(service, user, f"value {number}")
    for number, (service, user) in enumerate(names):
        assert ring.get_password(service, user) == f"value {number}"
        assert ring.get_credential(service, None).username == user
    with pytest.raises(keyring.errors.PasswordSetError):
        ring.set_password("x" * 200, "user", VALUE)


def test_deleting_is_for_the_command_line(agent, ring):
    ring.set_password("gone", "user", VALUE)
    with pytest.raises(keyring.errors.PasswordDeleteError, match="strongroom secret remove keyring/gone/user"):
        ring.delete_password("gone", "user")
    agent.run("secret", "remove", "keyring/gone/user", "--yes", "--password-file", "pw")
    with pytest.raises(keyring.errors.PasswordDeleteError, match="no secret"):
        ring.delete_password("gone", "user")


def test_a_locked_vault_is_said_to_be_and_nobody_is_asked(home, ring, monkeypatch):
    monkeypatch.setattr("strongroom._keys._somebody_is_there", lambda: pytest.fail("somebody is asked"))
    for use in [
        lambda: ring.get_password("a", "b"),
        lambda: ring.set_password("a", "b", VALUE),
        lambda: ring.delete_password("a", "b"),
        lambda: ring.get_credential("a", None),
    ]:
        with pytest.raises(keyring.errors.KeyringLocked, match="strongroom unlock") as failed:
            use()
        frames = [frame for frame, _ in traceback.walk_tb(failed.value.__traceback__)]
        own = [frame for frame in frames if frame.f_code.co_filename.endswith("strongroom/keyring.py")]
        assert own and not any(VALUE in repr(value) for frame in own for value in frame.f_locals.values())
    with strongroom.unlock(password=PASSWORD):
        ring.set_password("a", "b", VALUE)
        assert ring.get_password("a", "b") == VALUE
