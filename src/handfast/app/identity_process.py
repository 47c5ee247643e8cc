"""The identity process: records, decisions, gateway API, admin API."""

from __future__ import annotations

import asyncio
import pwd
import secrets
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from handfast.app.current_directory import ClosableDirectory, CurrentDirectory
from handfast.app.directory_sync import DirectorySync
from handfast.app.domain import build_directory_policy, build_publications
from handfast.app.facts_queue import FactsQueue
from handfast.app.housekeeping import (
    FLUSH_SECONDS,
    SWEEP_SECONDS,
    Checkpoints,
    Sweeper,
    flush_evaluations,
    repeat,
    tell_unlisted_alarms,
)
from handfast.app.policy import build_policy
from handfast.app.records import OpenRecords, checkpoint_path, open_all
from handfast.app.restart_needs import with_start_values
from handfast.app.runtime_sockets import ADMIN_SOCKET, GATEWAY_SOCKET, runtime_socket
from handfast.app.shared_work import SharedTasks
from handfast.app.subject_watch import SubjectWatch
from handfast.backend_auth.live_grants import LiveGrants, RememberingDecider
from handfast.backend_auth.sign_in_desk import BackendAuth, SignInDesk, SignInKind, ValueForm
from handfast.decision.alarm_desk import WITHHELD_EVENT, AlarmDesk
from handfast.decision.device_desk import DeviceDesk
from handfast.decision.pipeline import Pipeline
from handfast.decision.policy_desk import PolicyDesk
from handfast.decision.ports import GatewayEvent
from handfast.decision.reported import FACTS_EVENT, REFUSED_EVENT, parse_report
from handfast.decision.services import Services
from handfast.identity.administration.calls import Administration
from handfast.identity.administration.role_desk import RoleDesk
from handfast.identity.app_passwords import MAX_NTLM_CANDIDATES
from handfast.identity.directory.bind_refusals import BindRefusals
from handfast.identity.nt_candidates import NtCandidateOpener
from handfast.identity_api.admin_server import AdminApiServer
from handfast.identity_api.gateway_calls import InsideListeners
from handfast.identity_api.gateway_server import GatewayApiServer
from handfast.keys.hasher import Argon2Hasher
from handfast.keys.mutual_tls import build_identity_context
from handfast.keys.pki import parse_node_certificate
from handfast.keys.system import SystemClock, SystemRandomness
from handfast.observability.logging import event_log
from handfast.protocols.ntlm.challenge import ServerNames
from handfast.settings.directory import DirectorySettings
from handfast.settings.model import Settings
from handfast.storage.checkpoint_file import CheckpointFile
from handfast.supervisor.sockets import open_listener

if TYPE_CHECKING:
    from handfast.kerberos import Kerberos
_LOG = event_log("identity")


def open_directory(settings: DirectorySettings, refusals: BindRefusals | None = None) -> ClosableDirectory:
    """The domain's controllers; their library is loaded only where some are named. Raises: ValueError: they can't be."""
    from handfast.directory import DirectorySetupError
    from handfast.directory import open_directory as open_active_directory

    try:
        return open_active_directory(settings, refusals=refusals)
    except DirectorySetupError as error:
        raise ValueError(str(error)) from error


def open_kerberos(settings: Settings) -> Kerberos | None:
    """Our keys in the realm; their library is loaded only where there is a keytab, and in no gateway process.

    Raises: KerberosSetupError.
    """
    if settings.kerberos.keytab is None:
        return None
    from handfast.kerberos import open_kerberos as open_realm

    return open_realm(settings.kerberos, settings.identity.runtime_dir)


class IdentityProcess:
    """Everything identity is made of. `start`, `reload` on SIGHUP, `stop`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._hasher = Argon2Hasher()
        self._opened: OpenRecords | None = None
        self._kerberos: Kerberos | None = None
        self._shared = SharedTasks()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serves when it returns. Raises: KeyFileError, Unavailable, OSError, ValueError: it can't."""
        settings = self._settings
        settings.identity.runtime_dir.mkdir(parents=True, exist_ok=True)
        kerberos = self._kerberos = open_kerberos(settings)
        self._opened = await open_all(settings)
        records, keyring = self._opened.records, self._opened.keyring
        refusals = BindRefusals(records, keyring, self._clock)
        self._directory = CurrentDirectory(settings.directory, partial(open_directory, refusals=refusals))
        services = self._services(self._opened)
        self._recent = services.recent
        self._sync = DirectorySync(settings, records, self._clock, self._directory, self._opened.chain)
        self._pipeline = Pipeline(services, build_publications(settings), _report_error)
        live_grants, process = LiveGrants(), secrets.token_hex(8)
        self._desk = SignInDesk(
            records,
            keyring,
            live_grants,
            backend_auth(settings),
            self._clock,
            None if kerberos is None else kerberos.delegation,
        )
        self._devices = DeviceDesk(services, build_publications(settings), live_grants.find)
        self._facts = FactsQueue(self._devices)
        self._alarm_desk = AlarmDesk(services)
        self._alarms = FactsQueue(self._alarm_desk)
        self._gateway_api = GatewayApiServer(
            decider=RememberingDecider(self._pipeline, live_grants, process),
            sign_in=self._desk,
            revocations=records,
            records=records,
            clock=self._clock,
            parse_certificate=parse_node_certificate,
            events=self._note_event,
            local_only=stored_publications(settings),
            per_connection=ticket_publications(settings),
            devices=self._devices,
            inside=inside_listeners(settings),
            revoked=self._desk.revoke,
            process=process,
        )
        self._policies = PolicyDesk(records, self._clock, build_policy(settings), self._directory)
        self._subject_watch = SubjectWatch(self._policies, records)
        self._roles = RoleDesk(records, self._clock, build_policy(settings).role_policy)
        administration = build_administration(
            settings,
            self._opened,
            self._hasher,
            services,
            policies=self._policies,
            unreadable=self._sync.unreadable,
        )
        self._admin_api = AdminApiServer(
            administration, admin_group=settings.identity.admin_group, roles=self._roles
        )
        await self._open_doors(settings)
        self._keep_house()
        self._sync.start()
        self._subject_watch.start()
        _LOG.info("identity-serving", publications=sorted(build_publications(settings)))

    async def _open_doors(self, settings: Settings) -> None:
        mode, group = 0o600, None
        if settings.gateway.user:
            mode, group = 0o660, pwd.getpwnam(settings.gateway.user).pw_gid
        socket = runtime_socket(settings, GATEWAY_SOCKET)
        await self._gateway_api.serve_unix(socket, mode=mode, group=group)
        await self._admin_api.serve_unix(runtime_socket(settings, ADMIN_SOCKET))
        listen = settings.identity.listen
        if listen is not None:
            context = build_identity_context(listen.certificate, listen.key, listen.ca_file)
            await self._gateway_api.serve_tls(open_listener("identity", listen.address), context)

    def _note_event(self, node: str, event: GatewayEvent) -> None:
        """Refusals of single requests are kept for `explain`, facts with their device; the rest goes to the log."""
        if event.name == FACTS_EVENT:
            self._facts.put(node, event)
            return
        if event.name == WITHHELD_EVENT:
            self._alarms.put(node, event)
        report = parse_report(node, event, self._clock.now(), new_id=secrets.token_hex(12))
        if report is not None:
            self._recent.add(report)
        if event.name == REFUSED_EVENT:
            return
        details = {f"event_{key}": value for key, value in event.details}
        _LOG.warning(
            "gateway-event",
            node=node,
            name=event.name,
            publication=event.publication,
            source=event.source,
            count=event.count,
            request="" if report is None else report.request_id,
            **details,
        )

    def _services(self, opened: OpenRecords) -> Services:
        randomness, names = SystemRandomness(), self._settings.identity.ntlm
        dummies = [randomness.token_bytes(16) for _ in range(MAX_NTLM_CANDIDATES)]
        return Services(
            records=opened.records,
            keyring=opened.keyring,
            hasher=self._hasher,
            clock=self._clock,
            randomness=randomness,
            candidates=NtCandidateOpener(opened.keyring, dummies),
            server_names=ServerNames(
                netbios_domain=names.netbios_domain,
                netbios_computer=names.netbios_computer,
                dns_domain=names.dns_domain,
                dns_computer=names.dns_computer,
            ),
            default_domain=self._settings.identity.default_domain,
            directory=self._directory,
            tickets=None if self._kerberos is None else self._kerberos.acceptance,
            shared=self._shared,
        )

    def _keep_house(self) -> None:
        assert self._opened is not None
        settings, records, recent = self._settings.identity, self._opened.records, self._recent
        path = checkpoint_path(self._settings)
        self._checkpoints = Checkpoints(
            records,
            self._opened.keyring,
            self._opened.chain,
            self._clock,
            CheckpointFile(path) if path else None,
        )
        sweeper = Sweeper(records, self._clock, timedelta(days=settings.evaluation_days))
        loop = asyncio.get_running_loop()
        self._tasks = [
            loop.create_task(
                repeat(FLUSH_SECONDS, "evaluations", lambda: flush_evaluations(recent, records))
            ),
            loop.create_task(repeat(SWEEP_SECONDS, "sweep", sweeper.sweep)),
            loop.create_task(repeat(SWEEP_SECONDS, "alarms", lambda: tell_unlisted_alarms(self._alarm_desk))),
            loop.create_task(repeat(settings.checkpoint_every_seconds, "checkpoint", self._checkpoints.sign)),
        ]

    async def reload(self, settings: Settings) -> None:
        """Publications, policies and lockout anew; what is being decided keeps what it began with.

        Raises: what is wrong with the settings; then nothing of them is in force. Whatever can be wrong comes first.
        """
        settings = with_start_values(settings, self._settings)
        publications, policy = build_publications(settings), build_policy(settings)
        behind, stored = backend_auth(settings), stored_publications(settings)
        per_connection, inside = ticket_publications(settings), inside_listeners(settings)
        await self._sync.reload(settings)
        self._settings = settings
        self._pipeline.replace_publications(publications)
        self._desk.replace_publications(behind)
        self._devices.replace_publications(publications)
        self._policies.replace(policy)
        self._subject_watch.look_anew()
        self._roles.replace(policy.role_policy)
        self._gateway_api.policy_changed(stored, per_connection, inside)
        _LOG.info("identity-reloaded")

    async def stop(self) -> None:
        """Finishes the calls in progress, signs a last checkpoint, commits and closes."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._subject_watch.stop()
        await self._sync.stop()
        await self._admin_api.close()
        await self._gateway_api.close()
        await self._shared.finish()
        await self._facts.close()
        await self._alarms.close()
        if self._kerberos is not None:
            await self._kerberos.close()
        assert self._opened is not None
        try:
            await tell_unlisted_alarms(self._alarm_desk, at_once=True)
            while await self._recent.flush(self._opened.records):
                pass
            await self._checkpoints.sign()
        except Exception as error:  # noqa: BLE001 - a full disk must not keep the process from ending
            _LOG.error("last-checkpoint-failed", error=repr(error))
        await self._opened.close()
        self._hasher.close()


def build_administration(
    settings: Settings,
    opened: OpenRecords,
    hasher: Argon2Hasher,
    services: Services | None = None,
    policies: PolicyDesk | None = None,
    unreadable: AbstractSet[str] = frozenset(),
) -> Administration:
    """The administration over opened records; `services`, `policies` and `unreadable` are the deciding process's own, which offline
    commands have none of.
    """
    return Administration(
        opened.records,
        opened.keyring,
        hasher,
        SystemClock(),
        SystemRandomness(),
        publications=frozenset(item.name for item in settings.publications),
        default_domain=settings.identity.default_domain,
        unused_password_life=timedelta(hours=settings.identity.unused_password_hours),
        recent=services.recent if services is not None else None,
        delays=services.delays if services is not None else None,
        networks=services.networks if services is not None else None,
        unreadable=unreadable,
        policies=policies or PolicyDesk(opened.records, SystemClock(), build_policy(settings)),
    )


def backend_auth(settings: Settings) -> Mapping[str, BackendAuth]:
    """How each publication signs in behind."""
    return {
        item.name: BackendAuth(
            kind=SignInKind(item.backend.auth),
            header=item.backend.auth_header,
            value_form=ValueForm(item.backend.auth_header_value),
            spn=item.backend.spn,
            directory=build_directory_policy(settings.directory),
        )
        for item in settings.publications
    }


def stored_publications(settings: Settings) -> frozenset[str]:
    """Publications with stored secrets: no remote node may have those."""
    return frozenset(item.name for item in settings.publications if item.backend.auth == "stored")


def inside_listeners(settings: Settings) -> InsideListeners:
    """Listeners where more is taken than outside, and the other machines' nodes that may have such ones."""
    listen = settings.identity.listen
    by_password = {name for one in settings.publications for name in one.domain_password_listeners}
    return InsideListeners(
        names=frozenset(one.name for one in settings.listeners if one.inside) | by_password,
        nodes=frozenset() if listen is None else frozenset(listen.inside_nodes),
    )


def ticket_publications(settings: Settings) -> frozenset[str]:
    """Publications whose sign-in behind is bound to each connection."""
    return frozenset(item.name for item in settings.publications if item.backend.auth == "kerberos")


def _report_error(error: Exception) -> None:
    _LOG.error("decision-failed", error=repr(error))
