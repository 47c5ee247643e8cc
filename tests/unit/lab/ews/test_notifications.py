"""One request stays open and tells of new mail."""

import pytest

from tests.unit.lab.ews.conftest import Answered

SUBSCRIBE = "<m:Subscribe><m:StreamingSubscriptionRequest>{}<t:EventTypes><t:EventType>NewMailEvent</t:EventType></t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"
INBOX = '<t:FolderIds><t:DistinguishedFolderId Id="inbox"/></t:FolderIds>'
STREAM = "<m:GetStreamingEvents><m:SubscriptionIds>{}</m:SubscriptionIds><m:ConnectionTimeout>{}</m:ConnectionTimeout></m:GetStreamingEvents>"
END = "<m:Unsubscribe><m:SubscriptionId>{}</m:SubscriptionId></m:Unsubscribe>"


def subscribed(client, folders=INBOX):
    return client.ask(SUBSCRIBE.format(folders)).text("m:SubscriptionId")


def stream(client, identifier, minutes="1", user="alice"):
    return client.reply(STREAM.format(f"<t:SubscriptionId>{identifier}</t:SubscriptionId>", minutes), user)


async def test_quiet_then_mail(client):
    identifier = subscribed(client)
    got = []
    reply = stream(client, identifier)
    async for piece in reply.chunks:
        got.append(Answered(piece))
        if len(got) == 2:
            client.mailbox("alice").deliver("elsewhere", "", sender="x", folder="8")
            client.deliver("news")
        if got[-1].all("t:NewMailEvent"):
            break
    assert [one.text("m:ConnectionStatus") for one in got[:2]] == ["OK", "OK"]
    assert len(got[-1].all("t:NewMailEvent")) == 1
    assert got[-1].text("t:SubscriptionId") == identifier


async def test_all_folders(client):
    reply = stream(client, subscribed(client, ""))
    client.mailbox("alice").deliver("elsewhere", "", sender="x", folder="8")
    pieces = [Answered(await anext(reply.chunks)) for _ in range(2)]
    assert len(pieces[-1].all("t:NewMailEvent")) == 1


def test_a_subscription_is_its_users_own_and_ends(client):
    identifier = subscribed(client)
    assert Answered(stream(client, identifier, user="bob").body).codes == ["ErrorSubscriptionNotFound"]
    assert client.ask(END.format(identifier)).codes == ["NoError"]
    assert client.ask(END.format(identifier)).codes == ["ErrorSubscriptionNotFound"]


@pytest.mark.parametrize("minutes", ["", "0", "31", "x"])
def test_a_connection_lasts_from_one_to_thirty_minutes(client, minutes):
    assert Answered(stream(client, subscribed(client), minutes).body).codes == ["ErrorInvalidArgument"]


def test_without_subscription(client):
    assert client.ask(STREAM.format("", "1")).codes == ["ErrorInvalidSubscription"]
    assert client.ask("<m:Subscribe><m:PullSubscriptionRequest/></m:Subscribe>").codes == [
        "ErrorInvalidSubscriptionRequest"
    ]
