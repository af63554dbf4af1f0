"""``[notifications]``: what may stand there, and where secrets come from."""

from __future__ import annotations

from pathlib import Path

import pytest

from modeldeck.domain.notifying.settings import Settings, settings_from_table
from modeldeck.domain.schema import parse_toml
from modeldeck.errors import InvalidInputError, ModelDeckError, NotFoundError, NotPermittedError
from modeldeck.services.notifying import consent


def read(text: str) -> Settings:
    """Read a table."""
    return settings_from_table(parse_toml(text, "modeldeck.toml").table("notifications"))


def test_settings_are_read_as_they_are_written() -> None:
    """A webhook, a chat room and a command, with what they are told."""
    found = read(
        '[notifications]\nsender = "ops"\n'
        '[notifications.receivers.audit]\nkind = "webhook"\nurl = "https://example.org/x?y=1"\n'
        'secret = "file:audit"\nevents = ["decided"]\ntimeout = "5s"\n'
        '[notifications.receivers.chat]\nkind = "slack"\nurl = "env:MODELDECK_CHAT"\n'
        '[notifications.receivers.desk]\nkind = "command"\ncommand = ["true"]\npeople = ["ann"]\n'
    )
    assert found.sender == "ops"
    audit, chat, desk = found.receivers
    assert audit.wants("decided", ())
    assert not audit.wants("mention", ("ann",))
    assert chat.is_own
    assert not audit.is_own
    assert desk.wants("mention", ("ann", "bob"))
    assert not desk.wants("decided", ("bob",))
    assert audit.digest != chat.digest
    assert read("") == Settings()


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('kind = "pigeon"', "line 2"),
        ('kind = "webhook"', "expected http"),
        ('kind = "webhook"\nurl = "file:///etc/passwd"', "line 3"),
        ('kind = "webhook"\nurl = "https://ann:pw@example.org"', "no password"),
        ('kind = "webhook"\nurl = "https://example.org:99999/"', "expected http"),
        ('kind = "webhook"\nurl = "https://x\\r\\nHost: y"', "expected http"),
        ('kind = "webhook"\nurl = "https://x"\nsecret = "hunter2"', "does not belong"),
        ('kind = "webhook"\nurl = "https://x"\nsecret = "env:AWS_SECRET_ACCESS_KEY"', "MODELDECK_"),
        ('kind = "webhook"\nurl = "https://x"\nsecret = "file:../../.ssh/id_ed25519"', "file:NAME"),
        ('kind = "slack"\nurl = "https://hooks.example.org/T0/B0/x"', "a secret"),
        ('kind = "command"', "a list of texts"),
        ('kind = "command"\ncommand = "rm"', "a list"),
        ('kind = "command"\ncommand = ["a"]\nsecret = "env:MODELDECK_X"', "has none"),
        ('kind = "command"\ncommand = ["a"]\nevents = ["decide"]', "is none of"),
        ('kind = "command"\ncommand = ["a"]\ntimeout = "1h"', "1s to 300s"),
        ('kind = "command"\ncommand = ["a"]\nretries = 3', "no such setting"),
    ],
)
def test_setting_that_is_wrong_is_named_with_its_line(lines: str, says: str) -> None:
    """Nothing is contacted that is not written as it has to be."""
    with pytest.raises(InvalidInputError) as caught:
        read(f"[notifications.receivers.one]\n{lines}\n")
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert "modeldeck.toml" in caught.value.message


def test_secret_file_has_to_be_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that others can read, that is a link, or that is empty is refused."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = consent.secret_folder() / "audit"
    with pytest.raises(NotFoundError):
        consent.resolve("file:audit")
    path.parent.mkdir(parents=True)
    path.write_text("hush\n")
    path.chmod(0o644)
    with pytest.raises(NotPermittedError, match="read by others"):
        consent.resolve("file:audit")
    path.chmod(0o600)
    assert consent.resolve("file:audit") == "hush"
    (path.parent / "link").symlink_to(path)
    path.with_name("empty").touch(0o600)
    for name in ("link", "empty"):
        with pytest.raises(ModelDeckError):
            consent.resolve(f"file:{name}")
    with pytest.raises(NotFoundError, match="MODELDECK_NOTHING"):
        consent.resolve("env:MODELDECK_NOTHING")
    monkeypatch.setenv("MODELDECK_SOMETHING", "x")
    assert consent.resolve("env:MODELDECK_SOMETHING") == "x"
