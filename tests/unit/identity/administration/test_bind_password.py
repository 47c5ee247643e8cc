import pytest

from handfast.identity.administration.errors import AdministrationError

USER = "svc-read@contoso.lab"


async def test_a_refusal_is_shared_until_the_password_is_accepted(desk):
    words = {"user": USER, "password": "wrong-secret"}
    assert await desk("bind_password_find", **words) is None
    await desk("bind_password_refused", **words, times=2, lasts_seconds=600.0)
    assert await desk("bind_password_find", **words) == {"times": 2, "seconds_ago": 0.0}
    (counter,) = await desk("counter_list")
    assert (counter["kind"], counter["scope"]) == ("domain-wrong", "directory.bind_user")
    await desk("bind_password_accepted", **words)
    assert await desk("bind_password_find", **words) is None


@pytest.mark.parametrize(
    ("times", "lasts_seconds"), [(0, 600.0), (10**9, 600.0), (1, 0.0), (1, 1e12), (1, float("nan"))]
)
async def test_a_refusal_that_nobody_can_have_met_is_not_kept(desk, times, lasts_seconds):
    words = {"user": USER, "password": "wrong-secret"}
    with pytest.raises(AdministrationError, match="refused once at least") as refused:
        await desk("bind_password_refused", **words, times=times, lasts_seconds=lasts_seconds)
    assert refused.value.kind == "usage"
    assert await desk("bind_password_find", **words) is None
