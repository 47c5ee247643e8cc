"""Exchange ActiveSync: the request's query in both its forms, and the WBXML of its bodies.

Documents followed: MS-ASHTTP (transport and query), MS-ASWBXML (code pages), MS-ASCMD (commands), WAP-192-WBXML 1.3.
"""

from handfast.protocols.activesync.commands import Command
from handfast.protocols.activesync.query import ActiveSyncQuery, QueryForm, parse_query

__all__ = ["ActiveSyncQuery", "Command", "QueryForm", "parse_query"]
