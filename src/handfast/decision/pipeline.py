"""The decision on one request: its stages in order, and what is kept of it.

A good sign-in costs one read (whose credential is it?) and one write (everything after, with its record). What no
credential of ours came with writes nothing: it waits in a bounded ring and is stored sparsely.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ConnectionCredential,
    NoCredential,
    NtlmCredential,
)
from handfast.decision.outcome import (
    MAX_GRANT_SECONDS,
    Challenge,
    Decision,
    Deny,
    Grant,
    Outcome,
    StageResult,
)
from handfast.decision.ports import IssuedChallenge
from handfast.decision.publication import AuthMethod, Publication
from handfast.decision.reasons import Reason
from handfast.decision.services import Services
from handfast.decision.settlement import Judgement, Question, judge, settle
from handfast.decision.stages import credential as credential_stage
from handfast.decision.stages import rule as rule_stage
from handfast.decision.stages import source as source_stage
from handfast.decision.stages.credential import Authenticated, Identification
from handfast.decision.stages.credential_basic import identify_basic
from handfast.decision.stages.credential_ntlm import identify_connection, identify_ntlm
from handfast.identity.names import principal_of
from handfast.identity.ntlm_challenges import ConnectionSession, PendingChallenge, seal_session
from handfast.identity.ports import Conflict, Repositories, Unavailable
from handfast.identity.records import AccountId, Evaluation, StageTrace
from handfast.identity.sources import counted_source
from handfast.protocols.errors import MalformedMessage
from handfast.protocols.ntlm.challenge import encode_challenge
from handfast.protocols.ntlm.messages import parse_negotiate

RETRY_AFTER_SECONDS = 10
REPEAT_WINDOW = timedelta(seconds=10)
"""The same authenticated refusal is recorded once in this time: a blocked phone knocks without end."""
MAX_REPEATS = 20_000
TEXT_LIMIT = 512
"""Characters of a claimed text that an evaluation keeps."""
OWN_TROUBLES = frozenset(
    {
        Reason.IDENTITY_UNAVAILABLE,
        Reason.INTERNAL_ERROR,
        Reason.OVERLOADED,
        Reason.BACKEND_SECRET_MISSING,
        Reason.BACKEND_SECRET_SUSPENDED,
    }
)

RepeatKey = tuple[AccountId, str, str, str]


def _ignore(_error: Exception) -> None:
    """Where nobody listens."""


class Pipeline:
    """Fits `decision.ports.Decider`. One an identity process; `publications` may be replaced as a whole on reload."""

    def __init__(
        self,
        services: Services,
        publications: Mapping[str, Publication],
        report_error: Callable[[Exception], None] = _ignore,
    ) -> None:
        """`report_error` hears of what was unforeseen and became `internal-error`; it must not raise."""
        self._services = services
        self._publications = dict(publications)
        self._report_error = report_error
        self._repeats: OrderedDict[RepeatKey, tuple[datetime, Reason]] = OrderedDict()

    def replace_publications(self, publications: Mapping[str, Publication]) -> None:
        """A reload: requests that are being decided keep what they began with."""
        self._publications = dict(publications)

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        """The NTLM challenge for a type 1 message. Raises: MalformedMessage."""
        published = self._publications.get(publication)
        if published is None or AuthMethod.NTLM not in published.credentials.methods:
            raise MalformedMessage("ntlm", "NEGOTIATE", "the publication does not offer NTLM")
        message = parse_negotiate(negotiate)
        services = self._services
        now = services.clock.now()
        server_challenge = services.randomness.token_bytes(8)
        encoded = encode_challenge(server_challenge, services.server_names, now, message.flags)
        challenge_id = services.randomness.token_bytes(16).hex()
        services.challenges.put(
            challenge_id, PendingChallenge(publication, connection_id, server_challenge, encoded, now)
        )
        return IssuedChallenge(challenge_id, encoded)

    async def evaluate(self, request: AccessRequest) -> Decision:
        """The decision. Never raises: what goes wrong inside is a refusal with its own reason."""
        try:
            return await self._evaluate(request)
        except Unavailable:
            return self._refuse_for_ourselves(request, Reason.IDENTITY_UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - the pipeline's edge: whatever it was, nobody gets in
            self._report_error(error)
            return self._refuse_for_ourselves(request, Reason.INTERNAL_ERROR)

    async def _evaluate(self, request: AccessRequest) -> Decision:
        stages: list[StageTrace] = []
        verdict: StageResult = rule_stage.decide_rule(self._publications, request)
        stages.append(_trace(rule_stage.NAME, verdict))
        if isinstance(verdict, Deny):
            return self._refuse(request, verdict, stages)
        publication = self._publications[request.publication]
        verdict = source_stage.decide_source(publication, request)
        stages.append(_trace(source_stage.NAME, verdict))
        if isinstance(verdict, Deny):
            return self._refuse(request, verdict, stages)
        identification = await self._identify(publication, request)
        stages.extend(identification.before)
        stages.append(_trace(credential_stage.NAME, identification.result))
        if identification.authenticated is None:
            return self._refuse_credential(request, identification, stages)
        return await self._settle(publication, request, identification, identification.authenticated, stages)

    async def _identify(self, publication: Publication, request: AccessRequest) -> Identification:
        match request.credential:
            case NoCredential():
                return Identification(Challenge(Reason.CREDENTIAL_MISSING))
            case BasicCredential() as basic:
                return await identify_basic(self._services, publication, request, basic)
            case NtlmCredential() as ntlm:
                return await identify_ntlm(self._services, publication, ntlm)
            case ConnectionCredential() as connection:
                return await identify_connection(self._services, publication, request, connection)

    async def _settle(
        self,
        publication: Publication,
        request: AccessRequest,
        identification: Identification,
        authenticated: Authenticated,
        stages: list[StageTrace],
    ) -> Decision:
        question = self._question(publication, request, authenticated)
        repeated = await self._find_repeat(question, identification, stages)
        if repeated is not None:
            return repeated

        def work(repositories: Repositories) -> tuple[Judgement, Decision]:
            judgement = settle(repositories, question)
            decision = self._decide(question, judgement, identification, stages)
            repositories.evaluations.add(_evaluation(request, decision, question.now, authenticated))
            return judgement, decision

        try:
            judgement, decision = await self._services.records.write(work)
        except Conflict:
            # Another transaction stored the same partnership first; now it is known, and the answer follows from it.
            judgement, decision = await self._services.records.write(work)
        self._after(question, judgement, decision)
        return decision

    def _question(
        self, publication: Publication, request: AccessRequest, authenticated: Authenticated
    ) -> Question:
        now = self._services.clock.now()
        question = Question(publication, request, authenticated, now)
        window = publication.devices.two_networks_window
        if not question.is_rightful or question.device_id is None or not window:
            return question
        networks, account_id = self._services.networks, authenticated.account.id
        grant_life = timedelta(seconds=MAX_GRANT_SECONDS)
        return replace(
            question,
            has_moved=networks.has_moved(
                account_id, question.device_id, request.source, within=grant_life, now=now
            ),
            has_returned=networks.has_returned(
                account_id, question.device_id, request.source, window=window, now=now
            ),
        )

    def _decide(
        self,
        question: Question,
        judgement: Judgement,
        identification: Identification,
        stages: list[StageTrace],
    ) -> Decision:
        traces = (*stages, *(_trace(name, result) for name, result in judgement.results))
        denial = judgement.denial
        if denial is not None:
            retry = RETRY_AFTER_SECONDS if denial.reason in OWN_TROUBLES else None
            return Decision(
                Outcome.DENY,
                denial.reason,
                stages=traces,
                retry_after_seconds=retry,
                login=identification.login,
            )
        grant = self._grant(question, judgement, identification)
        return Decision(Outcome.ALLOW, Reason.ALLOWED, grant=grant, stages=traces, login=identification.login)

    def _grant(self, question: Question, judgement: Judgement, identification: Identification) -> Grant:
        assert judgement.account is not None
        password = judgement.password
        owner = question.device_id
        if owner is None and password is not None:
            owner = password.bound_device_id
        return Grant(
            grant_id=self._services.randomness.token_bytes(16).hex(),
            publication=question.publication.name,
            account_id=judgement.account.id,
            principal=principal_of(judgement.account),
            epoch=judgement.epoch,
            lifetime_seconds=self._lifetime(question, judgement),
            device_id=owner,
            app_password_id=None if password is None else password.id,
            node=question.request.node,
            session=self._session(question, identification),
        )

    def _lifetime(self, question: Question, judgement: Judgement) -> float:
        """At most five minutes, and never beyond the password's own end."""
        seconds = min(MAX_GRANT_SECONDS, question.publication.grant_lifetime.total_seconds())
        password = judgement.password
        if password is None or password.expires_at is None:
            return seconds
        return min(seconds, (password.expires_at - question.now).total_seconds())

    def _session(self, question: Question, identification: Identification) -> bytes:
        authenticated, credential = question.authenticated, question.request.credential
        if not authenticated.starts_session or authenticated.password is None:
            return b""
        assert isinstance(credential, NtlmCredential)
        session = ConnectionSession(
            authenticated.account.id,
            authenticated.password.id,
            question.publication.name,
            identification.login[:TEXT_LIMIT],
            question.now,
        )
        return seal_session(
            self._services.keyring,
            session,
            node=question.request.node,
            connection_id=credential.connection_id,
        )

    async def _find_repeat(
        self, question: Question, identification: Identification, stages: list[StageTrace]
    ) -> Decision | None:
        """The same refusal again within seconds, by reading alone; None where the request must be settled."""
        last = self._repeats.get(_repeat_key(question))
        if last is None or question.now - last[0] >= REPEAT_WINDOW:
            return None
        judgement = await self._services.records.read(lambda repositories: judge(repositories, question))
        if judgement.denial is None or judgement.denial.reason is not last[1] or judgement.changes_something:
            return None
        decision = self._decide(question, judgement, identification, stages)
        self._services.recent.add(
            _evaluation(question.request, decision, question.now, question.authenticated)
        )
        return decision

    def _after(self, question: Question, judgement: Judgement, decision: Decision) -> None:
        """What memory keeps, once the transaction is committed."""
        if decision.outcome is Outcome.DENY:
            key = _repeat_key(question)
            self._repeats[key] = (question.now, decision.reason)
            self._repeats.move_to_end(key)
            while len(self._repeats) > MAX_REPEATS:
                self._repeats.popitem(last=False)
            return
        if question.device_id is not None:
            assert judgement.account is not None
            self._services.networks.note(
                judgement.account.id, question.device_id, question.request.source, question.now
            )

    def _refuse_credential(
        self, request: AccessRequest, identification: Identification, stages: list[StageTrace]
    ) -> Decision:
        delay = 0.0
        if identification.is_failure:
            now, delays = self._services.clock.now(), self._services.delays
            if identification.workstation is None:
                delay = delays.record_failure(request.source, now)
            else:
                delay = delays.record_ntlm_failure(
                    identification.login, request.source, identification.workstation, now
                )
        assert isinstance(identification.result, Deny | Challenge)
        return self._refuse(request, identification.result, stages, identification.login, delay)

    def _refuse(
        self,
        request: AccessRequest,
        verdict: Deny | Challenge,
        stages: list[StageTrace],
        login: str = "",
        delay: float = 0.0,
    ) -> Decision:
        decision = Decision(
            Outcome.CHALLENGE if isinstance(verdict, Challenge) else Outcome.DENY,
            verdict.reason,
            stages=tuple(stages),
            delay_seconds=delay,
            login=login,
        )
        self._services.recent.add(_evaluation(request, decision, self._services.clock.now(), None))
        return decision

    def _refuse_for_ourselves(self, request: AccessRequest, reason: Reason) -> Decision:
        decision = Decision(Outcome.DENY, reason, retry_after_seconds=RETRY_AFTER_SECONDS)
        self._services.recent.add(_evaluation(request, decision, self._services.clock.now(), None))
        return decision


def _repeat_key(question: Question) -> RepeatKey:
    """What makes two refusals the same one, beside their reason.

    The device id is a mere claim and no part of it: whoever holds one password and makes up ids must not fill the
    trail.
    """
    password = question.authenticated.password
    return (
        question.authenticated.account.id,
        counted_source(question.request.source),
        question.publication.name,
        "" if password is None else str(password.id),
    )


def _trace(stage: str, result: StageResult) -> StageTrace:
    if isinstance(result, Deny):
        return StageTrace(stage, "deny", result.reason.value, result.rule, result.detail)
    if isinstance(result, Challenge):
        return StageTrace(stage, "challenge", result.reason.value, result.rule, result.detail)
    return StageTrace(stage, "pass", "", result.rule, result.detail)


def _evaluation(
    request: AccessRequest, decision: Decision, now: datetime, authenticated: Authenticated | None
) -> Evaluation:
    return Evaluation(
        request_id=request.request_id,
        at=now,
        node=request.node,
        publication=request.publication,
        listener=request.listener,
        source=request.source,
        channel=request.channel.value,
        login=decision.login[:TEXT_LIMIT],
        account_id=None if authenticated is None else authenticated.account.id,
        device_id=None if request.device is None else request.device.device_id,
        outcome=decision.outcome.value,
        reason=decision.reason.value,
        stages=decision.stages,
        user_agent=request.facts.user_agent[:TEXT_LIMIT],
        request_line=request.request_line[:TEXT_LIMIT],
    )
