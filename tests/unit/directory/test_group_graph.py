from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.directory import group_graph
from handfast.directory.group_graph import GroupGraph, build_group, enlarge_group, key_of, sid_of

DOMAIN = "S-1-5-21-1-2-3"
BUILTIN_USERS = "S-1-5-32-545"


def group(key, *members, is_security=True, name=""):
    return build_group(key, name or f"group {key}", members, is_security=is_security)


@pytest.mark.parametrize(
    ("sid", "key"),
    [
        (f"{DOMAIN}-1105", 1105),
        (BUILTIN_USERS, BUILTIN_USERS),
        ("S-1-5-21-1-2-4-1105", "S-1-5-21-1-2-4-1105"),
        (f"{DOMAIN}-99999999999", f"{DOMAIN}-99999999999"),
    ],
)
def test_keys_stand_for_sids(sid, key):
    assert key_of(sid, DOMAIN) == key
    assert sid_of(key, DOMAIN) == sid


def test_membership_goes_up_through_security_groups_only():
    graph = GroupGraph(
        [group(1, 100), group(2, 1), group(BUILTIN_USERS, 2), group(3, 1, is_security=False), group(4, 3)]
    )
    assert graph.groups_of([1]) == {1, 2, BUILTIN_USERS}
    assert graph.groups_of([3]) == set(), "a mailing list gives nothing, nor does what it is in"
    assert graph.groups_of([1, 77]) == {1, 2, BUILTIN_USERS}, "nobody knows 77"
    assert (graph.name(1), graph.name(77), len(graph)) == ("group 1", "", 5)


def test_groups_are_found_by_their_members():
    graph = GroupGraph(
        [group(1, 100, 2), group(2, 100, "S-1-5-11", 0xFFFF_FFFF), group("S-1-5-32-545", 101, "S-1-5-11")]
    )
    assert {member: set(graph.naming(member)) for member in (100, 101, 2, 0xFFFF_FFFF, "S-1-5-11")} == {
        100: {1, 2},
        101: {BUILTIN_USERS},
        2: {1},
        0xFFFF_FFFF: {2},
        "S-1-5-11": {2, BUILTIN_USERS},
    }
    assert list(graph.naming(99)) == list(graph.naming("S-1-1")) == []
    graph.put(group(1, 99))
    assert (set(graph.naming(99)), set(graph.naming(100))) == ({1}, {2})


def test_a_group_grows():
    grown = enlarge_group(group(1, 100, "S-1-5-11", name="x", is_security=False), [101, "S-1-5-12"])
    assert grown == group(1, 100, 101, "S-1-5-11", "S-1-5-12", name="x", is_security=False)


def test_loops_end():
    graph = GroupGraph([group(1, 2, 1), group(2, 1, 100)])
    graph.prepare()
    assert graph.groups_of([1]) == graph.groups_of([2]) == {1, 2}
    assert graph.put(group(1, 2, 1, 101)) == {101}
    assert graph.put(group(1)) == {100, 101}, "2 stood in it, and with it whoever is in 2"


def test_only_members_that_differ_are_touched():
    graph = GroupGraph([group(1, 100, 101), group(2, 102)])
    assert graph.put(group(1, 101, 103)) == {100, 103}
    assert graph.put(group(1, 101, 103)) == set()
    assert graph.put(group(1, 101, 103, 2)) == {102}
    assert graph.groups_of([2]) == {1, 2}


def test_a_new_name_or_kind_touches_all_members():
    graph = GroupGraph([group(1, 100, 2), group(2, 101)])
    assert graph.put(group(1, 100, 2, name="other")) == {100, 101}
    assert graph.put(group(1, 100, 2, name="other", is_security=False)) == {100, 101}
    assert graph.groups_of([1]) == set()


def test_new_and_deleted_groups_touch_their_members():
    graph = GroupGraph([group(1, 100)])
    assert graph.put(group(2, 1, "S-1-5-11")) == {100, "S-1-5-11"}
    assert graph.groups_of([1]) == {1, 2}
    assert graph.remove(1) == {100}
    assert graph.remove(1) == set()
    assert graph.groups_of([1]) == set()
    assert graph.keys == {2}


@given(st.dictionaries(st.integers(1, 12), st.sets(st.integers(1, 20))))
def test_the_closure_is_what_walking_down_finds(memberships):
    """However groups stand in each other: an account's groups are those it is below."""
    graph = GroupGraph([group(key, *members) for key, members in memberships.items()])
    for account in range(13, 21):
        direct = {key for key, members in memberships.items() if account in members}
        assert graph.groups_of(direct) == {key for key in memberships if account in _below(memberships, key)}


@given(
    st.dictionaries(st.integers(1, 6), st.sets(st.integers(1, 12)), min_size=1),
    st.integers(1, 6),
    st.sets(st.integers(1, 12)),
)
def test_whoever_is_not_touched_has_the_same_groups_as_before(memberships, key, members):
    graph = GroupGraph([group(one, *inside) for one, inside in memberships.items()])
    graph.prepare()
    after = {**memberships, key: members}
    touched = graph.put(group(key, *members))
    for account in range(7, 13):
        was = {one for one in memberships if account in _below(memberships, one)}
        now = {one for one in after if account in _below(after, one)}
        assert account in touched or was == now
        assert graph.groups_of(graph.naming(account)) == now


def test_some_groups_that_change_do_not_make_all_memberships_be_worked_out_anew(monkeypatch):
    """In a large domain that takes seconds, and some group changes all the time."""
    sorted_anew = []
    build = group_graph._Memberships
    monkeypatch.setattr(
        group_graph, "_Memberships", lambda groups: sorted_anew.append(len(groups)) or build(groups)
    )
    graph = GroupGraph(group(key, 1000 + key) for key in range(100))
    graph.prepare()
    for key in range(100):
        graph.put(group(key, 1000 + key))  # read again, and nothing came of it
    for key in range(group_graph.MAX_CHANGED):
        graph.put(group(key, 5000))
        graph.prepare()
    graph.remove(0)
    assert sorted_anew == [100]
    assert list(graph.naming(1000)) == [] == list(graph.naming(1001))
    assert set(graph.naming(5000)) == set(range(1, group_graph.MAX_CHANGED))
    graph.put(group(200, 5000))
    graph.prepare()
    assert sorted_anew == [100, 100]
    assert set(graph.naming(5000)) == {200, *range(1, group_graph.MAX_CHANGED)}


def test_no_list_that_is_sorted_holds_many_memberships():
    """While one is, nothing else of the process runs."""
    groups = [group(key, *range(1000, 3000)) for key in range(20)]
    shards = group_graph._Memberships(groups)._shards
    assert sum(map(len, shards)) == 40_000
    assert max(map(len, shards)) < 200


def _below(memberships, key):
    found, waiting = set(), [key]
    while waiting:
        for member in memberships.get(waiting.pop(), ()):
            if member not in found:
                found.add(member)
                waiting.append(member)
    return found
