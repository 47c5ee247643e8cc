from __future__ import annotations

from handfast.decision.rules.activesync import ACTIVESYNC_RULES
from handfast.decision.rules.path_rule import QueryShape


def test_both_paths_are_sent_as_exchange_spells_them():
    (rule,) = ACTIVESYNC_RULES
    assert rule.spell("/microsoft-server-activesync") == "/Microsoft-Server-ActiveSync"
    assert (
        rule.spell("/microsoft-server-activesync/default.eas") == "/Microsoft-Server-ActiveSync/default.eas"
    )
    assert rule.query is QueryShape.ACTIVESYNC
