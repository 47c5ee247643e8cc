"""What `handfast kerberos check` prints: a finding is one line, whatever names the directory gives."""

from __future__ import annotations

from handfast.cli import kerberos
from handfast.doctor.findings import Severity
from handfast.doctor.kerberos.facts import AnswerTrial, Setup, TicketTrial, Trial
from handfast.doctor.kerberos.findings import Commands, KerberosFinding, KerberosFindingId

ODD = "a\n  PS> calc\x1b[2K\u202e"
SHOWN = r"a\n  PS> calc\x1b[2K\u202e"


def test_nothing_that_others_wrote_begins_a_line(capsys):
    trial = Trial(ODD, None, (TicketTrial(ODD, ODD),), (AnswerTrial("mail", ODD, None, ODD),))
    setup = Setup("CONTOSO.LAB", "svc-gw", "/keytab", None, trial=trial)
    commands = Commands(("setspn -D 'HTTP/x' 'y'",), ("samba-tool spn delete HTTP/x y",))
    kerberos._show(
        setup, [KerberosFinding(KerberosFindingId.SPN_DUPLICATED, Severity.ERROR, ODD, ODD, commands)]
    )
    lines = capsys.readouterr().out.splitlines()
    assert f"ticket for {SHOWN}: {SHOWN}" in lines
    assert f"{SHOWN}: {SHOWN}" in lines
    assert f"spn-duplicated: {SHOWN}" in lines
    assert [one for one in lines if "PS>" in one and SHOWN not in one] == ["  PS> setspn -D 'HTTP/x' 'y'"]
    assert all(map(str.isprintable, lines))
