"""GetFolder, FindFolder, SyncFolderHierarchy."""

import pytest

GET = "<m:GetFolder><m:FolderShape><t:BaseShape>{shape}</t:BaseShape>{more}</m:FolderShape><m:FolderIds>{ids}</m:FolderIds></m:GetFolder>"
FIND = '<m:FindFolder Traversal="{traversal}"><m:FolderShape><t:BaseShape>Default</t:BaseShape></m:FolderShape>{rest}<m:ParentFolderIds><t:DistinguishedFolderId Id="{parent}"/></m:ParentFolderIds></m:FindFolder>'
SYNC = "<m:SyncFolderHierarchy><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape></m:FolderShape><m:SyncState>{state}</m:SyncState></m:SyncFolderHierarchy>"


def get(client, *ids, shape="Default", more="", user="alice"):
    return client.ask(GET.format(shape=shape, more=more, ids="".join(ids)), user)


def named(name, mailbox=""):
    inner = f"<t:Mailbox><t:EmailAddress>{mailbox}</t:EmailAddress></t:Mailbox>" if mailbox else ""
    return f'<t:DistinguishedFolderId Id="{name}">{inner}</t:DistinguishedFolderId>'


def test_a_folder_and_its_counts(client):
    client.deliver()
    client.deliver().read = True
    answer = get(client, named("inbox"), named("nonsense"))
    assert answer.codes == ["NoError", "ErrorFolderNotFound"]
    assert [answer.text(f"t:{name}") for name in ("DisplayName", "TotalCount", "UnreadCount")] == [
        "Inbox",
        "2",
        "1",
    ]


def test_an_id_leads_to_the_same_folder(client):
    identifier = get(client, named("calendar")).get("t:FolderId", "Id")
    answer = get(client, f'<t:FolderId Id="{identifier}"/>')
    assert answer.text("t:CalendarFolder/t:DisplayName") == "Calendar"


@pytest.mark.parametrize("identifier", ["", "!", "aXRlbS9hbGljZS8xOjE=", "Zm9sZGVyL2FsaWNl", "/w=="])
def test_ids_that_are_none(client, identifier):
    assert get(client, f'<t:FolderId Id="{identifier}"/>').codes == ["ErrorInvalidIdMalformed"]


def test_mapi_properties_come_as_they_were_asked_for(client):
    field = '<t:ExtendedFieldURI PropertyTag="0x3613" PropertyType="String"/><t:ExtendedFieldURI PropertyTag="0x9999" PropertyType="String"/>'
    answer = get(
        client,
        named("inbox"),
        shape="IdOnly",
        more=f"<t:AdditionalProperties>{field}</t:AdditionalProperties>",
    )
    assert [node.get("PropertyTag") for node in answer.all("t:ExtendedFieldURI")] == ["0x3613"]
    assert answer.text("t:Value") == "IPF.Note"
    assert answer.text("t:DisplayName") is None


def test_only_a_delegate_opens_anothers_folder(client):
    assert get(client, named("inbox", "bob@contoso.lab")).codes == ["ErrorAccessDenied"]
    client.server.delegates.add(("bob", "alice"))
    assert get(client, named("inbox", "bob@contoso.lab")).codes == ["NoError"]
    assert get(client, named("inbox", "alice@contoso.lab")).codes == ["NoError"]


def test_shallow_and_deep(client):
    shallow = client.ask(FIND.format(traversal="Shallow", parent="root", rest=""))
    deep = client.ask(FIND.format(traversal="Deep", parent="root", rest=""))
    assert [node.text for node in shallow.all("t:DisplayName")] == ["Top of Information Store"]
    assert len(deep.all("t:DisplayName")) == 9
    assert deep.get("m:RootFolder", "IncludesLastItemInRange") == "true"


def test_a_page_and_a_restriction(client):
    one = '<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="1" BasePoint="Beginning"/>'
    answer = client.ask(FIND.format(traversal="Shallow", parent="msgfolderroot", rest=one))
    assert [node.text for node in answer.all("t:DisplayName")] == ["Sent Items", "Drafts"]
    assert answer.get("m:RootFolder", "IncludesLastItemInRange") == "false"
    want = '<m:Restriction><t:IsEqualTo><t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURIOrConstant><t:Constant Value="outbox"/></t:FieldURIOrConstant></t:IsEqualTo></m:Restriction>'
    answer = client.ask(FIND.format(traversal="Shallow", parent="msgfolderroot", rest=want))
    assert [node.text for node in answer.all("t:DisplayName")] == ["Outbox"]


def test_the_hierarchy_is_told_once(client):
    first = client.ask(SYNC.format(state=""))
    assert len(first.all("t:Create")) == 8
    again = client.ask(SYNC.format(state=first.text("m:SyncState")))
    assert again.all("t:Create") == []
    assert client.ask(SYNC.format(state="other")).codes == ["ErrorInvalidSyncStateData"]


@pytest.mark.parametrize(
    "body",
    [
        "<m:ExportItems/>",
        FIND.format(traversal="Shallow", parent="root", rest="<m:SortOrder><t:FieldOrder/></m:SortOrder>"),
        FIND.format(
            traversal="Shallow", parent="msgfolderroot", rest="<m:Restriction><t:Not/></m:Restriction>"
        ),
    ],
)
def test_what_no_schema_allows_is_a_fault(client, body):
    assert client.reply(body).status == 500
