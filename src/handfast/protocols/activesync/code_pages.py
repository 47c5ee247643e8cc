"""The WBXML tag tables of all 26 code pages, looked up by token and by name. Source: MS-ASWBXML 2.1.2.1."""

from __future__ import annotations

from handfast.protocols.activesync.command_pages import COMMAND_PAGES
from handfast.protocols.activesync.item_pages import ITEM_PAGES

FIRST_TOKEN = 0x05
LAST_TOKEN = 0x3F

_TAGS_BY_PAGE = dict(sorted((COMMAND_PAGES | ITEM_PAGES).items()))

# Page number -> page name, which is the XML namespace.
PAGE_NAMES = dict(_TAGS_BY_PAGE.keys())

# (page number, token) -> tag name, and (page name, tag name) -> (page number, token).
TAG_BY_TOKEN = {
    (number, token): tag
    for (number, _page), tags in _TAGS_BY_PAGE.items()
    for token, tag in enumerate(tags.split(), FIRST_TOKEN)
    if tag != "-"
}
TOKEN_BY_TAG = {(PAGE_NAMES[number], tag): (number, token) for (number, token), tag in TAG_BY_TOKEN.items()}
