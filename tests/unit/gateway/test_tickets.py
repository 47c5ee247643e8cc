"""An answer that waits for its server's proof waits in little room."""

from types import SimpleNamespace

from handfast.decision.reasons import Reason
from handfast.gateway.tickets import MAX_WAITING_BYTES, ProvenAnswer


class Waiting(SimpleNamespace):
    """An exchange that notes how it was refused."""

    method = b"POST"

    def refuse(self, reason, *, detail=""):
        self.refused = reason


def test_what_comes_before_the_proof_is_bounded():
    exchange = Waiting(refused=None)
    sink = ProvenAnswer(exchange, SimpleNamespace(), SimpleNamespace(), "1", 0.0)
    piece = bytes(64 * 1024)
    for _ in range(MAX_WAITING_BYTES // len(piece)):
        sink.on_answer_body([piece], is_done=False)
    assert exchange.refused is None
    sink.on_answer_body([b"x"], is_done=False)
    assert (exchange.refused, sink._pieces) == (Reason.BACKEND_UNAVAILABLE, [])
