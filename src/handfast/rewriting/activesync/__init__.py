"""What a phone is told by the gateway itself, and what is learned from a phone; nothing here does I/O.

A host asks in two places:

1. *A refusal of identity on the ActiveSync channel.* `answer_for(reason, request, policy, decision.wipe)` says how this
   phone is told:

   - `None`: as any other refusal (`replies.http.render`);
   - `PhoneAnswer`: send it with X-Request-Id added, as every refusal has it (the answer has the shape of a rendered reply:
     `status`, `headers`, `body`, `close`), after `hold_seconds` where that is not 0 (the phone's Ping). Only the end of
     its connection ends the waiting: the phone leaves, or the service has stopped. What is revoked meanwhile does not,
     for a refused request rests on nothing that could be taken away;
   - `NeedsBody`: collect the request's body, at most `max_bytes`, and ask again with `replace(request, body=whole)`, or
     `replace(request, is_too_long=True)` where it is longer; a request without a body has `b""`. Only a refused request
     is held so, and nothing of it goes behind;
   - `WipeStep`: `await reports.report_wipe(step.report)` first (`decision.ports.DeviceReports`; the client of the
     gateway API fits it, and says which node it is). True: send `step.answer`. False: identity knows no such wipe any
     more; answer as for `Reason.DEVICE_BLOCKED`. `Unavailable`: answer as for `Reason.IDENTITY_UNAVAILABLE`, the phone
     comes back.

   The request carries its time, host and login as well: they date and address the message a waiting phone is shown.
   The record of the request keeps the decision's reason whatever the status says, and `decision.is_repeat` goes into
   `DecisionRecord.is_repeat`, on any channel: a phone that is wrong again and again has one line and a count.

2. *A request that is let through.* Where `may_hold_facts(command)` a copy of the request's body is kept while it is
   streamed behind, at most `MAX_FACTS_BYTES` (one byte more: forget the copy). Once the body is whole, and after the
   back end's answer began with 200, `read_facts(body)` gives what the phone says of itself, or None, and
   `facts_event(grant, facts)` the event for the `AuditSink`. Reporting the same facts twice is harmless.

3. *A refusal that came with `Decision.telling`.* The phone has to wait, and this request may say what it is. Before it is
   told, collect the body, at most `MAX_FACTS_BYTES`, and report what `read_facts(body)` finds by
   `waiting_facts_event(publication, decision.telling, facts)`. Then ask `answer_for` with that same body.

What identity does with a report, and whether the phone is let in afterwards, is identity's word.
"""

from __future__ import annotations

from handfast.rewriting.activesync.asking import Answer, NeedsBody, PhoneAnswer, PhoneRequest, WipeStep
from handfast.rewriting.activesync.learning import (
    MAX_FACTS_BYTES,
    facts_event,
    may_hold_facts,
    read_facts,
    waiting_facts_event,
)
from handfast.rewriting.activesync.refusals import answer_for

__all__ = [
    "MAX_FACTS_BYTES",
    "Answer",
    "NeedsBody",
    "PhoneAnswer",
    "PhoneRequest",
    "WipeStep",
    "answer_for",
    "facts_event",
    "may_hold_facts",
    "read_facts",
    "waiting_facts_event",
]
