"""The one way a peer's bytes are refused."""

from __future__ import annotations


class MalformedMessage(ValueError):
    """The peer sent something its protocol does not allow, or more of it than we take.

    Raised by every parser and by nothing else; the caller answers 400 (or 502, where the peer is a back end)
    and forwards nothing. `str()` is fit for a log: it never holds more than a short, escaped piece of the input.

    Attributes:
        protocol: short name of the protocol, e.g. "http", "ntlm", "wbxml".
        field: what was being read, in the words of the specification.
        problem: what is wrong with it, one clause.
        source: document and section, or "" where the rule is ours.
        status: the HTTP status the specification names for this fault, where it names one other than 400.
    """

    def __init__(
        self, protocol: str, field: str, problem: str, source: str = "", *, status: int = 400
    ) -> None:
        super().__init__(f"{protocol} {field}: {problem}" + (f" ({source})" if source else ""))
        self.protocol = protocol
        self.field = field
        self.problem = problem
        self.source = source
        self.status = status
