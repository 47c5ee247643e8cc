"""Members are their value, and say what they mean."""

from __future__ import annotations

import json

from handfast.protocols.meanings import MeaningEnum


class Weather(MeaningEnum):
    RAIN = "rain", "take an umbrella"
    SUN = "sun", "leave it"


def test_a_member_is_its_value_and_has_a_meaning():
    assert (Weather.RAIN, Weather.RAIN.meaning) == ("rain", "take an umbrella")
    assert (str(Weather.SUN), f"{Weather.SUN}", json.dumps(Weather.SUN)) == ("sun", "sun", '"sun"')
    assert Weather._value2member_map_["sun"] is Weather.SUN
    assert [weather.meaning for weather in Weather] == ["take an umbrella", "leave it"]
