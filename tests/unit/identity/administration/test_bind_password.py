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
