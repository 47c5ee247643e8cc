"""FindItem, GetItem, SyncFolderItems, CreateItem, UpdateItem."""

import base64
import email

FIND = '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>Default</t:BaseShape></m:ItemShape>{rest}<m:ParentFolderIds><t:DistinguishedFolderId Id="{folder}"/></m:ParentFolderIds></m:FindItem>'
GET = '<m:GetItem><m:ItemShape><t:BaseShape>{shape}</t:BaseShape>{more}</m:ItemShape><m:ItemIds><t:ItemId Id="{id}"/></m:ItemIds></m:GetItem>'
SYNC = '<m:SyncFolderItems><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape><m:SyncFolderId><t:DistinguishedFolderId Id="inbox"/></m:SyncFolderId><m:SyncState>{state}</m:SyncState><m:MaxChangesReturned>{limit}</m:MaxChangesReturned></m:SyncFolderItems>'
CREATE = '<m:CreateItem MessageDisposition="{disposition}">{where}<m:Items>{item}</m:Items></m:CreateItem>'
UPDATE = '<m:UpdateItem><m:ItemChanges><t:ItemChange><t:ItemId Id="{id}"/><t:Updates>{updates}</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>'


def find(client, folder="inbox", rest=""):
    return client.ask(FIND.format(folder=folder, rest=rest))


def subjects(answer):
    return [node.text for node in answer.all("t:Subject")]


def test_newest_first_unless_sorted(client):
    for subject in ("one", "two", "three"):
        client.deliver(subject)
    assert subjects(find(client)) == ["three", "two", "one"]
    by_uid = '<m:SortOrder><t:FieldOrder Order="{}"><t:ExtendedFieldURI PropertyTag="0xe23" PropertyType="Integer"/></t:FieldOrder></m:SortOrder>'
    assert subjects(find(client, rest=by_uid.format("Ascending"))) == ["one", "two", "three"]
    assert subjects(find(client, rest=by_uid.format("Descending"))) == ["three", "two", "one"]
    page = '<m:IndexedPageItemView MaxEntriesReturned="1" Offset="1" BasePoint="Beginning"/>'
    assert subjects(find(client, rest=page)) == ["two"]


def test_a_message_with_its_mime_only_when_asked(client):
    client.deliver("Grüße", "Zeile")
    identifier = find(client).get("t:ItemId", "Id")
    plain = client.ask(GET.format(shape="AllProperties", more="", id=identifier))
    assert plain.all("t:MimeContent") == []
    assert plain.text("t:Body") == "Zeile"
    assert plain.text("t:From/t:Mailbox/t:EmailAddress") == "bob@contoso.lab"
    more = "<t:IncludeMimeContent>true</t:IncludeMimeContent>"
    whole = client.ask(GET.format(shape="IdOnly", more=more, id=identifier))
    parsed = email.message_from_bytes(
        base64.b64decode(whole.text("t:MimeContent")), policy=email.policy.default
    )
    assert (parsed["Subject"], parsed.get_content().strip()) == ("Grüße", "Zeile")


def test_an_item_is_in_its_own_mailbox_only(client):
    client.deliver()
    identifier = find(client).get("t:ItemId", "Id")
    body = GET.format(shape="IdOnly", more="", id=identifier)
    assert client.ask(body, user="bob").codes == ["ErrorAccessDenied"]
    assert client.ask(
        GET.format(shape="IdOnly", more="", id=base64.b64encode(b"item/alice/1:99").decode())
    ).codes == ["ErrorItemNotFound"]


def test_whoever_says_to_be_somebody_is_believed(client):
    client.deliver()
    header = "<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>alice@contoso.lab</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>"
    assert subjects(client.ask(FIND.format(folder="inbox", rest=""), user="bob", header=header)) == ["Hello"]


def test_changes_since(client):
    for _ in range(3):
        client.deliver()
    first = client.ask(SYNC.format(state="", limit=2))
    assert (len(first.all("t:Create")), first.text("m:IncludesLastItemInRange")) == (2, "false")
    rest = client.ask(SYNC.format(state=first.text("m:SyncState"), limit=2))
    assert (len(rest.all("t:Create")), rest.text("m:IncludesLastItemInRange")) == (1, "true")
    nothing = client.ask(SYNC.format(state=rest.text("m:SyncState"), limit=2))
    assert nothing.all("t:Create") == []
    assert client.ask(SYNC.format(state="x", limit=2)).codes == ["ErrorInvalidSyncStateData"]
    assert client.ask("<m:SyncFolderItems/>").codes == ["ErrorInvalidRequest"]


def test_a_draft_and_a_sent_mail(client):
    to = "".join(
        f"<t:Mailbox><t:EmailAddress>{one}</t:EmailAddress></t:Mailbox>"
        for one in ("bob@contoso.lab", "x@other.example")
    )
    item = f'<t:Message><t:Subject>Hi</t:Subject><t:Body BodyType="Text">you</t:Body><t:ToRecipients>{to}</t:ToRecipients></t:Message>'
    saved = client.ask(CREATE.format(disposition="SaveOnly", where="", item=item))
    assert saved.codes == ["NoError"]
    assert len(saved.all("t:ItemId")) == 1
    client.ask(CREATE.format(disposition="SendAndSaveCopy", where="", item=item))
    client.ask(CREATE.format(disposition="SendOnly", where="", item=item))
    assert subjects(find(client, "drafts")) == subjects(find(client, "sentitems")) == ["Hi"]
    assert [mail.subject for mail in client.mailbox("bob").messages] == ["Hi", "Hi"]
    assert set(client.boxes) == {"alice", "bob"}


def test_a_mail_by_its_mime(client):
    mime = base64.b64encode(b"Subject: S\r\nContent-Type: text/plain\r\n\r\ntext\r\n").decode()
    where = '<m:SavedItemFolderId><t:DistinguishedFolderId Id="junkemail"/></m:SavedItemFolderId>'
    item = "<t:Message><t:MimeContent>{}</t:MimeContent></t:Message>"
    client.ask(CREATE.format(disposition="SaveOnly", where=where, item=item.format(mime)))
    assert subjects(find(client, "junkemail")) == ["S"]
    wrong = [
        CREATE.format(disposition="SaveOnly", where="", item=one)
        for one in (item.format("a"), "<t:Contact/>")
    ]
    assert [client.ask(body).codes for body in wrong] == [
        ["ErrorMimeContentInvalidBase64String"],
        ["ErrorInvalidRequest"],
    ]


def test_read_marks(client):
    client.deliver()
    identifier = find(client).get("t:ItemId", "Id")
    for value, shown in (("true", "true"), ("false", "false"), ("1", "true"), ("0", "false")):
        update = f'<t:SetItemField><t:FieldURI FieldURI="message:IsRead"/><t:Message><t:IsRead>{value}</t:IsRead></t:Message></t:SetItemField>'
        answer = client.ask(UPDATE.format(id=identifier, updates=update))
        assert answer.text("t:Count") == "0"
        assert find(client).text("t:IsRead") == shown
    other = '<t:DeleteItemField><t:FieldURI FieldURI="item:Body"/></t:DeleteItemField>'
    assert client.ask(UPDATE.format(id=identifier, updates=other)).codes == ["NoError"]
