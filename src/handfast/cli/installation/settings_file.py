"""The settings file that `handfast init` writes: short, commented, and good by our own check."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from handfast.cli.installation.answers import Answers


def quoted(value: str | Path) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's, except for DEL."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def build_settings_file(answers: Answers) -> str:
    """The file's text."""
    parts = [_identity_and_gateway(answers), _listener(answers), _policy(answers), _publication(answers)]
    if answers.auth == "kerberos":
        parts.append(_kerberos(answers))
    return "\n".join(parts)


def _identity_and_gateway(answers: Answers) -> str:
    user = f"user = {quoted(answers.worker_user)}" if answers.worker_user else '# user = "handfast-gateway"'
    return f"""\
# Handfast's settings. `handfast settings check` finds what is wrong with them, `handfast settings reference` explains
# every key. After a change: systemctl reload handfast

[identity]
database = {quoted(f"sqlite:///{answers.data / 'handfast.db'}")}
key_file = {quoted(answers.key_file)}
runtime_dir = {quoted(answers.runtime)}

[gateway]
{user}
"""


def _listener(answers: Answers) -> str:
    if answers.certificate is not None and answers.key is not None:
        tls = f"certificate = {quoted(answers.certificate)}\nkey = {quoted(answers.key)}"
    else:
        tls = "# No certificate: plain HTTP, for a TLS front on this machine only."
    return f"""\
[[listener]]
name = "outside"
address = {quoted(answers.address)}
{tls}
"""


def _policy(answers: Answers) -> str:
    return f"""\
[[policy]]
name = "default"
# How devices pair: first-use, window, approval, listed, inside.
mode = {quoted(answers.mode)}
"""


def _publication(answers: Answers) -> str:
    is_exchange = answers.kind == "exchange"
    spn = f"\nspn = {quoted(answers.spn)}" if answers.auth == "kerberos" else ""
    return f"""\
[[publication]]
{_exchange_head(answers) if is_exchange else _activesync_head(answers)}
[publication.backend]
urls = [{quoted(answers.backend)}]
# How accounts sign in behind: kerberos (tickets got for them), stored (their password there, kept sealed), header, none.
auth = {quoted(answers.auth)}{spn}
# ca_file = "/etc/handfast/backend-ca.pem"   # where the back end's certificate is of a CA of your own
{_autodiscover(answers) if is_exchange else ""}"""


def _activesync_head(answers: Answers) -> str:
    return f"""\
name = {quoted(answers.publication)}
hosts = [{quoted(answers.host)}]
"""


def _exchange_head(answers: Answers) -> str:
    autodiscover = (f"autodiscover.{domain}" for domain in answers.mail_domains)
    return f"""\
name = {quoted(answers.publication)}
kind = "exchange"
hosts = {_list(dict.fromkeys((answers.host, *autodiscover)))}
# Outlook signs in by either; phones are offered Basic alone.
auth = ["ntlm", "basic"]
"""


def _autodiscover(answers: Answers) -> str:
    return f"""
[publication.autodiscover]
mail_domains = {_list(answers.mail_domains)}
# Server names and domains that no answer may show outside; also the domain's NetBIOS name.
inside_names = {_list(answers.inside_names)}
"""


def _kerberos(answers: Answers) -> str:
    return f"""\
[kerberos]
# From the domain's administrator; `handfast directory init` prints the lines that make it, and names the KDCs here.
keytab = {quoted(answers.keytab)}
principal = {quoted(answers.principal)}
"""


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(quoted, values))}]"
