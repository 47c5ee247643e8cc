"""What answers make a client do before it has signed in, and what is wrong where that is not good. Pure.

Source: MS-OXDISCO 3.1.5; what clients do beside the documents is what administrators report of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from handfast.doctor.findings import FindingId, error, warning
from handfast.doctor.publishing.steps import Place, Step, host_of, name_of
from handfast.doctor.publishing.visit import Ask, Seen


def read_silence(place: Place, host: str, seen: Seen) -> Step:
    """No answer at all."""
    said = f"{place}, {host}: clients get no answer ({seen.problem})"
    remedy = (
        "start the service (systemctl start handfast); if it runs, restart it so that it serves this listener"
    )
    found = error(FindingId.CLIENT_UNREACHABLE, said, remedy)
    return Step(place, "all", f"https://{host}", seen.problem, "can't connect to the server", found)


def read_finders(place: Place) -> Iterator[Step]:
    """Clients look for Autodiscover at the mail domain's `autodiscover.` before anything is asked."""
    wanted = [f"autodiscover.{domain}" for domain in place.mail_domains]
    missing = [name for name in wanted if name not in place.hosts]
    asked = "https://autodiscover.MAIL-DOMAIN"
    if missing:
        said = f"{place}: {', '.join(missing)} is not among its `hosts`"
    elif not wanted and not any(host.startswith("autodiscover.") for host in place.hosts):
        said = f"{place}: none of its `hosts` begins with `autodiscover.` ({', '.join(place.hosts)})"
    else:
        return
    remedy = "add autodiscover.MAIL-DOMAIN to `hosts`, to the certificate and to DNS"
    found = warning(FindingId.CLIENT_AUTODISCOVER_HOST, said, remedy)
    yield Step(place, "all", asked, "not published", "asks its user for the server's name", found)


def read_door(place: Place, client: str, asked: Ask, seen: Seen) -> Step:
    """A door must ask for a credential, in a way its client understands: phones know Basic alone."""
    named, offered = name_of(asked), seen.headers.get("www-authenticate", "").lower()
    methods = [one for one in ("Basic", "Negotiate", "NTLM") if one.lower() in offered]
    if seen.status == 401 and ("Basic" in methods or (methods and client != "phone")):
        return Step(place, client, named, f"401, offers {', '.join(methods)}", "signs in")
    if seen.status == 401:
        answer, effect = "401 without Basic", "asks for the password again and again"
        setting = "activesync_auth" if place.is_exchange and client == "phone" else "auth"
        remedy = f'put "basic" into the publication\'s `{setting}`: phones speak nothing else'
    elif seen.status in {403, 404}:
        answer, effect = str(seen.status), "says that the account can't be set up"
        remedy = (
            "reload the service, if the settings were changed; else something else answers at this address"
        )
    else:
        answer, effect = seen.problem or str(seen.status), "tries again later"
        remedy = "look at the service's log for this request, and at what listens there (`ss -ltnp`)"
    found = error(FindingId.CLIENT_DOOR, f"{place}: {named} is answered {answer}", remedy)
    return Step(place, client, named, answer, effect, found)


def read_json(place: Place, protocol: str, asked: Ask, seen: Seen) -> Step:
    """Newer clients believe this answer, which they get without a password."""
    client, named, url = "Outlook mobile", f"{name_of(asked)} ({protocol})", _url_in(seen)
    if published_by(url) in place.told:
        return Step(place, client, named, url, f"uses it for {protocol}")
    answer = url or seen.problem or str(seen.status)
    effect = "goes where nothing is published" if url else "does not find its server"
    said = f"{place}: {named} is answered {answer}, which is none of the names that its settings publish"
    remedy = "reload the service (systemctl reload handfast): it serves by other settings than the file's"
    return Step(place, client, named, answer, effect, error(FindingId.CLIENT_JSON, said, remedy))


def read_redirect(place: Place, asked: Ask, seen: Seen) -> Step:
    """Without TLS nothing is there but the way to it. Source: MS-OXDISCO 3.1.5.4."""
    named = f"GET http://{asked.host}{asked.path}"
    to = seen.headers.get("location", "")
    if seen.status in {301, 302} and published_by(to) in place.told:
        return Step(place, "Outlook", named, f"{seen.status} to {to}", "asks there")
    answer = seen.problem or f"{seen.status} {to}".strip()
    said = f"{place}: {named} is answered {answer}, and not by a redirect to a published https URL"
    remedy = "restart the service, so that it serves this listener; if something else holds the port, stop that (`ss -ltnp`)"
    found = error(FindingId.CLIENT_REDIRECT, said, remedy)
    return Step(place, "Outlook", named, answer, "does not find Autodiscover this way", found)


def read_closed(place: Place, asked: Ask, seen: Seen) -> Step:
    """Only a refusal is right: where a server behind asks for a password, somebody may try one."""
    named = name_of(asked)
    if seen.status in {400, 403, 404, 405}:
        return Step(place, "attacker", named, str(seen.status), "is turned away")
    answer = seen.problem or str(seen.status)
    said = f"{place}: {named} is answered {answer}: outside, that must be refused"
    remedy = "does something else than Handfast answer at this address (`ss -ltnp`)? else report it to the Handfast project"
    found = error(FindingId.CLIENT_CLOSED_PATH, said, remedy)
    return Step(place, "attacker", named, answer, "has found a door", found)


def published_by(url: str) -> str:
    """The host of an https URL, "" of anything else: nothing is published without TLS."""
    return host_of(url) if url.lower().startswith("https://") else ""


def _url_in(seen: Seen) -> str:
    if seen.status != 200:
        return ""
    try:
        url = json.loads(seen.body).get("Url", "")
    except (ValueError, AttributeError, RecursionError):
        return ""
    return url if isinstance(url, str) else ""
