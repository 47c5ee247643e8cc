from datetime import UTC, datetime, timedelta

from handfast.keys.system import SystemClock, SystemRandomness


def test_the_clock_is_aware_and_right():
    assert abs(SystemClock().now() - datetime.now(UTC)) < timedelta(seconds=5)


def test_randomness_has_the_asked_size_and_stays_in_its_alphabet():
    randomness = SystemRandomness()
    assert len(randomness.token_bytes(16)) == 16
    assert randomness.token_bytes(16) != randomness.token_bytes(16)
    assert {randomness.choice("ab") for _ in range(200)} == {"a", "b"}
