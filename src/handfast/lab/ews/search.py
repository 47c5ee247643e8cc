"""Which records a restriction selects, in which order, and which page of them. Source: MS-OXWSSRCH 2.2.4."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence

from handfast.lab.documents import Node, children, find, local_name
from handfast.lab.ews.answers import EwsError
from handfast.lab.ews.properties import Record, path_of

_Key = tuple[int, str]
_COMPARISONS: dict[str, Callable[[_Key, _Key], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}
_BOOLEANS = {"false": "0", "true": "1"}
MAX_DEPTH = 20


def matching(records: Sequence[Record], request: Node) -> list[Record]:
    """The records a FindItem or FindFolder request asks for, sorted as it wants them. Raises: EwsError."""
    found = list(records)
    for restriction in children(find(request, "Restriction")):
        found = [record for record in found if selects(restriction, record)]
    for order in reversed(children(find(request, "SortOrder"))):
        path = path_of(children(order)[0])
        found.sort(
            key=lambda record: _comparable(record.text(path)), reverse=order.get("Order") == "Descending"
        )
    return found


def page(records: Sequence[Record], request: Node) -> tuple[list[Record], dict[str, str]]:
    """One page and the attributes of its RootFolder."""
    view = next((node for node in children(request) if local_name(node).startswith("IndexedPage")), None)
    offset = _number(view, "Offset", 0)
    limit = _number(view, "MaxEntriesReturned", 1000)
    shown = list(records[offset : offset + limit])
    following = offset + len(shown)
    attributes = {
        "IndexedPagingOffset": str(following),
        "TotalItemsInView": str(len(records)),
        "IncludesLastItemInRange": str(following >= len(records)).lower(),
    }
    return shown, attributes


def selects(expression: Node, record: Record, depth: int = 0) -> bool:
    """Whether one search expression holds of a record. Raises: EwsError."""
    if depth > MAX_DEPTH:
        raise EwsError("ErrorRestrictionTooComplex", "The restriction is too deep.")
    name, parts = local_name(expression), children(expression)
    match name:
        case "And":
            return all(selects(part, record, depth + 1) for part in parts)
        case "Or":
            return any(selects(part, record, depth + 1) for part in parts)
        case "Not":
            return not selects(parts[0], record, depth + 1)
        case "Exists":
            return path_of(parts[0]) in record.properties
        case "Contains":
            return _constant(parts).casefold() in record.text(path_of(parts[0])).casefold()
        case _ if name in _COMPARISONS:
            left, right = _comparable(record.text(path_of(parts[0]))), _comparable(_constant(parts))
            return _COMPARISONS[name](left, right)
    raise EwsError("ErrorUnsupportedPathForQuery", f"No search by {name}.")


def _constant(parts: Sequence[Node]) -> str:
    """The value an expression compares with."""
    for part in parts:
        for node in (part, *children(part)):
            if local_name(node) == "Constant":
                return str(node.get("Value", ""))
    return ""


def _comparable(text: str) -> _Key:
    """Numbers by their value, and before every other text; true is 1 as xs:boolean has it."""
    text = _BOOLEANS.get(text, text)
    return (
        (int(text), "") if text.isascii() and text.isdigit() and len(text) < 19 else (2**63, text.casefold())
    )


def _number(view: Node | None, name: str, default: int) -> int:
    value = str(view.get(name, "")) if view is not None else ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else default
