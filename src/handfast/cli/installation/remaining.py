"""What remains for the administrator after `handfast init`, in the order it is done. Pure."""

from __future__ import annotations

from handfast.cli.installation.answers import SERVICE_USER, WORKER_USER, Answers


def remaining_steps(answers: Answers, *, is_trial: bool) -> list[str]:
    """A line each; USER and DOMAIN stand for whoever it is tried out with."""
    option = f" --settings {answers.settings_file}" if is_trial else ""
    by_kerberos = answers.auth == "kerberos"
    steps = [f"copy {answers.key_file} to a safe place: without it the database is worth nothing"]
    if not is_trial:
        steps.append(
            f"let the gateway read the TLS key: chgrp {WORKER_USER} {answers.key} && chmod 640 {answers.key}"
        )
    if by_kerberos:
        steps += _domain_steps(answers, option, is_trial=is_trial)
    steps.append(f"handfast settings check{option} && handfast doctor{option}")
    steps.append(
        f"handfast serve{option}"
        if is_trial
        else "systemctl daemon-reload && systemctl enable --now handfast"
    )
    if by_kerberos:
        steps.append(f"handfast kerberos check --user USER{option}   # down to an answer of each back end")
    else:
        steps.append(f"handfast account add USER --domain DOMAIN --upn USER@DOMAIN{option}")
    if answers.auth == "stored":
        secret = f"handfast backend-secret set USER {answers.publication}{option}"
        steps.append(f"{secret}   # what the back end itself asks of USER")
    if answers.mode == "window":
        steps.append(f"handfast window open USER{option}   # USER may pair one device now")
    steps.append(f"handfast app-password issue USER{option}")
    return steps


def _domain_steps(answers: Answers, option: str, *, is_trial: bool) -> list[str]:
    owner = "" if is_trial else f"chown {SERVICE_USER} {answers.keytab} && "
    return [
        f"handfast directory init{option}   # accounts of Active Directory; prints what its administrator does",
        f"bring the keytab that comes of it, then: {owner}chmod 600 {answers.keytab}",
    ]
