"""People, time zones, ids."""

CONVERT = '<m:ConvertId DestinationFormat="{format}"><m:SourceIds><t:AlternateId Format="EwsId" Id="{id}" Mailbox="x@y"/></m:SourceIds></m:ConvertId>'
RESOLVE = '<m:ResolveNames ReturnFullContactData="{full}"><m:UnresolvedEntry>{entry}</m:UnresolvedEntry></m:ResolveNames>'


def test_names(client):
    for entry in ("bob", "smtp:Bob@contoso.lab"):
        answer = client.ask(RESOLVE.format(full="false", entry=entry))
        assert answer.text("t:EmailAddress") == "bob@contoso.lab"
        assert answer.all("t:Contact") == []
    assert client.ask(RESOLVE.format(full="true", entry="bob")).text("t:Entry") == "SMTP:bob@contoso.lab"
    assert client.ask(RESOLVE.format(full="true", entry="bob@other.example")).codes == [
        "ErrorNameResolutionNoResults"
    ]


def test_time_zones(client):
    assert client.ask("<m:GetServerTimeZones/>").get("t:TimeZoneDefinition", "Id") == "UTC"


def test_availability(client):
    def data(address):
        return f"<t:MailboxData><t:Email><t:Address>{address}</t:Address></t:Email></t:MailboxData>"

    people = data("bob@contoso.lab") + data("x@other.example")
    answer = client.ask(
        f"<m:GetUserAvailabilityRequest><m:MailboxDataArray>{people}</m:MailboxDataArray></m:GetUserAvailabilityRequest>"
    )
    assert answer.codes == ["NoError", "ErrorMailRecipientNotFound"]
    assert len(answer.all("t:MergedFreeBusy")) == 1


def test_an_id_tells_its_owners_address(client):
    root = client.ask(
        '<m:GetFolder><m:FolderIds><t:DistinguishedFolderId Id="root"/></m:FolderIds></m:GetFolder>'
    ).get("t:FolderId", "Id")
    same = client.ask(CONVERT.format(format="EwsId", id=root))
    assert (same.get("m:AlternateId", "Mailbox"), same.get("m:AlternateId", "Id")) == (
        "alice@contoso.lab",
        root,
    )
    assert bytes.fromhex(
        client.ask(CONVERT.format(format="HexEntryId", id=root)).get("m:AlternateId", "Id")
    ).startswith(b"folder/")
    assert client.ask(CONVERT.format(format="EwsId", id="DUMMY")).codes == ["ErrorInvalidIdMalformed"]
