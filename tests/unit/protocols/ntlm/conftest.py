import json
from pathlib import Path

import pytest

VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "ntlm"


@pytest.fixture(scope="session")
def spec():
    """MS-NLMP 4.2."""
    return json.loads((VECTORS / "ms-nlmp-4.2.json").read_text())


@pytest.fixture(scope="session")
def chromium():
    """Chromium's own vectors, with MIC, SPN and channel binding."""
    return json.loads((VECTORS / "chromium-mic.json").read_text())


@pytest.fixture(scope="session")
def curl():
    """What curl 7.88 sends: OEM names, payload at 64, neither version nor MIC."""
    return json.loads((VECTORS / "curl-7.88.json").read_text())
