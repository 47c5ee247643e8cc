"""Every `handfast` command that the documentation shows exists, with every option shown; and no link leads nowhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handfast.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`(handfast [^`]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
WORDS_BEFORE = {"sudo", "env", "&&"}


def shell_commands(text: str) -> Iterator[list[str]]:
    """The words after `handfast` of each command in a page's ```sh blocks."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            for index, word in enumerate(words):
                is_first = all(before in WORDS_BEFORE or before == "!" for before in words[:index])
                if Path(word).name == "handfast" and (is_first or words[index - 1] in WORDS_BEFORE):
                    yield _until_operator(words[index + 1 :])


def _until_operator(words: list[str]) -> list[str]:
    ends = [index for index, word in enumerate(words) if word in {"&&", "|", "||", ";", ">"}]
    return words[: ends[0]] if ends else words


def inline_commands(text: str) -> Iterator[list[str]]:
    """The same for commands that a sentence names."""
    for command in INLINE.findall(text):
        yield shlex.split(command)[1:]


def shown() -> list[tuple[str, ...]]:
    found = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found |= {tuple(words) for words in (*shell_commands(text), *inline_commands(text))}
    return sorted(found)


@cache
def help_of(verb: tuple[str, ...]) -> str | None:
    """What `--help` prints; None where there is no such verb."""
    result = CliRunner().invoke(app, [*verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
    return result.stdout if result.exit_code == 0 else None


def verb_of(words: tuple[str, ...]) -> tuple[str, ...]:
    """The longest run of leading words that is a verb; () where the first is none."""
    named = tuple(word for word in words[:2] if not word.startswith("-"))
    for length in (2, 1):
        verb = named[:length]
        text = help_of(verb) if len(verb) == length else None
        if text is not None and (length == 2 or "COMMAND [ARGS]" not in text):
            # click takes `explain REQUEST_ID --help` for the verb `explain`: the usage line tells.
            return verb if f"handfast {' '.join(verb)} " in " ".join(text.split()) else verb[:1]
    return ()


def test_the_documentation_shows_commands():
    assert len(shown()) > 40


@pytest.mark.parametrize("words", shown(), ids=" ".join)
def test_a_shown_command_exists_with_its_options(words):
    verb = verb_of(words)
    assert verb, f"there is no `handfast {' '.join(words)}`"
    text = help_of(verb)
    assert text is not None
    for word in words:
        if word.startswith("-"):
            option = word.partition("=")[0]
            assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), (
                f"{option} is no option of {verb}"
            )


def test_what_does_not_exist_is_found():
    assert list(shell_commands("```sh\nsudo handfast nonsense --now   # why\n```\n")) == [
        ["nonsense", "--now"]
    ]
    assert verb_of(("nonsense", "--now")) == ()
    assert verb_of(("account", "nonsense")) == ()
    assert verb_of(("device", "block", "a", "b")) == ("device", "block")
    assert verb_of(("explain", "ID")) == ("explain",)


def anchors(page: Path) -> set[str]:
    """The headings of a page as a forge names them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_leads_nowhere(page):
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


FILE = re.compile(r"`([a-z_0-9]+(?:/[a-z_0-9]+)+(?:\.py|/))`")


def test_the_files_that_the_request_flow_names_are_there():
    text = (ROOT / "docs" / "request-flow.md").read_text(encoding="utf-8")
    named = FILE.findall(text)
    assert len(named) > 20
    assert [
        name for name in named if name != "src/handfast/" and not (ROOT / "src/handfast" / name).exists()
    ] == []
