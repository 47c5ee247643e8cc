"""docs/exchange-rules.md lists the rules as they are.

`HANDFAST_REGENERATE=1 pytest tests/unit/test_exchange_rules_page.py` writes the tables anew; reviewing the diff is the test.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from handfast.decision.rules.ews_denials import EWS_DENIALS, GENERAL_DENIALS
from handfast.decision.rules.ews_operations import ALLOWED_HEADERS, ALLOWED_OPERATIONS, ALLOWED_PARTS
from handfast.decision.rules.exchange import EXCHANGE_RULES, REDIRECT_RULES
from handfast.decision.rules.exchange_denials import EXCHANGE_DENIALS
from handfast.decision.rules.path_rule import PathRule, QueryShape

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exchange-rules.md"
QUERIES = {
    QueryShape.NONE: "none",
    QueryShape.ACTIVESYNC: "ActiveSync's own",
    QueryShape.MAILBOX: "`MailboxId=GUID@domain`, `useMailboxOfAuthenticatedUser=true`, or none",
    QueryShape.USER_PHOTO: "`email`, `size`",
    QueryShape.AUTODISCOVER_JSON: "`Email`, `Protocol`, `RedirectCount`",
    QueryShape.AUTODISCOVER_JSON_IN_PATH: "`Protocol`, `RedirectCount`",
}
PATTERNS = {
    "oab": "`/OAB/GUID/oab.xml`, `/OAB/GUID/*.lzx`",
    "autodiscover-json-v1": "`/autodiscover/autodiscover.json/v1.0/ADDRESS`",
}


def rule_rows() -> Iterator[str]:
    yield "| rule | channel | path | methods | query | body |"
    yield "|---|---|---|---|---|---|"
    for rule in (*EXCHANGE_RULES, *REDIRECT_RULES):
        types = ", ".join(f"`{one}`" for one in sorted(rule.content_types)) or "any"
        body = "answered here" if rule.own_answer else types
        yield (
            f"| `{rule.name}` | {rule.channel.value} | {paths_of(rule)} | {', '.join(sorted(rule.methods))}"
            f" | {QUERIES[rule.query]} | {body} |"
        )


def paths_of(rule: PathRule) -> str:
    return PATTERNS.get(rule.name) or ", ".join(f"`{rule.spell(path)}`" for path in sorted(rule.paths))


def denial_rows() -> Iterator[str]:
    yield "| rule | since | what | source |"
    yield "|---|---|---|---|"
    for denial in EXCHANGE_DENIALS:
        yield f"| `{denial.name}` | {denial.since} | {denial.why} | {denial.source} |"


def operation_rows() -> Iterator[str]:
    yield "| defined in | operations |"
    yield "|---|---|"
    for source in dict.fromkeys(ALLOWED_OPERATIONS.values()):
        names = (f"`{name}`" for name, defined_in in ALLOWED_OPERATIONS.items() if defined_in == source)
        yield f"| {source} | {', '.join(names)} |"


def ews_denial_rows() -> Iterator[str]:
    yield "| rule | since | operations | what | source |"
    yield "|---|---|---|---|---|"
    for denial in (*EWS_DENIALS, *GENERAL_DENIALS):
        names = ", ".join(f"`{name}`" for name in sorted(denial.operations)) or "any"
        part = f" with `{denial.part}`" if denial.part else ""
        yield f"| `{denial.name}` | {denial.since} | {names}{part} | {denial.why} | {denial.source} |"


def with_tables(page: str) -> str:
    for name, rows in (
        ("rules", rule_rows()),
        ("denials", denial_rows()),
        ("operations", operation_rows()),
        ("ews-denials", ews_denial_rows()),
    ):
        table = f"<!-- {name}: begin -->\n\n" + "\n".join(rows) + f"\n\n<!-- {name}: end -->"
        page = re.sub(
            f"<!-- {name}: begin -->.*?<!-- {name}: end -->", lambda _, new=table: new, page, flags=re.DOTALL
        )
    return page


def test_the_page_lists_the_rules_as_they_are():
    page = PAGE.read_text(encoding="utf-8")
    wanted = with_tables(page)
    if os.environ.get("HANDFAST_REGENERATE"):
        PAGE.write_text(wanted, encoding="utf-8")
        page = wanted
    assert page == wanted
    denials = (*EXCHANGE_DENIALS, *EWS_DENIALS, *GENERAL_DENIALS)
    for name in (*(rule.name for rule in EXCHANGE_RULES), *(denial.name for denial in denials)):
        assert f"| `{name}` |" in page
    assert all(f"`{name}`" in page for name in (*ALLOWED_OPERATIONS, *ALLOWED_HEADERS, *ALLOWED_PARTS))
