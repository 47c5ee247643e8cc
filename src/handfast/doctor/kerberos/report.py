"""The check as one HTML page that stands for itself: nothing is fetched, nothing runs, everything is escaped by lxml.

What lxml does not take (control characters, which XML has none of), and what would turn a line around, is shown by its number.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from lxml import html
from lxml.html import builder as h

from handfast.doctor.findings import Severity
from handfast.doctor.kerberos.facts import Setup
from handfast.doctor.kerberos.findings import KerberosFinding
from handfast.protocols.printed import one_line

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #1b2530 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #d5dbe1 }
article { border-left: 4px solid #c77700; padding: .2rem 1rem; margin: 1rem 0; background: #fffaf2 }
article.error { border-color: #b3261e; background: #fdf3f2 }
pre { background: #eef2f5; padding: .6rem; overflow-x: auto } small { color: #55616d }
"""


def render_report(setup: Setup, findings: Sequence[KerberosFinding], at: datetime) -> str:
    """The whole page."""
    title = one_line(f"Kerberos check of {setup.realm}")
    page = h.E.html(
        h.HEAD(h.META(charset="utf-8"), h.TITLE(title), h.STYLE(_STYLE)),
        h.BODY(
            h.H1(title),
            h.P(f"{at:%Y-%m-%d %H:%M} UTC. {_summary(findings)}"),
            h.H2("What was looked at"),
            _seen(setup),
            h.H2("Findings"),
            *([_finding(one) for one in findings] or [h.P("None.")]),
            *_trial(setup),
        ),
        lang="en",
    )
    text: str = html.tostring(page, encoding="unicode", pretty_print=True)
    return "<!DOCTYPE html>\n" + text


def _summary(findings: Sequence[KerberosFinding]) -> str:
    errors = sum(one.severity is Severity.ERROR for one in findings)
    if not findings:
        return "Nothing is wrong."
    return f"{errors} error(s), {len(findings) - errors} warning(s)."


def _seen(setup: Setup) -> html.HtmlElement:
    account = "not found" if setup.account is None else setup.account.distinguished_name
    rows = [
        ("Service account", f"{setup.principal}@{setup.realm}: {account}"),
        ("Keytab", f"{setup.keytab_path}: {len(setup.keytab)} key(s)"),
    ]
    rows += [
        (f"Publication {one.publication}", f"{one.spn}, back ends {', '.join(one.hosts)}")
        for one in setup.services
    ]
    rows += [("Tickets taken for", spn) for spn in setup.accepts]
    return h.TABLE(*(h.TR(h.TH(one_line(name)), h.TD(one_line(value))) for name, value in rows))


def _finding(finding: KerberosFinding) -> html.HtmlElement:
    parts = [
        h.H3(finding.id.meaning[:1].upper() + finding.id.meaning[1:]),
        h.P(one_line(finding.what)),
        h.P(h.B("Remedy: "), one_line(finding.remedy)),
    ]
    for name, lines in (
        ("Windows (not tried by us)", finding.commands.powershell),
        ("Samba", finding.commands.samba),
    ):
        if lines:
            parts += [h.SMALL(name), h.PRE("\n".join(lines))]
    parts.append(h.SMALL(finding.id.value))
    return h.ARTICLE(*parts, h.CLASS(finding.severity.value))


def _trial(setup: Setup) -> list[html.HtmlElement]:
    trial = setup.trial
    if trial is None:
        return []
    tried = [(one.spn, one.problem or "ticket obtained") for one in trial.tickets]
    tried += [(one.url, one.problem or f"HTTP {one.status}") for one in trial.answers]
    rows = [h.TR(h.TD(one_line(what)), h.TD(one_line(came))) for what, came in tried]
    return [h.H2(one_line(f"Trial for {trial.login}")), h.TABLE(*rows)]
