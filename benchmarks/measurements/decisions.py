"""Milliseconds of one decision (sign-in by app password, device check, record kept) with few and with many devices.

In one process: the decision pipeline over the embedded database in a file, as the identity process holds it; no gateway,
no network. Decisions follow each other, of devices drawn at random from all.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, insert
from sqlalchemy.engine import Connection

from benchmarks import handfast_subject as ours
from benchmarks.driver import LoadFailed, Scale
from benchmarks.results import Figure, percentile
from benchmarks.rounds import Rounds
from handfast.decision.access import AccessRequest, BasicCredential, ClaimedDevice, Facts
from handfast.decision.outcome import Outcome
from handfast.decision.pipeline import Pipeline
from handfast.decision.publication import ACTIVESYNC_RULES, Publication
from handfast.decision.services import Services
from handfast.identity.app_passwords import canonical_form, generate_password
from handfast.identity.channels import PROFILE_CHANNELS, Channel, Profile
from handfast.identity.names import fold
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity.records import AccountId
from handfast.keys.hasher import Argon2Hasher
from handfast.keys.key_file import create_key_file
from handfast.keys.key_ring import FileKeyRing
from handfast.keys.system import SystemClock, SystemRandomness
from handfast.protocols.ntlm.challenge import ServerNames
from handfast.storage import schema
from handfast.storage.migration import migrate
from handfast.storage.opening import SqlRecords, open_records
from tests.servers.processes import server_directory

FEW_DEVICES = 1_000
DEVICES_EACH_ACCOUNT = 10
_BATCH = 10_000
_CHANNELS = " ".join(sorted(channel.value for channel in PROFILE_CHANNELS[Profile.PHONE]))


@dataclass(frozen=True)
class KnownDevice:
    """A device whose app password the benchmark knows."""

    user: str
    device_id: str
    secret: str


def measure(scale: Scale) -> Iterator[Figure]:
    """Few devices first, then many; a fresh database each."""
    for devices in (FEW_DEVICES, scale.many_devices):
        p50, p99 = Rounds(f"decision-{devices}-p50", "ms"), Rounds(f"decision-{devices}-p99", "ms")
        with server_directory("decisions") as directory:
            for taken in asyncio.run(_measure_devices(directory, devices, scale)):
                p50.add(ours.NAME, percentile(taken, 0.5))
                p99.add(ours.NAME, percentile(taken, 0.99))
        yield from p50.figures()
        yield from p99.figures()


async def _measure_devices(directory: Path, devices: int, scale: Scale) -> list[list[float]]:
    """Milliseconds of each decision, by round."""
    create_key_file(directory / "key", now=datetime.now(UTC))
    keyring = FileKeyRing.load(directory / "key")
    url = f"sqlite:///{directory}/handfast.db"
    migrate(url)
    drawn = random.Random(1).sample(range(devices), min(devices, scale.decisions))
    known = await asyncio.to_thread(fill, url, devices, set(drawn), keyring)
    records = open_records(url, keyring, chain="benchmark")
    await records.start()
    hasher = Argon2Hasher()
    try:
        pipeline = build_pipeline(records, keyring, hasher)
        numbers = count(1)
        rounds = []
        for number in range(scale.rounds + 1):
            order = [known[i % len(known)] for i in range(scale.decisions)]
            random.Random(number).shuffle(order)
            rounds.append([await time_decision(pipeline, device, next(numbers)) for device in order])
        return rounds[1:]  # the first one warms caches, and pairs nothing: every device is bound already
    finally:
        hasher.close()
        await records.close()


def build_pipeline(records: SqlRecords, keyring: FileKeyRing, hasher: Argon2Hasher) -> Pipeline:
    """The pipeline of an identity process with one publication."""
    services = Services(
        records=records,
        keyring=keyring,
        hasher=hasher,
        clock=SystemClock(),
        randomness=SystemRandomness(),
        candidates=NtCandidateOpener(keyring, [secrets.token_bytes(16) for _ in range(16)]),
        server_names=ServerNames("HANDFAST", "GATEWAY", "handfast.invalid", "gateway.handfast.invalid"),
    )
    publication = Publication(name="mail", hosts=("mail.example.test",), rules=ACTIVESYNC_RULES)
    return Pipeline(services, {"mail": publication})


async def time_decision(pipeline: Pipeline, device: KnownDevice, number: int) -> float:
    """Milliseconds of one decision. Raises: LoadFailed unless it allows."""
    request = AccessRequest(
        request_id=f"bench-{number}",
        node="local",
        listener="outside",
        source="192.0.2.10",
        publication="mail",
        rule="activesync",
        channel=Channel.ACTIVESYNC,
        credential=BasicCredential(device.user, device.secret),
        device=ClaimedDevice(device.device_id, "BenchPhone"),
        facts=Facts(user_agent="BenchPhone/1.0", protocol_version="14.1", claimed_user=device.user),
        command="Sync",
    )
    started = time.perf_counter()
    decision = await pipeline.evaluate(request)
    taken = time.perf_counter() - started
    if decision.outcome is not Outcome.ALLOW:
        raise LoadFailed(f"a decision was {decision.outcome}: {decision.reason}")
    return taken * 1000


def fill(url: str, devices: int, drawn: set[int], keyring: FileKeyRing) -> list[KnownDevice]:
    """Accounts with ten devices each, every device with its bound app password; only the drawn ones' are known."""
    engine = create_engine(url)
    known: list[KnownDevice] = []
    now = datetime.now(UTC)
    with engine.begin() as connection:
        for first in range(0, devices, _BATCH):
            numbers = range(first, min(first + _BATCH, devices))
            _add_accounts(connection, sorted({number // DEVICES_EACH_ACCOUNT for number in numbers}), now)
            connection.execute(insert(schema.partnerships), [_partnership(number, now) for number in numbers])
            rows = []
            for number in numbers:
                account_id = AccountId(number // DEVICES_EACH_ACCOUNT + 1)
                key_id, verifier = keyring.current_key_id, secrets.token_bytes(32)
                if number in drawn:
                    secret = generate_password(SystemRandomness())
                    key_id, verifier = next(iter(keyring.verifiers(account_id, canonical_form(secret))))
                    known.append(KnownDevice(_user(number), _device_id(number), secret))
                rows.append(_app_password(number, key_id, verifier, now))
            connection.execute(insert(schema.app_passwords), rows)
    engine.dispose()
    return known


def _user(number: int) -> str:
    return f"user{number // DEVICES_EACH_ACCOUNT}"


def _device_id(number: int) -> str:
    return f"DEVICE{number:08}"


def _add_accounts(connection: Connection, accounts: list[int], now: datetime) -> None:
    rows = []
    for account in accounts:
        user = _user(account * DEVICES_EACH_ACCOUNT)
        rows.append(
            {
                "id": account + 1,
                "user_name": user,
                "domain": "",
                "upn": f"{user}@example.test",
                "state": "enabled",
                "created_at": now,
                "display_name": user,
                "folded_user": fold(user),
                "folded_domain": "",
                "folded_upn": fold(f"{user}@example.test"),
            }
        )
    connection.execute(insert(schema.accounts), rows)


def _partnership(number: int, now: datetime) -> dict[str, object]:
    return {
        "account_id": number // DEVICES_EACH_ACCOUNT + 1,
        "device_id": _device_id(number),
        "state": "allowed",
        "device_type": "BenchPhone",
        "user_agent": "BenchPhone/1.0",
        "first_seen_at": now - timedelta(days=30),
        "last_seen_at": now - timedelta(hours=1),
        "last_source": "192.0.2.10",
        "model": "",
        "os": "",
        "friendly_name": "",
        "state_reason": "",
    }


def _app_password(number: int, key_id: str, verifier: bytes, now: datetime) -> dict[str, object]:
    return {
        "account_id": number // DEVICES_EACH_ACCOUNT + 1,
        "label": "",
        "channels": _CHANNELS,
        "created_at": now - timedelta(days=30),
        "use_by": now - timedelta(days=29),
        "bound_device_id": _device_id(number),
        "first_used_at": now - timedelta(days=30),
        "last_used_at": now - timedelta(hours=1),
        "ntlm_allowed": False,
        "verifier": verifier,
        "verifier_key_id": key_id,
    }
