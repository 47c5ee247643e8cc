import inspect

import pytest

from handfast.identity.administration.calls import Administration

CALLS = {
    name: call
    for name, call in inspect.getmembers(Administration, inspect.iscoroutinefunction)
    if not name.startswith("_")
}


def test_every_part_has_its_calls():
    assert {"account_list", "app_password_issue", "device_list", "counter_clear", "audit_show"} <= set(CALLS)
    assert {part.__name__ for part in Administration.__bases__} == {
        call.__qualname__.partition(".")[0] for call in CALLS.values()
    }


@pytest.mark.parametrize("name", CALLS)
def test_a_call_takes_its_arguments_by_name_and_says_who_called(name):
    _self, *parameters = inspect.signature(CALLS[name]).parameters.values()
    assert {one.kind for one in parameters} == {inspect.Parameter.KEYWORD_ONLY}
    assert "actor" in {one.name for one in parameters}
