"""Devices out and in as CSV: a round trip into another installation, what Exchange writes, and what spreadsheets must not run."""

from __future__ import annotations

import csv
import io

import pytest

from tests.installation import Installation, prepare
from tests.servers.processes import server_directory

PEOPLE = ("anna", "ben", "chloe")
ACCOUNTS = "user,domain,upn,display_name\n" + "".join(
    f"{name},CONTOSO,{name}@contoso.lab,{name.title()} Example\n" for name in PEOPLE
)
ODD = (
    "account,device_id,state,device_type,model,os,friendly_name,user_agent,state_reason\r\n"
    'anna@contoso.lab,ODD1,allowed,iPhone,iPhone12C1,iOS 18,"Anna\'s, ""new"" phone",Apple-iPhone12C1/1801.373,\r\n'
    "anna@contoso.lab,ODD2,blocked,Android,,,'=cmd|' /C calc'!A0,Evil/1,lost\r\n"
    "ben@contoso.lab,ODD3,quarantined,Pocket PC,,,\u00dcml\u00e4ut \u20ac \U0001f4f1,,type changed\r\n"
    "ben@contoso.lab,ODD1,pending,iPhone,,,'+49 170 1234567,,\r\n"
    "chloe@contoso.lab,ODD4,wiped,iPad,,,'@SUM(A1),,\r\n"
    "chloe@contoso.lab,ODD5,wiping,iPad,,,''=already guarded,,\r\n"
    "chloe@contoso.lab,ODD6,allowed,iPad,,,'-2+3,,\r\n"
)
EXCHANGE = (
    "#TYPE Microsoft.Exchange.Data.Storage.Management.MobileDevice\r\n"
    '"FriendlyName";"DeviceMobileOperator";"DeviceOS";"DeviceTelephoneNumber";"DeviceType";"DeviceUserAgent";'
    '"DeviceModel";"FirstSyncTime";"UserDisplayName";"DeviceAccessState";"DeviceAccessStateReason";"DeviceId";'
    '"ClientVersion";"WhenCreatedUTC"\r\n'
    '"Annas iPhone; privat";"";"iOS 17.5 21F90";"";"iPhone";"Apple-iPhone14C5/2106.90";"iPhone14C5";'
    '"03.02.2025 14:05:06";"contoso.lab/Users/Anna Example";"Allowed";"Individual";"APPLDNPK12345";"16.1";'
    '"03.02.2025 14:05:06"\r\n'
    '"";"";"";"";"Outlook";"Outlook-iOS-Android/1.0";"Outlook for iOS";"03.02.2025 14:05:06";'
    '"contoso.lab/Users/Ben Example";"Quarantined";"Global";"0123456789ABCDEF0123456789ABCDEF";"";'
    '"03.02.2025 14:05:06"\r\n'
)


@pytest.fixture
def fresh():
    """Another installation that never ran: commands work on its database themselves."""
    with server_directory("fresh") as folder:
        made = prepare(folder, backend="http://127.0.0.1:9")
        made.cli("account", "import", "-", stdin=ACCOUNTS)
        yield made


@pytest.fixture(scope="module", autouse=True)
def people(site: Installation) -> None:
    assert site.cli("account", "import", "-", stdin=ACCOUNTS) == {"imported": 3, "problems": []}


def exported(site: Installation) -> list[dict[str, str]]:
    return sorted(site.cli("device", "export"), key=lambda row: (row["account"], row["device_id"]))


def test_export_and_import_into_a_fresh_installation_give_the_same_list(site, fresh, tmp_path) -> None:
    assert site.cli("device", "import", "-", stdin=ODD)["imported"] == 7
    file = tmp_path / "devices.csv"
    done = site.run("device", "export", "--output", str(file))
    assert done.returncode == 0
    assert "7 devices" in done.stderr
    taken = fresh.run("device", "import", str(file))
    assert taken.returncode == 0, taken.stderr
    assert exported(fresh) == exported(site)
    names = {
        row["device_id"]: row["friendly_name"]
        for row in exported(fresh)
        if row["account"].startswith(("anna", "chloe"))
    }
    assert names["ODD1"] == 'Anna\'s, "new" phone'
    assert names["ODD2"] == "=cmd|' /C calc'!A0"
    assert names["ODD4"] == "@SUM(A1)"
    assert names["ODD5"] == "'=already guarded"
    assert {row["state"] for row in exported(fresh)} == {
        "allowed",
        "blocked",
        "quarantined",
        "pending",
        "wiped",
        "wiping",
    }
    again = fresh.cli("device", "import", str(file))
    assert (again["imported"], again["updated"], again["problems"]) == (0, 0, [])


def test_no_cell_of_an_export_begins_a_formula(site) -> None:
    site.cli("device", "import", "-", stdin=ODD)
    text = site.run("device", "export").stdout
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) >= 8
    assert not [cell for row in rows for cell in row if cell[:1] in set("=+-@\t\r\n")]
    assert any(cell == "'=cmd|' /C calc'!A0" for row in rows for cell in row)


@pytest.mark.parametrize(
    ("encoding", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-8", b"\xef\xbb\xbf"), ("utf-8", b"")]
)
def test_what_export_csv_of_exchange_writes_is_taken(fresh, tmp_path, encoding, mark) -> None:
    file = tmp_path / "exchange.csv"
    file.write_bytes(mark + EXCHANGE.encode(encoding))
    result = fresh.cli("device", "import", str(file))
    assert (result["imported"], result["problems"]) == (2, [])
    anna, ben = exported(fresh)
    assert anna["account"] == "anna@contoso.lab"
    assert anna["device_id"] == "APPLDNPK12345"
    assert anna["state"] == "allowed"
    assert anna["friendly_name"] == "Annas iPhone; privat"
    assert anna["model"] == "iPhone14C5"
    assert anna["first_seen_at"].startswith("2025-02-03T14:05:06")
    assert (ben["device_id"], ben["state"]) == ("0123456789ABCDEF0123456789ABCDEF", "quarantined")


def test_bad_rows_are_named_and_the_good_ones_go_in(fresh) -> None:
    rows = (
        "account,device_id,state,first_seen_at\n"
        "anna@contoso.lab,GOOD1,,\n"
        "nobody@contoso.lab,BAD1,,\n"
        "anna@contoso.lab,not-an-id!,,\n"
        "anna@contoso.lab,,,\n"
        "anna@contoso.lab,BAD2,maybe,\n"
        "anna@contoso.lab,BAD3,,yesterday\n"
        "ben@contoso.lab,GOOD2,blocked,2026-01-31T08:00:00\n"
    )
    done = fresh.run("device", "import", "-", stdin=rows)
    assert done.returncode == 1
    assert done.stdout.strip() == "2 imported, 0 updated, 5 refused"
    lines = done.stderr.splitlines()
    assert [line.split(":")[0].strip() for line in lines] == ["row 2", "row 3", "row 4", "row 5", "row 6"]
    for line, word in zip(
        lines, ("nobody@contoso.lab", "not-an-id!", "device id", "maybe", "yesterday"), strict=True
    ):
        assert word in line
    assert [row["device_id"] for row in exported(fresh)] == ["GOOD1", "GOOD2"]
    told = fresh.run("device", "import", "-", "--json", stdin=rows)
    assert told.returncode == 1
    assert '"row": 2' in told.stdout


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b'account,device_id\n"anna,X1\n', "line 2"),
        (b"account,device_id\nanna@contoso.lab,X1,extra\n", "line 2: has 3 fields"),
        (b"account,Account\nanna,X1\n", "twice"),
        (b"account,device_id\n\xff\xfe\xfd,X\n", "UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_refused_whole(fresh, tmp_path, content, words) -> None:
    file = tmp_path / "broken.csv"
    file.write_bytes(content)
    done = fresh.run("device", "import", str(file))
    assert done.returncode == 1
    assert words in done.stderr
    assert "nothing was imported" in done.stderr
    assert exported(fresh) == []


def test_a_state_given_once_holds_for_every_row(fresh) -> None:
    fresh.cli("device", "import", "-", "--state", "blocked", stdin=ODD)
    assert {row["state"] for row in exported(fresh)} == {"blocked"}


def test_an_import_that_blocks_cuts_a_device_in_use(site) -> None:
    from tests.door import ask

    password = site.issue("anna")
    assert ask(site, "anna", password, device="LIVE1").status == 200
    rows = "account,device_id,state,device_type\nanna@contoso.lab,LIVE1,blocked,iPhone\n"
    assert site.cli("device", "import", "-", stdin=rows)["updated"] == 1
    assert ask(site, "anna", password, device="LIVE1").status == 403


def test_accounts_by_csv(fresh) -> None:
    done = fresh.run(
        "account",
        "import",
        "-",
        stdin="user,upn\ndora,dora@contoso.lab\nanna,x@contoso.lab\n,y@contoso.lab\na*b,\n",
    )
    assert done.returncode == 1
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()] == ["row 3", "row 4"]
    assert {"dora", "anna"} <= {row["user"] for row in fresh.cli("account", "list")}
    unknown = fresh.run("account", "import", "-", stdin="user,shoe_size\nx,43\n")
    assert unknown.returncode == 1
    assert "shoe_size" in unknown.stderr
