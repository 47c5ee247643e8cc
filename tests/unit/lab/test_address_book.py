"""Whole files and pieces of them."""

import pytest

from handfast.lab.address_book import FULL_FILE, AddressBook
from handfast.lab.http_message import Headers
from handfast.lab.site_names import SiteNames

NAMES = SiteNames()
FOLDER = f"/oab/{NAMES.address_book_id}/"


def get(name, span="", method="GET", size=1000):
    return AddressBook(NAMES, size).answer(method, FOLDER + name, Headers((("Range", span),)))


def test_the_manifest_names_the_file():
    assert FULL_FILE.encode() in get("oab.xml").body


@pytest.mark.parametrize(
    ("span", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=990-", 990, 1000), ("bytes=-5", 995, 1000), ("bytes=999-4000", 999, 1000)],
)
def test_one_piece(span, start, stop):
    whole = get(FULL_FILE)
    piece = get(FULL_FILE, span)
    assert (whole.status, piece.status, len(whole.body)) == (200, 206, 1000)
    assert piece.body == whole.body[start:stop]
    assert Headers(piece.headers).get("Content-Range") == f"bytes {start}-{stop - 1}/1000"


@pytest.mark.parametrize("span", ["bytes=1000-", "bytes=5-4", "bytes=-0"])
def test_nothing_lies_there(span):
    assert get(FULL_FILE, span).status == 416


@pytest.mark.parametrize("span", ["bytes=0-1,5-6", "lines=1-2", "bytes=-"])
def test_other_ranges_mean_everything(span):
    assert get(FULL_FILE, span).status == 200


def test_only_reading_of_known_files():
    assert get(FULL_FILE, method="POST").status == 405
    assert get("../secret").status == get("").status == 404
    assert AddressBook(NAMES).answer("GET", "/oab/other/oab.xml", Headers()).status == 404
