"""Restrictions."""

import pytest
from lxml import etree

from handfast.lab.ews.answers import EwsError, t
from handfast.lab.ews.properties import Record
from handfast.lab.ews.search import MAX_DEPTH, selects

RECORD = Record(
    "Message",
    lambda: t("ItemId"),
    {"item:Subject": lambda: "Hello", "0x0E23": lambda: "10", "message:IsRead": lambda: "true"},
)
SUBJECT = '<FieldURI FieldURI="item:Subject"/>'
UID = '<ExtendedFieldURI PropertyTag="0x0e23"/>'
ABSENT = '<ExtendedFieldURI DistinguishedPropertySetId="Common" PropertyId="34160"/>'


def compare(name, path, value):
    return f'<{name}>{path}<FieldURIOrConstant><Constant Value="{value}"/></FieldURIOrConstant></{name}>'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (compare("IsEqualTo", SUBJECT, "hello"), True),
        (compare("IsNotEqualTo", SUBJECT, "hello"), False),
        (compare("IsGreaterThan", UID, "9"), True),
        (compare("IsGreaterThanOrEqualTo", UID, "10"), True),
        (compare("IsLessThan", UID, "10"), False),
        (compare("IsLessThanOrEqualTo", UID, "10"), True),
        (f'<Contains>{SUBJECT}<Constant Value="ELL"/></Contains>', True),
        (f"<Exists>{ABSENT}</Exists>", False),
        (f"<Not><Exists>{ABSENT}</Exists></Not>", True),
        (f"<And><Exists>{UID}</Exists><Exists>{ABSENT}</Exists></And>", False),
        (f"<Or><Exists>{UID}</Exists><Exists>{ABSENT}</Exists></Or>", True),
        (f"<IsEqualTo>{SUBJECT}</IsEqualTo>", False),
        (compare("IsEqualTo", '<FieldURI FieldURI="message:IsRead"/>', "1"), True),
    ],
)
def test_selects(expression, expected):
    assert selects(etree.fromstring(expression), RECORD) is expected


@pytest.mark.parametrize(
    "expression",
    ["<Excludes/>", "<Not>" * (MAX_DEPTH + 2) + f"<Exists>{UID}</Exists>" + "</Not>" * (MAX_DEPTH + 2)],
)
def test_refused(expression):
    with pytest.raises(EwsError):
        selects(etree.fromstring(expression), RECORD)
