import shutil
import subprocess
from pathlib import Path

import pytest

from handfast.cli.installation.answers import Answers
from handfast.cli.installation.units import ROLES, _escaped, build_units, find_hidden

PACKAGED = Path(__file__).resolve().parents[4] / "packaging/systemd"
DEFAULT = Answers("mail.example.com", "https://exchange.example.lan", None, None)


def values(text, key):
    return [line.partition("=")[2] for line in text.splitlines() if line.startswith(f"{key}=")]


def test_the_packaged_units_are_what_init_writes():
    assert {one.name: one.read_text() for one in PACKAGED.iterdir()} == build_units(DEFAULT)


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_unit_runs_as_root_or_may_gain_anything(role):
    text = build_units(DEFAULT)[f"{role.name}.service"]
    assert values(text, "User")[0].startswith("handfast")
    for key, value in {
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "UMask": "0077",
        "PrivateDevices": "yes",
    }.items():
        assert values(text, key) == [value]
    assert values(text, "AmbientCapabilities") == values(text, "CapabilityBoundingSet")
    assert set(values(text, "AmbientCapabilities")[0].split()) <= {
        "CAP_NET_BIND_SERVICE",
        "CAP_SETUID",
        "CAP_SETGID",
    }
    assert ("StateDirectory" in text) is role.keeps_records


def test_other_folders_are_opened_for_writing_and_odd_paths_escaped(tmp_path):
    answers = Answers(
        "a.b",
        "https://x",
        None,
        None,
        directory=Path("/srv/my $conf"),
        data=Path("/srv/d"),
        runtime=Path("/srv/r"),
    )
    text = build_units(answers, "/opt/50%/handfast")["handfast.service"]
    assert values(text, "ReadWritePaths") == ["/srv/r", "/srv/d"]
    assert values(text, "ExecStart") == ['/opt/50%%/handfast serve --settings "/srv/my $$conf/handfast.toml"']
    assert _escaped('a"b\\c') == '"a\\"b\\\\c"'


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_who_takes_tickets_still_knows_them_after_a_restart_and_a_stop_leaves_nothing(role):
    text = build_units(DEFAULT)[f"{role.name}.service"]
    assert values(text, "RuntimeDirectory") == ["handfast"]
    assert values(text, "RuntimeDirectoryPreserve") == (["restart"] if role.keeps_records else [])


@pytest.mark.needs("systemd-analyze")
@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_systemd_takes_the_units_and_calls_them_hardened(role, tmp_path):
    systemd = shutil.which("systemd-analyze")
    unit = tmp_path / f"{role.name}.service"
    unit.write_text(build_units(DEFAULT, "/bin/true")[unit.name])
    ran = subprocess.run([systemd, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = subprocess.run(
        [systemd, "security", "--offline=true", "--threshold=30", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-300:] + ran.stderr


def test_what_the_units_hide_is_found_through_links(tmp_path):
    (tmp_path / "python").symlink_to("/home/alice/python")
    assert find_hidden([Path("/opt/handfast/.venv/bin/handfast")]) is None
    for one in (Path("/root/handfast/.venv/bin/handfast"), tmp_path / "python"):
        assert find_hidden([Path("/opt"), one]) == one
