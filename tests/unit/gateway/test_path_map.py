import pytest
from hypothesis import given
from hypothesis import strategies as st

from handfast.gateway.path_map import PathMap, PathMapping

MAP = PathMap(
    (
        PathMapping("/ews", "/ext-ews", "ex01.corp"),
        PathMapping("/ews/deep", "/deep"),
        PathMapping("/a", "/b"),
    ),
    ("sogo", ""),
)


@pytest.mark.parametrize(
    ("published", "inside"),
    [
        ("/ews", "/ext-ews"),
        ("/EWS/Exchange.asmx", "/ext-ews/Exchange.asmx"),
        ("/ews/deep/x", "/deep/x"),
        ("/ewsx", "/ewsx"),
        ("/a/b", "/b/b"),
        ("/", "/"),
    ],
)
def test_the_longest_published_path_wins_and_only_at_a_segments_end(published, inside):
    assert MAP.behind(published) == inside


def test_the_mapping_says_which_host():
    assert MAP.find("/ews/x").host == "ex01.corp"
    assert MAP.find("/other") is None


@given(st.sampled_from(["/ews", "/ews/deep", "/a"]), st.from_regex(r"(/[a-z0-9.]{1,8}){0,3}", fullmatch=True))
def test_what_goes_in_comes_back(beginning, rest):
    path = beginning + rest
    assert MAP.place_outside(MAP.behind(path).encode(), b"h").decode() == path


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (b"https://ex01.corp/", True),
        (b"/x?u=EX01.CORP", True),
        (b"/x?u=ex01.corporate", False),
        (b"/x?u=my-ex01.corp", False),
        (b"/sogo/so", False),
        (b"//sogo/so", True),
        (b"https%3A%2F%2Fsogo%2F", True),
        (b"/SOGo?x=sogo", False),
    ],
)
def test_a_servers_name_is_found_wherever_it_could_be_one(value, names):
    assert MAP.names_inside(value) is names


def test_an_empty_map_changes_nothing():
    empty = PathMap((), ())
    assert empty.place_outside(b"https://ex01.corp/a", b"h") == b"https://ex01.corp/a"
    assert empty.cookie_outside(b"a=1; path=/x") == b"a=1; path=/x"
    assert not empty.names_inside(b"anything")
    assert empty.behind("/x") == "/x"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (b"https://ex01.corp/ext-ews/a", b"https://h/ews/a"),
        (b"https://EX01.CORP:444", b"https://h/"),
        (b"https://u@ex01.corp/ext-ews", b"https://u@ex01.corp/ext-ews"),
        (b"https://ex01.corp:x/ext-ews", b"https://h/ews"),
        (b"https://[ex01.corp/ext-ews", b"https://[ex01.corp/ext-ews"),
        (b"//ex01.corp/ext-ews", b"//ex01.corp/ext-ews"),
        (b"relative", b"relative"),
    ],
)
def test_a_place_inside_is_told_as_it_is_outside(said, told):
    assert MAP.place_outside(said, b"h") == told


def test_a_cookie_keeps_all_but_its_path():
    assert MAP.cookie_outside(b"a=/ext-ews; Path=/ext-ews/x; Secure") == b"a=/ext-ews; Path=/ews/x; Secure"
