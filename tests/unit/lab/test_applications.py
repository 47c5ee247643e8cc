"""A path is written down as what it would open, however it is dressed."""

import pytest

from handfast.lab.applications import application_of


@pytest.mark.parametrize(
    ("path", "application"),
    [
        ("/Microsoft-Server-ActiveSync", "activesync"),
        ("/Microsoft-Server-ActiveSync/default.eas", "activesync"),
        ("/EWS/Exchange.asmx", "ews"),
        ("/ews", "ews"),
        ("/Autodiscover/Autodiscover.xml", "autodiscover"),
        ("/autodiscover/autodiscover.svc", "autodiscover-soap"),
        ("/autodiscover/autodiscover.json", "autodiscover-json"),
        ("/autodiscover/autodiscover.json/v1.0/a@b", "autodiscover-json"),
        ("/autodiscover/autodiscover.json@evil.example/owa", "autodiscover-json"),
        ("/mapi/emsmdb/", "mapi"),
        ("/OAB/1/oab.xml", "oab"),
        ("/%65cp/y.js", "ecp"),
        ("/%2565cp/", "ecp"),
        ("//ecp\\x", "ecp"),
        ("/PowerShell/", "powershell"),
        ("/rpc/rpcproxy.dll", "rpc"),
        ("/api/v2.0", "api"),
        ("/owa/auth.owa", "owa"),
        ("/", ""),
        ("/ewsx", ""),
    ],
)
def test_application_of(path, application):
    assert application_of(path)[0] == application
