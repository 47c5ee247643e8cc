"""The settings file that `handfast init` writes: short, commented, and good by our own check."""

from __future__ import annotations

import json
from pathlib import Path

from handfast.cli.installation.answers import Answers


def quoted(value: str | Path) -> str:
    """A TOML basic string; JSON's escapes are a part of TOML's, except for DEL."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def build_settings_file(answers: Answers) -> str:
    """The file's text."""
    user = (
        f"user = {quoted(answers.worker_user)}\n" if answers.worker_user else '# user = "handfast-gateway"\n'
    )
    if answers.certificate is not None and answers.key is not None:
        tls = f"certificate = {quoted(answers.certificate)}\nkey = {quoted(answers.key)}\n"
    else:
        tls = "# No certificate: plain HTTP, for a TLS front on this machine only.\n"
    return f"""\
# Handfast's settings. `handfast settings check` finds what is wrong with them, `handfast settings reference` explains
# every key. After a change: systemctl reload handfast

[identity]
database = {quoted(f"sqlite:///{answers.data / 'handfast.db'}")}
key_file = {quoted(answers.key_file)}
runtime_dir = {quoted(answers.runtime)}

[gateway]
{user}
[[listener]]
name = "outside"
address = {quoted(answers.address)}
{tls}
[[policy]]
name = "default"
# How devices pair: first-use, window, approval, listed, inside.
mode = {quoted(answers.mode)}

[[publication]]
name = "activesync"
hosts = [{quoted(answers.host)}]

[publication.backend]
urls = [{quoted(answers.backend)}]
# How accounts sign in behind: stored (their password there, kept sealed), header, none.
auth = {quoted(answers.auth)}
# ca_file = "/etc/handfast/backend-ca.pem"   # where the back end's certificate is of a CA of your own
"""
