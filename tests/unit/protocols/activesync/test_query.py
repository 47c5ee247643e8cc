"""One value from both forms of the query, and no query that two readers could understand differently."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from handfast.protocols.activesync import ActiveSyncQuery, Command, QueryForm, parse_query
from handfast.protocols.activesync.commands import CODE_BY_COMMAND, CODE_BY_VERSION
from handfast.protocols.activesync.query import MAX_QUERY_BYTES, TAG_BY_PARAMETER
from handfast.protocols.errors import MalformedMessage

VECTORS = json.loads((Path(__file__).parents[3] / "vectors/activesync/queries.json").read_text())
PLAIN = b"Cmd=Sync&User=alice&DeviceId=ABC123&DeviceType=iPhone"
GUID = bytes(range(16))


def packed(*, version=141, command=0, device=b"ABC123", key=b"", kind=b"iPhone", rest=b"") -> bytes:
    raw = bytes([version, command, 9, 4, len(device)]) + device + bytes([len(key)]) + key
    return base64.b64encode(raw + bytes([len(kind)]) + kind + rest)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])
def test_base64_vectors(vector):
    query = parse_query(vector["query"].encode(), method="POST")
    for name in ("command", "protocol_version", "locale", "device_id", "policy_key", "device_type", "user"):
        assert getattr(query, name) == vector[name]
    assert [list(pair) for pair in query.parameters] == vector["parameters"]
    assert query.form is QueryForm.BASE64
    assert query.encode().decode() == vector["query"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])
def test_base64_without_padding_and_percent_encoded_is_the_same_query(vector):
    text = vector["query"]
    query = parse_query(text.encode(), method="POST")
    assert parse_query(text.rstrip("=").encode(), method="POST") == query
    escaped = text.replace("=", "%3d").replace("+", "%2B").replace("/", "%2f")
    assert parse_query(escaped.encode(), method="POST") == query


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["source"])
def test_base64_cut_short_is_refused(vector):
    raw = base64.b64decode(vector["query"])
    required = len(raw) - (3 if vector["parameters"] else 0)
    for length in range(len(raw)):
        if length == required:
            continue
        with pytest.raises(MalformedMessage):
            parse_query(base64.b64encode(raw[:length]) or b"A", method="POST")


def test_plain_query():
    query = parse_query(PLAIN, method="POST")
    assert query == ActiveSyncQuery(
        command=Command.SYNC, user="alice", device_id_as_sent=b"ABC123", device_type="iPhone"
    )
    assert (query.device_id, query.form, query.protocol_version) == ("ABC123", "plain", "")
    assert (query.policy_key, query.locale, query.requires_device) == (None, None, True)
    assert query.encode() == PLAIN


def test_names_and_commands_are_read_without_case_and_escapes_and_rebuilt_plainly():
    query = parse_query(
        b"deviceid=aBc123&CMD=folderSYNC&%75ser=CORP%5cb%c3%a4r+x%2By&DEVICETYPE=Android", method="POST"
    )
    assert query.command is Command.FOLDER_SYNC
    assert query.user == "CORP\\bär x+y"
    assert query.device_id == "ABC123"
    assert query.encode() == b"Cmd=FolderSync&User=CORP%5Cb%C3%A4r%20x%2By&DeviceId=aBc123&DeviceType=Android"


def test_parameters_of_a_command_are_kept_sorted_and_empty_ones_dropped():
    query = parse_query(
        b"Cmd=SmartReply&ItemId=5:1&DeviceId=A&CollectionId=5&SaveInSent=T&LongId=&User=", method="POST"
    )
    assert query.parameters == (("CollectionId", "5"), ("ItemId", "5:1"), ("SaveInSent", "T"))
    assert query.encode() == b"Cmd=SmartReply&DeviceId=A&CollectionId=5&ItemId=5%3A1&SaveInSent=T"


def test_base64_user_and_parameters():
    rest = bytes([8, 5]) + b"alice" + bytes([1, 1]) + b"5" + bytes([7, 1, 3]) + bytes([3, 0])
    query = parse_query(packed(command=3, rest=rest), method="POST")
    assert query.command is Command.SMART_REPLY
    assert query.user == "alice"
    assert query.parameters == (("CollectionId", "5"), ("Options", "3"))
    assert parse_query(query.encode(), method="POST") == query


def test_a_guid_equals_its_hexadecimal_digits_in_the_plain_form():
    in_base64 = parse_query(packed(device=GUID), method="POST")
    in_plain = parse_query(b"Cmd=Sync&DeviceId=" + GUID.hex().encode(), method="POST")
    assert in_base64.device_id == in_plain.device_id == GUID.hex().upper()
    assert base64.b64decode(in_base64.encode()) == base64.b64decode(packed(device=GUID))


def test_a_bare_options_needs_no_device():
    query = parse_query(b"", method="OPTIONS")
    assert (query.command, query.form, query.device_id) == ("OPTIONS", "none", "")
    assert not query.requires_device
    assert query.encode() == b""


@pytest.mark.parametrize("raw", [b"Cmd=OPTIONS", b"cmd=options", b"Cmd=Options&User=alice", b"DeviceId=A1"])
def test_options_with_a_query(raw):
    query = parse_query(raw, method="OPTIONS")
    assert query.command is Command.OPTIONS
    assert not query.requires_device
    assert parse_query(query.encode(), method="OPTIONS") == query


def test_a_post_that_says_options_needs_no_device_either():
    assert not parse_query(b"Cmd=OPTIONS", method="POST").requires_device


# The settings vector ends in "BAA==": "BAB==" decodes to the same bytes in a lenient reader.
STRAY_BITS = VECTORS[1]["query"].encode().replace(b"AA==", b"AB==")

REFUSED = {
    "no command": b"DeviceId=A",
    "empty command": b"Cmd=&DeviceId=A",
    "unknown command": b"Cmd=Steal&DeviceId=A",
    "unknown name": b"Cmd=Sync&DeviceId=A&Foo=1",
    "second device id": b"Cmd=Sync&DeviceId=A&DeviceId=B",
    "same device id twice": b"Cmd=Sync&DeviceId=A&DeviceId=A",
    "second device id, other case": b"Cmd=Sync&DeviceId=A&deviceID=B",
    "second device id, escaped name": b"Cmd=Sync&DeviceId=A&%44evice%49d=B",
    "second device id, empty": b"Cmd=Sync&DeviceId=A&DeviceId=",
    "second device id, array": b"Cmd=Sync&DeviceId=A&DeviceId[]=B",
    "second device id, space before": b"Cmd=Sync&DeviceId=A&+DeviceId=B",
    "second device id, NUL after": b"Cmd=Sync&DeviceId=A&DeviceId%00=B",
    "second device id behind a semicolon": b"Cmd=Sync&DeviceId=A;DeviceId=B",
    "second device id behind an escaped ampersand": b"Cmd=Sync&DeviceId=A%26DeviceId=B",
    "second device id behind an escaped semicolon": b"Cmd=Sync&DeviceId=A%3BDeviceId=B",
    "second command": b"Cmd=Sync&Cmd=Ping&DeviceId=A",
    "two values": b"Cmd=Sync&DeviceId=A,B",
    "value with an equals sign": b"Cmd=Sync&DeviceId=A=B",
    "base64 before plain": VECTORS[0]["query"].encode() + b"&DeviceId=B",
    "base64 after plain": PLAIN + b"&" + VECTORS[0]["query"].encode(),
    "padded base64 after plain": PLAIN + b"&" + VECTORS[1]["query"].encode(),
    "base64 inside a name": b"Cmd=Sync&DeviceId=A&" + packed() + b"=",
    "empty part": b"Cmd=Sync&&DeviceId=A",
    "part without a value": b"Cmd=Sync&DeviceId",
    "trailing separator": PLAIN + b"&",
    "percent at the end": b"Cmd=Sync&DeviceId=A%",
    "percent without digits": b"Cmd=Sync&DeviceId=%4G",
    "unicode escape": b"Cmd=Sync&DeviceId=%u0041",
    "twice encoded": b"Cmd=Sync&DeviceId=A&User=%2541",
    "twice encoded unicode escape": b"Cmd=Sync&DeviceId=A&User=%25u0041",
    "NUL": b"Cmd=Sync&DeviceId=A&User=a%00b",
    "line break": b"Cmd=Sync&DeviceId=A&User=a%0d%0ab",
    "C1 control": b"Cmd=Sync&DeviceId=A&User=a%c2%85b",
    "overlong UTF-8": b"Cmd=Sync&DeviceId=A&User=%c0%af",
    "surrogate": b"Cmd=Sync&DeviceId=A&User=%ed%a0%80",
    "raw eight bit": b"Cmd=Sync&DeviceId=A&User=\xc3\xa4",
    "raw space": b"Cmd=Sync&DeviceId=A&User=a b",
    "fragment": b"Cmd=Sync&DeviceId=A#B",
    "raw backslash": b"Cmd=Sync&DeviceId=A&User=CORP\\alice",
    "device id with a hyphen": b"Cmd=Sync&DeviceId=A-B",
    "device id with a space": b"Cmd=Sync&DeviceId=A%20",
    "device id not ASCII": b"Cmd=Sync&DeviceId=%d0%90",
    "device id of sixteen raw bytes in the plain form": b"Cmd=Sync&DeviceId=" + b"%01" * 8 + b"%7e" * 8,
    "sixteen bytes of UTF-8 in the plain form": b"Cmd=Sync&DeviceId=" + b"%c3%a4" * 8,
    "device id too long": b"Cmd=Sync&DeviceId=" + b"A" * 65,
    "device type with punctuation": b"Cmd=Sync&DeviceId=A&DeviceType=i%2FPhone",
    "device type too long": b"Cmd=Sync&DeviceId=A&DeviceType=" + b"A" * 65,
    "value too long": b"Cmd=Sync&DeviceId=A&LongId=" + b"A" * 1025,
    "query too long": b"Cmd=Sync&DeviceId=A&LongId=" + b"A" * MAX_QUERY_BYTES,
    "base64 of wrong length": b"AAAAA",
    "base64 too short": b"AAAA",
    "base64 with stray bits": STRAY_BITS,
    "base64 URL alphabet": b"jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25-",
    "base64 padding and more": b"jAAJ==AA",
    "base64 other escape": b"%6aAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l",
    "base64 unknown version": packed(version=142),
    "base64 unknown command": packed(command=5),
    "base64 without device id": packed(device=b""),
    "base64 device id with punctuation": packed(device=b"ABC-123"),
    "base64 sixteen printable bytes that are no text id": packed(device=b"0123456789ABCDE-"),
    "base64 raw bytes, not sixteen": packed(device=b"\x00" * 15),
    "base64 device id too long": packed(device=b"A" * 65),
    "base64 policy key of two bytes": packed(key=b"ab"),
    "base64 device type": packed(kind=b"i&Phone"),
    "base64 unknown parameter": packed(rest=b"\x02\x01a"),
    "base64 parameter twice": packed(rest=b"\x01\x01a\x01\x01b"),
    "base64 user with NUL": packed(rest=b"\x08\x02a\x00"),
    "base64 user not UTF-8": packed(rest=b"\x08\x01\xff"),
    "base64 options of two bytes": packed(rest=b"\x07\x02\x00\x00"),
    "base64 options unknown bits": packed(rest=b"\x07\x01\x04"),
    "base64 parameter cut": packed(rest=b"\x01\x05a"),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED.keys())
def test_refused(raw):
    with pytest.raises(MalformedMessage) as caught:
        parse_query(raw, method="POST")
    assert caught.value.protocol == "activesync"
    assert caught.value.status == 400


def test_stray_bits_are_the_reason_for_refusing_them():
    assert base64.b64decode(STRAY_BITS) == base64.b64decode(VECTORS[1]["query"])
    with pytest.raises(MalformedMessage, match="stray bits"):
        parse_query(STRAY_BITS, method="POST")


def test_no_query_on_post_is_refused():
    with pytest.raises(MalformedMessage, match="Cmd: missing"):
        parse_query(b"", method="POST")


@pytest.mark.parametrize("raw", [b"Cmd=Sync&DeviceId=A", packed()])
def test_another_command_on_the_method_options_is_refused(raw):
    with pytest.raises(MalformedMessage):
        parse_query(raw, method="OPTIONS")


@pytest.mark.parametrize("method", ["GET", "HEAD", "post", "PUT", ""])
def test_other_methods_are_refused(method):
    with pytest.raises(MalformedMessage) as caught:
        parse_query(PLAIN, method=method)
    assert caught.value.status == 405


def test_an_error_never_repeats_more_than_a_little_of_the_input():
    with pytest.raises(MalformedMessage) as caught:
        parse_query(b"Cmd=" + b"%C3%A4" * 150 + b"&DeviceId=A", method="POST")
    assert len(str(caught.value)) < 250
    assert str(caught.value).isascii()


ALPHANUMERIC = st.text("abcXYZ0189", max_size=64)
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=40).filter(
    lambda text: "%" not in text
)
PLAIN_NAMES = (
    "AttachmentName",
    "CollectionId",
    "ItemId",
    "LongId",
    "ParentId",
    "SaveInSent",
    "AcceptMultiPart",
)


def parameter_sets(names, values):
    return st.dictionaries(st.sampled_from(names), values).map(
        lambda chosen: tuple(sorted((name, value) for name, value in chosen.items() if value))
    )


PLAIN_QUERIES = st.builds(
    ActiveSyncQuery,
    command=st.sampled_from(list(Command)),
    user=TEXT,
    device_id_as_sent=ALPHANUMERIC.map(str.encode),
    device_type=ALPHANUMERIC,
    parameters=parameter_sets(PLAIN_NAMES, TEXT),
)
BASE64_QUERIES = st.builds(
    ActiveSyncQuery,
    command=st.sampled_from(list(CODE_BY_COMMAND)),
    user=TEXT,
    device_id_as_sent=st.one_of(
        ALPHANUMERIC.filter(bool).map(str.encode),
        st.binary(min_size=15, max_size=15).map(lambda raw: b"\x00" + raw),
    ),
    device_type=ALPHANUMERIC,
    protocol_version=st.sampled_from(list(CODE_BY_VERSION)),
    policy_key=st.none() | st.integers(0, 2**32 - 1),
    locale=st.integers(0, 0xFFFF),
    form=st.just(QueryForm.BASE64),
    parameters=parameter_sets([name for name in TAG_BY_PARAMETER if name not in ("User", "Options")], TEXT),
)


@given(PLAIN_QUERIES | BASE64_QUERIES)
def test_what_is_encoded_is_parsed_again(query):
    assert parse_query(query.encode(), method="POST") == query


@given(
    st.binary(max_size=300) | st.binary(max_size=80).map(base64.b64encode),
    st.sampled_from(["POST", "OPTIONS"]),
)
@example(PLAIN, "POST")
@example(packed(), "POST")
def test_any_bytes_are_a_query_or_malformed(raw, method):
    try:
        query = parse_query(raw, method=method)
    except MalformedMessage:
        return
    assert parse_query(query.encode(), method=method) == query


@given(
    st.lists(
        st.sampled_from(
            [b"Cmd=Sync", b"DeviceId=A", b"deviceid=B", b"&", b";", b"=", b"%26", b"User=u", b"%3D", b"+"]
        )
    )
)
def test_no_mixture_yields_a_query_whose_text_says_another_device(pieces):
    raw = b"".join(pieces)
    try:
        query = parse_query(raw, method="POST")
    except MalformedMessage:
        return
    assert raw.lower().count(b"deviceid") <= 1
    assert parse_query(query.encode(), method="POST").device_id == query.device_id
