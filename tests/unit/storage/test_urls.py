"""Which databases are taken, and how the password joins."""

from __future__ import annotations

from pathlib import Path

import pytest

from handfast.storage.urls import engine_url, sqlite_path


def test_sqlite_names_a_file() -> None:
    assert sqlite_path("sqlite:////var/lib/x.db") == Path("/var/lib/x.db")
    assert sqlite_path("postgresql://h/x") is None


def test_a_password_from_a_file_joins_but_is_not_shown() -> None:
    url = engine_url("postgresql://u@h/x", "s3cret")
    assert (url.drivername, url.password) == ("postgresql+psycopg", "s3cret")
    assert "s3cret" not in str(url)
    assert "s3cret" not in repr(url)


@pytest.mark.parametrize("url", ["mysql://h/x", "sqlite://", "sqlite:///:memory:", "no url", ""])
def test_others_are_refused_with_a_remedy(url) -> None:
    with pytest.raises(ValueError, match=r"identity\.database.*sqlite:////"):
        engine_url(url)
