"""What answers make a client do that has signed in, and why one was refused. Pure.

Source: MS-ASHTTP 2.2.3.2, MS-OXDSCLI 2.2.4, MS-OXWSFOLD 3.1.4.6.
"""

from __future__ import annotations

import re

from handfast.decision.reasons import Reason
from handfast.doctor.findings import FindingId, error, warning
from handfast.doctor.publishing.questions import AUTODISCOVER
from handfast.doctor.publishing.steps import Explain, Place, Step, host_of, name_of
from handfast.doctor.publishing.visit import Ask, Seen

BODIES_NAME = frozenset({"schemas.microsoft.com", "schemas.xmlsoap.org", "www.w3.org"})
"""Hosts of namespaces, which nobody connects to."""
REQUEST_ID = "x-request-id"

_URL = re.compile(rb"https?://[^\s<>\"']+")
_ERROR = re.compile(rb"<(?:\w+:)?(?:ErrorCode|Status)>\s*(\d+)\s*<")
_MAP = "map it to a published name in `[publication.autodiscover]` (`mapping`), or set the server's own external URL"
_OWN_ADDRESS = (
    "give the mailbox's primary address (--mail); if it is one of yours, add its domain to `mail_domains`"
)


def read_options(place: Place, asked: Ask, seen: Seen, explain: Explain) -> Step:
    """A phone syncs with the newest version that server and phone know. Source: MS-ASHTTP 2.2.3.2.1."""
    versions = seen.headers.get("ms-asprotocolversions", "")
    if seen.status == 200 and versions:
        newest = versions.rpartition(",")[2].strip()
        return Step(place, "phone", name_of(asked), f"200, versions to {newest}", "synchronises")
    return read_refusal(place, "phone", asked, seen, explain)


def read_ews(place: Place, asked: Ask, seen: Seen, explain: Explain) -> Step:
    """Outlook for Mac, Skype for Business and others read mailboxes here."""
    if seen.status == 200 and b"GetFolderResponse" in seen.body:
        return Step(place, "Outlook for Mac", name_of(asked), "200, the inbox", "reads the mailbox")
    return read_refusal(place, "Outlook for Mac", asked, seen, explain)


def read_autodiscover(place: Place, client: str, asked: Ask, seen: Seen, explain: Explain) -> Step:
    """The answer that decides where a client goes for years."""
    named = name_of(asked)
    if seen.status != 200:
        return read_refusal(place, client, asked, seen, explain)
    hosts = {host_of(url.decode("latin-1")) for url in _URL.findall(seen.body)} - BODIES_NAME
    if foreign := sorted(hosts - place.told):
        said = f"{place}: {named} names {', '.join(foreign)}, which is not published"
        found = error(FindingId.CLIENT_FOREIGN_HOST, said, _MAP)
        return Step(place, client, named, "200", f"goes to {foreign[0]} and fails for ever", found)
    if hosts:
        return Step(place, client, named, f"200, {', '.join(sorted(hosts))}", "sets itself up")
    code = _ERROR.search(seen.body)
    answer = f"200, error {code[1].decode()}" if code else "200 without a server"
    said = f"{place}: {named} is answered {answer}: the server knows no mailbox of that address"
    found = warning(FindingId.CLIENT_AUTODISCOVER, said, _OWN_ADDRESS)
    return Step(place, client, named, answer, "says that the account can't be found", found)


def read_refusal(place: Place, client: str, asked: Ask, seen: Seen, explain: Explain) -> Step:
    """A client with a password that does not get on; whoever refused it says why."""
    named = name_of(asked)
    if seen.distrust:
        return Step(
            place, client, named, f"not asked: {seen.distrust}", "a password goes over verified TLS only"
        )
    request_id = seen.headers.get(REQUEST_ID, "")
    why = explain(request_id) if request_id else None
    answer = f"{seen.problem or seen.status}{f', {why.reason}' if why else ''}"
    if why is not None and why.reason == Reason.ANSWER_WITHHELD:
        said = f"{place}: {named}: the server's answer names what is not published, so it is withheld ({why.detail})"
        found = error(FindingId.CLIENT_FOREIGN_HOST, said, _MAP)
        return Step(place, client, named, answer, "can't find its server", found)
    said = f"{place}: {named} is answered {answer}{f' ({why.detail})' if why and why.detail else ''}"
    if why is not None and why.reason == Reason.COMMAND_REFUSED and asked.path == AUTODISCOVER:
        found = warning(FindingId.CLIENT_AUTODISCOVER, said, _OWN_ADDRESS)
        return Step(place, client, named, answer, "says that the account can't be found", found)
    found = warning(FindingId.CLIENT_SIGN_IN, said, why.next_step if why else _unexplained(asked, seen))
    effect = "asks for the password again" if seen.status == 401 else "says that it can't connect"
    return Step(place, client, named, answer, effect, found)


def _unexplained(asked: Ask, seen: Seen) -> str:
    """What to do where nobody here knows why: this machine is a gateway alone, or the server behind answered so itself."""
    request_id = seen.headers.get(REQUEST_ID, "")
    if not request_id:
        return "look at that server's own log"
    asks = f"`handfast explain {request_id}` on identity's machine says why"
    if seen.status == 502 and asked.path == AUTODISCOVER:
        return f"{asks}; if the answer was withheld, {_MAP}"
    return asks


def read_other_profile(place: Place, client: str, asked: Ask) -> Step:
    """A password opens phones' doors or Outlook's: one that opened another is refused at this one, as it should be."""
    return Step(place, client, name_of(asked), "403", "needs a password of its own profile")
