"""The file of API keys."""

import datetime as dt
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from service import keyfile
from service.keyfile import KeyFileError

SHA256 = "0123456789abcdef" * 4


@pytest.fixture
def file(tmp_path):
    """Name a file that is not there yet."""
    return tmp_path / "keys"


def test_added_key(file):
    """A key is random, and the file tells all of it but the key itself."""
    secret = keyfile.add(file, "newsroom", "admin", "60 per minute")
    assert re.fullmatch(r"crk_[A-Za-z0-9_-]{43}", secret)
    assert secret != keyfile.add(file, "desk")
    first, second = keyfile.read(file)
    today = dt.datetime.now(dt.UTC).date()
    assert (first.name, first.role, first.rate, first.sha256) == (
        "newsroom",
        "admin",
        "60/minute",
        keyfile.digest(secret),
    )
    assert (second.name, second.role, second.rate) == ("desk", "client", None)
    assert today - first.added <= dt.timedelta(days=1)
    assert secret.removeprefix("crk_") not in file.read_text()


def test_mode(file):
    """A new file is its owner's alone; one that the owner's group may read stays so, and the world never may."""
    keyfile.add(file, "newsroom")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.chmod(0o666)
    keyfile.add(file, "desk")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_hand_written_file(file):
    """Columns may be parted by any white space; comments and empty lines say nothing and survive a change."""
    comments = f"# the desk's key\n\ndesk\tclient\t5/second;9/hour\t2024-05-16\t{SHA256}\n  # {'x' * 9}\n"
    file.write_text(f"{comments}old admin - 2024-05-17 {SHA256}")
    desk, old = keyfile.read(file)
    assert desk == keyfile.Key("desk", "client", "5/second;9/hour", dt.date(2024, 5, 16), SHA256)
    assert (old.role, old.rate) == ("admin", None)
    keyfile.add(file, "new")
    keyfile.revoke(file, "old")
    assert [key.name for key in keyfile.read(file)] == ["desk", "new"]
    assert file.read_text().startswith(comments)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"desk client - 2024-05-16 {SHA256} more", "6 columns where there should be name, role"),
        ("desk", "1 columns"),
        (f"d/esk client - 2024-05-16 {SHA256}", "'d/esk' is no name"),
        (f"{'x' * 65} client - 2024-05-16 {SHA256}", "no name"),
        (f"desk root - 2024-05-16 {SHA256}", "'root' is no role: give one of client, admin"),
        (f"desk client fast 2024-05-16 {SHA256}", "'fast' is no rate"),
        (f"desk client - yesterday {SHA256}", "'yesterday' is no day"),
        (f"desk client - 2024-05-16 {SHA256.upper()}", "no SHA-256"),
        (f"good client - 2024-05-16 {SHA256}", "good has a key already"),
    ],
)
def test_bad_line(file, line, told):
    """A bad line is named with file, number and reason, for a reader and before any change."""
    file.write_text(f"# a comment\ngood client - 2024-05-16 {SHA256}\n{line}\n")
    before = file.read_text()
    for change in (keyfile.read, lambda path: keyfile.add(path, "new"), lambda path: keyfile.revoke(path, "good")):
        with pytest.raises(KeyFileError) as refusal:
            change(file)
        assert str(refusal.value).startswith(f"{file}, line 3: ")
        assert told in str(refusal.value)
    assert file.read_text() == before


def test_key_in_place_of_its_hash(file):
    """A key that somebody wrote into the file in clear is not told to the log."""
    file.write_text("desk client - 2024-05-16 crk_secret\n")
    with pytest.raises(KeyFileError) as refusal:
        keyfile.read(file)
    assert "secret" not in str(refusal.value)


@pytest.mark.parametrize("name", ["", "a b", "ü", "a\n", "x" * 65])
def test_bad_name(file, name):
    """A name that could break the file or forge a log line is refused, and nothing is written."""
    with pytest.raises(KeyFileError, match="is no name"):
        keyfile.add(file, name)
    assert not file.exists()


def test_name_is_taken(file):
    """A client has one key."""
    keyfile.add(file, "desk")
    with pytest.raises(KeyFileError, match="revoke it first"):
        keyfile.add(file, "desk")
    assert len(keyfile.read(file)) == 1


def test_unknown_name(file):
    """Who has no key cannot lose it."""
    keyfile.add(file, "desk")
    with pytest.raises(KeyFileError, match="no key of des"):
        keyfile.revoke(file, "des")


def test_unreadable(file, tmp_path):
    """A file that is missing, no text or no file is refused with its name and what to do."""
    with pytest.raises(KeyFileError, match="keys does not exist: make it with  country-relations keys add"):
        keyfile.read(file)
    file.write_bytes(b"\xff")
    with pytest.raises(KeyFileError, match="not UTF-8"):
        keyfile.read(file)
    with pytest.raises(KeyFileError, match="cannot be read"):
        keyfile.read(tmp_path)
    with pytest.raises(KeyFileError, match="make its folder first"):
        keyfile.add(tmp_path / "nowhere" / "keys", "desk")


def test_concurrent_changes(file):
    """Nothing is lost when several people add and revoke keys at once."""
    names = [f"client{number}" for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        secrets = list(pool.map(lambda name: keyfile.add(file, name), names))
        list(pool.map(lambda name: keyfile.revoke(file, name), names[::2]))
    left = {key.name: key.sha256 for key in keyfile.read(file)}
    assert left == dict(zip(names[1::2], map(keyfile.digest, secrets[1::2]), strict=True))
    assert list(file.parent.iterdir()) == [file]


def test_link(file, tmp_path):
    """Where the name is a link, the file behind it changes and the link stays."""
    link = tmp_path / "link"
    link.symlink_to(file)
    keyfile.add(link, "desk")
    assert link.is_symlink()
    assert [key.name for key in keyfile.read(file)] == ["desk"]
