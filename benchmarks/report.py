"""docs/benchmarks.md from docs/benchmarks.json: a pure function of the run, the budgets and the reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from benchmarks.budgets import BUDGETS, WHY, Budget
from benchmarks.results import Figure, Run

TITLES = {
    "request": "CPU time per request, 1 KB answers, keep-alive, TLS in front",
    "ntlm-handshake": "CPU time per NTLM sign-in on a new TLS connection",
    "poll-plain": "Memory per idle long poll, plain HTTP both sides",
    "poll-tls-front": "Memory per idle long poll, TLS in front",
    "poll-tls-both": "Memory per idle long poll, TLS both sides",
    "download": "Download through TLS",
    "upload": "Upload through TLS",
    "block-next-local-p50": "From a block to the refusal of the next request, one machine, p50",
    "block-next-local-p99": "From a block to the refusal of the next request, one machine, p99",
    "block-in-flight-local-p50": "From a block to the cut of a hanging request, one machine, p50",
    "block-in-flight-local-p99": "From a block to the cut of a hanging request, one machine, p99",
    "block-next-split-p50": "From a block to the refusal of the next request, gateway and identity apart, p50",
    "block-next-split-p99": "From a block to the refusal of the next request, gateway and identity apart, p99",
    "block-in-flight-split-p50": "From a block to the cut of a hanging request, gateway and identity apart, p50",
    "block-in-flight-split-p99": "From a block to the cut of a hanging request, gateway and identity apart, p99",
    "autodiscover-5": "CPU time per Autodiscover answer of 5 KiB, keep-alive, TLS in front",
    "autodiscover-500": "CPU time per Autodiscover answer of 500 KiB, keep-alive, TLS in front",
    "stream-cpu": "CPU time per notification of a streaming EWS answer, TLS in front",
    "stream-p50": "From the back end's write of a notification to the client's read, p50",
    "stream-p99": "From the back end's write of a notification to the client's read, p99",
    "directory-poll": "Poll of the directory by which nothing is new",
    "directory-lookup-p50": "Look-up of one account in the directory, p50",
    "directory-lookup-p99": "Look-up of one account in the directory, p99",
    "ticket-cold": "Kerberos tokens a second for people without a ticket",
    "ticket-warm": "Kerberos tokens a second for people with a ticket",
}
"""In the order of the page."""

_HOW = """\
How: everything on one machine over loopback; the subjects of a table in one run, each in turn, {rounds} rounds, medians. Compare ratios
rather than figures: they depend on the machine far less. Where a table is not of the run above, it says of which. CPU time is that of all the processes of the proxy (Handfast:
supervisor, identity and worker together) over a fixed number of requests. The no-op service that nginx's auth_request asks
is not counted, nor are load generator and back end. Every proxy has one process for connections, shows the same P-256
certificate, speaks plain HTTP to the same back end over kept connections, and logs each request. Apache's
password file is hashed with SHA-1, its cheapest. An NTLM sign-in is that of pyspnego on a new connection, TLS handshake included.
Memory is the growth of resident memory for each poll that hangs. A block's clock starts when the administrator's call is
sent; for the next request it stops when the first request that is refused was sent. Decisions are measured in one process, over the embedded database in a file, one after the other.
"""

_HOW_OF = {
    "autodiscover-": """\
An Autodiscover answer is Exchange's to Outlook, served from a file. Handfast reads and rewrites it; sub_filter replaces each inside
name that stands in it by the published one, and what it was not told of passes; the others pass the same bytes untouched.
""",
    "stream-": """\
Streams stay open, and on each a notification of some 600 bytes comes ten times a second, evenly spread over all; nginx has
proxy_buffering off. Their delay holds the back end's and the client's own share, and everyone's wait for a processor: without a
proxy the same two programs show how much.
""",
    "sync-": """\
A sync reads accounts and stores them in empty records, in a process of its own, once; "again" is a second whole reading by which
nothing is new. Memory is what the first one added at its highest. "From a domain controller" has the accounts in a real domain (Samba,
one process on the same machine), read over LDAPS; "without a controller" feeds made-up accounts to the mirror, each
in twelve of 500 groups. PostgreSQL keeps fsync on.
""",
    "turn-": """\
The largest domain is filled on the controller's own database (ldb's batch mode); four nested groups for everybody, and one with a
twentieth of all as direct members. Its polls read and store (SQLite), with one reader that remembers between them. The first poll
after a change compares all accounts with those it knows; the next ones, for a while, don't.
""",
    "directory-": """\
Polls and look-ups go to that controller over a kept connection, one after the other, with all the accounts of the domain in it.
""",
    "ticket-": """\
Kerberos tokens are made in one process, eight at a time, with Samba's KDC (one process) on the same machine. For people without a ticket
it is asked twice.
""",
}
"""How the keys that begin so were measured; said where there are any."""
_TURNS = {
    "filled": "how fast it was made",
    "controller": "memory of the controller",
    "compared": "poll by which all accounts are compared",
    "unchanged": "poll by which nothing is new",
    "changed": "poll by which 100 accounts changed",
    "deleted": "poll by which one account was deleted",
    "regrouped": "poll by which a group of a twentieth of all came into another",
}
_SYNC_SOURCES = {"domain": "from a domain controller", "mirror": "without a controller"}


def render(run: Run, budgets: Sequence[Budget] = BUDGETS, why: Mapping[str, str] = WHY) -> str:
    """The whole page."""
    parts = [
        "# Benchmarks",
        "",
        "Made by `make bench` from [benchmarks.json](benchmarks.json); don't edit.",
        "",
        *_machine(run),
        "",
        *_how(run),
        "",
        "## Budgets",
        "",
        *_budgets(run, budgets, why),
        "",
        "## Figures",
        "",
        *_figures(run),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _how(run: Run) -> Iterable[str]:
    yield from _HOW.format(rounds=dict(run.settings).get("rounds", "?")).splitlines()
    for prefix, how in _HOW_OF.items():
        if any(figure.key.startswith(prefix) for figure in run.figures):
            yield from how.splitlines()


def _machine(run: Run) -> Iterable[str]:
    machine = run.machine
    yield f"Run of {run.started}{' (quick: smaller sizes, rougher figures)' if run.quick else ''}, on"
    yield f"{machine.processor}, {machine.cores} cores, {machine.memory_gib:g} GiB, Linux {machine.kernel}."
    yield ""
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in machine.versions) + "."
    yield "Sizes: " + ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in run.settings) + "."


def _budgets(run: Run, budgets: Sequence[Budget], why: Mapping[str, str]) -> Iterable[str]:
    yield "| work | measured | floor | goal | |"
    yield "|---|---|---|---|---|"
    reasons = []
    for budget in budgets:
        value = budget.measure(run)
        yield (
            f"| {budget.work} | {_in_unit(budget, value, run)} | {_limit(budget, budget.floor, run)}"
            f" | {_limit(budget, budget.goal, run)} | {_verdict(budget, value)} |"
        )
        if value is not None and not budget.meets(value, budget.floor):
            reasons.append(f"- **{budget.work}**: {why.get(budget.work, 'the reason is not known yet.')}")
    if reasons:
        yield ""
        yield "Why floors are missed:"
        yield ""
        yield from reasons


def _verdict(budget: Budget, value: float | None) -> str:
    if value is None:
        return "not measured"
    if budget.goal is not None and budget.meets(value, budget.goal):
        return "goal met"
    if budget.meets(value, budget.floor):
        return "floor met"
    missed = (budget.floor - value if budget.at_least else value - budget.floor) / budget.floor
    return f"**floor missed by {missed:.0%}**"


def _unit(budget: Budget, run: Run) -> str:
    """The unit of a budget's limits: "x" for a ratio, else the figure's own."""
    if budget.relative_to is not None:
        return "x"
    figure = run.find(budget.key, budget.subject)
    return figure.unit if figure else ""


def _in_unit(budget: Budget, value: float | None, run: Run) -> str:
    return "-" if value is None else f"{number(value)} {_unit(budget, run)}".rstrip()


def _limit(budget: Budget, limit: float | None, run: Run) -> str:
    return "-" if limit is None else f"{limit:g} {_unit(budget, run)}".rstrip()


def _figures(run: Run) -> Iterable[str]:
    order = [*TITLES, *dict.fromkeys(figure.key for figure in run.figures if figure.key not in TITLES)]
    for key in order:
        figures = [figure for figure in run.figures if figure.key == key]
        if not figures:
            continue
        yield f"### {_title(key)}"
        yield ""
        yield from _other_runs(run, figures)
        yield "| subject | median | rounds |"
        yield "|---|---|---|"
        yield from (_row(figure) for figure in figures)
        yield ""


def _other_runs(run: Run, figures: Iterable[Figure]) -> Iterable[str]:
    others = sorted({figure.run for figure in figures} - {run.started})
    if others:
        yield "Of the run of " + " and ".join(other or "an earlier day" for other in others) + "."
        yield ""


def _title(key: str) -> str:
    if key.startswith("decision-"):
        _, devices, which = key.split("-")
        return f"Decision with {int(devices):,} devices, {which}"
    if key.startswith("sync-"):
        _, source, people, which = key.split("-")
        return f"Sync of {int(people):,} accounts {_SYNC_SOURCES[source]}, {which}"
    if key.startswith("turn-"):
        _, people, which = key.split("-")
        return f"Domain of {int(people):,} accounts, {_TURNS[which]}"
    return TITLES.get(key, key)


def _row(figure: Figure) -> str:
    if figure.value is None:
        return f"| {figure.subject} | not measured | {figure.missing.replace('|', ' ')} |"
    rounds = ", ".join(number(sample) for sample in figure.samples)
    return f"| {figure.subject} | {number(figure.value)} {figure.unit} | {rounds} |"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return "0"
    magnitude = abs(value)
    digits = 0 if magnitude >= 100 else 1 if magnitude >= 10 else 2 if magnitude >= 0.1 else 4
    return f"{value:,.{digits}f}"
