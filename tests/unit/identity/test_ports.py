"""The fakes that the core's tests stand on have every method of the ports they play; `tests/contracts` compares what they do."""

from __future__ import annotations

import inspect

import pytest

from handfast.identity import ports
from tests.fakes.clock import SettableClock
from tests.fakes.hasher import CountingHasher
from tests.fakes.keyring import FakeKeyRing
from tests.fakes.randomness import SeededRandomness
from tests.fakes.records import InMemoryRecords

REPOSITORIES = {
    "accounts": ports.AccountRepository,
    "positions": ports.PositionRepository,
    "app_passwords": ports.AppPasswordRepository,
    "partnerships": ports.PartnershipRepository,
    "windows": ports.WindowRepository,
    "counters": ports.CounterRepository,
    "stored_secrets": ports.StoredSecretRepository,
    "revocations": ports.RevocationLog,
    "evaluations": ports.EvaluationRepository,
    "audit": ports.AuditTrail,
    "nodes": ports.NodeRepository,
}


def methods_of(port):
    return {
        name: list(inspect.signature(method).parameters)
        for name, method in vars(port).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }


def differences(port, fake):
    found = []
    for name, parameters in methods_of(port).items():
        method = getattr(fake, name, None)
        if method is None or list(inspect.signature(method).parameters) != parameters[1:]:
            found.append(name)
    return found


def test_the_table_names_every_repository():
    named = {name for name, value in vars(ports.Repositories).items() if isinstance(value, property)}
    assert named == set(REPOSITORIES)


@pytest.mark.parametrize("name", REPOSITORIES)
async def test_a_repository_in_memory_fits_its_port(name):
    repository = await InMemoryRecords().read(lambda repositories: getattr(repositories, name))
    assert differences(REPOSITORIES[name], repository) == []


@pytest.mark.parametrize(
    ("port", "fake"),
    [
        (ports.KeyRing, FakeKeyRing()),
        (ports.Clock, SettableClock()),
        (ports.Randomness, SeededRandomness()),
        (ports.SecretHasher, CountingHasher()),
        (ports.Records, InMemoryRecords()),
    ],
)
def test_other_fakes_fit_their_ports(port, fake):
    missing = [name for name in methods_of(port) if not hasattr(fake, name)]
    assert missing in ([], ["current_key_id"])
