from datetime import UTC, datetime
from pathlib import Path

import pytest

from handfast.keys.key_file import KeyFileError, create_key_file, load_key_file, rotate_key_file

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_created_file_is_private_and_loads(tmp_path: Path):
    path = tmp_path / "handfast.key"
    key = create_key_file(path, now=NOW)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key_file(path) == (key,)
    assert len(key.secret) == 32
    assert key.secret.hex() not in repr(key)
    assert repr(key.secret) not in repr(key)


def test_two_files_differ(tmp_path: Path):
    assert create_key_file(tmp_path / "a", now=NOW).secret != create_key_file(tmp_path / "b", now=NOW).secret


def test_rotation_keeps_older_keys_first(tmp_path: Path):
    path = tmp_path / "handfast.key"
    first = create_key_file(path, now=NOW)
    second = rotate_key_file(path, now=NOW)
    assert load_key_file(path) == (first, second)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["handfast.key"]


def test_an_existing_file_is_never_overwritten(tmp_path: Path):
    path = tmp_path / "handfast.key"
    key = create_key_file(path, now=NOW)
    with pytest.raises(KeyFileError, match="exists already"):
        create_key_file(path, now=NOW)
    assert load_key_file(path) == (key,)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_others_may_use_is_refused(tmp_path: Path, mode: int):
    path = tmp_path / "handfast.key"
    create_key_file(path, now=NOW)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_key_file(path)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda text: text.replace("handfast-keys 1", "handfast-keys 2"), "first line"),
        (lambda text: "", "first line"),
        (lambda text: text.splitlines()[0] + "\n", "no key"),
        (lambda text: text + text.splitlines()[-1] + "\n", "repeats"),
        (lambda text: text.replace("key ", "kay "), "line 3"),
        (lambda text: text[:-6] + "\n", "line 3"),
        (lambda text: text.replace("+00:00", ""), "line 3"),
        (lambda text: text + "\xe4", "plain text"),
        (lambda text: text + "#" * 70000, "too long"),
    ],
)
def test_a_damaged_file_says_what_is_wrong_and_no_key(tmp_path: Path, edit, said: str):
    path = tmp_path / "handfast.key"
    create_key_file(path, now=NOW)
    text = path.read_text()
    secret = text.split()[-1]
    path.write_text(edit(text), encoding="latin-1")
    with pytest.raises(KeyFileError, match=said) as caught:
        load_key_file(path)
    assert secret[:12] not in str(caught.value)


def test_a_missing_file_names_its_remedy(tmp_path: Path):
    with pytest.raises(KeyFileError, match="handfast init"):
        load_key_file(tmp_path / "none")
    with pytest.raises(KeyFileError, match="regular file"):
        tmp_path.chmod(0o700)
        load_key_file(tmp_path)
    with pytest.raises(KeyFileError, match="Check the folder"):
        create_key_file(tmp_path / "no" / "folder", now=NOW)
