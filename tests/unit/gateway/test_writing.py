from handfast.gateway.writing import JOINED_BYTES, write_parts


class FakeTransport:
    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(data)

    def writelines(self, parts):
        self.written.append(list(parts))


def written(*parts):
    transport = FakeTransport()
    write_parts(transport, parts)
    return transport.written


def test_small_parts_leave_together():
    assert written(b"a") == [b"a"]
    assert written(b"a", b"b", b"") == [b"ab"]


def test_large_parts_are_not_copied():
    large = bytes(JOINED_BYTES)
    assert written(b"a", large) == [[b"a", large]]
