import os
import subprocess
import sys

import pytest

READ = "print([l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapInh', 'CapPrm', 'CapEff', 'CapAmb'))])"
DROP = "from handfast.cli.privileges import drop_capabilities; drop_capabilities()"
# What systemd does for the service: an ordinary user with one ambient capability.
BECOME = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(8, 1, 0, 0, 0)                      # PR_SET_KEEPCAPS
os.setgroups([]); os.setgid(65534); os.setuid(65534)
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
bits = 1 << 7                                   # CAP_SETUID
sets = (ctypes.c_uint32 * 6)(bits, bits, bits, 0, 0, 0)
assert libc.capset(ctypes.byref(header), ctypes.byref(sets)) == 0
assert libc.prctl(47, 2, 7, 0, 0) == 0          # PR_CAP_AMBIENT_RAISE
"""


def run(program):
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_an_ordinary_user_without_any_loses_nothing_and_nothing_breaks():
    run(DROP)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand capabilities out")
def test_ambient_capabilities_are_gone_for_good():
    imports = "from handfast.cli.privileges import drop_capabilities"
    before = run(f"{imports}\n{BECOME}\n{READ}")
    assert "0000000000000080" in before
    after = run(f"{imports}\n{BECOME}\ndrop_capabilities()\n{READ}")
    assert after == str(["0000000000000000"] * 4)
    again = run(
        f"{imports}\n{BECOME}\ndrop_capabilities()\n"
        "try:\n    os.setuid(0)\nexcept PermissionError:\n    print('refused')"
    )
    assert again == "refused"
