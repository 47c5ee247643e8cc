"""The decision on one request: its stages in order, and what is kept of it.

A good sign-in costs one read (whose credential is it?) and one write (everything after, with its record). What no
credential of ours came with writes nothing: it waits in a bounded ring and is stored sparsely.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import assert_never

from handfast.decision.access import (
    AccessRequest,
    BasicCredential,
    ConnectionCredential,
    NoCredential,
    NtlmCredential,
    TicketCredential,
)
from handfast.decision.challenges import issue_challenge
from handfast.decision.evaluations import TEXT_LIMIT, build_evaluation, trace_stage
from handfast.decision.grants import build_grant, build_telling_note, build_wipe_order
from handfast.decision.outcome import Challenge, Decision, Deny, Outcome, PhoneWords, StageResult
from handfast.decision.ports import IssuedChallenge
from handfast.decision.publication import Publication
from handfast.decision.question import Question, build_question
from handfast.decision.reasons import Reason
from handfast.decision.repeats import RepeatedRefusals
from handfast.decision.services import Services
from handfast.decision.settlement import Judgement, judge, settle
from handfast.decision.stages import credential as credential_stage
from handfast.decision.stages import rule as rule_stage
from handfast.decision.stages import source as source_stage
from handfast.decision.stages.credential import Authenticated, Identification
from handfast.decision.stages.credential_basic import identify_basic
from handfast.decision.stages.credential_ntlm import identify_connection, identify_ntlm
from handfast.decision.stages.credential_ticket import identify_ticket
from handfast.identity.ports import Conflict, Repositories, Unavailable
from handfast.identity.records import StageTrace

RETRY_AFTER_SECONDS = 10
OWN_TROUBLES = frozenset(
    {
        Reason.IDENTITY_UNAVAILABLE,
        Reason.INTERNAL_ERROR,
        Reason.OVERLOADED,
        Reason.BACKEND_SECRET_MISSING,
        Reason.BACKEND_SECRET_SUSPENDED,
        Reason.DIRECTORY_UNAVAILABLE,
        Reason.KDC_UNAVAILABLE,
    }
)


def _ignore(_error: Exception) -> None:
    """Where nobody listens."""


def _phone_words(judgement: Judgement) -> PhoneWords | None:
    policy = judgement.devices
    return None if policy is None else PhoneWords(policy.phone_refusals, policy.quarantine_message)


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
        self._repeats = RepeatedRefusals()

    def replace_publications(self, publications: Mapping[str, Publication]) -> None:
        """A reload: requests that are being decided keep what they began with."""
        self._publications = dict(publications)

    async def issue_challenge(
        self, publication: str, connection_id: str, negotiate: bytes
    ) -> IssuedChallenge:
        """The NTLM challenge for a type 1 message. Raises: MalformedMessage."""
        return issue_challenge(self._services, self._publications.get(publication), connection_id, negotiate)

    async def evaluate(self, request: AccessRequest) -> Decision:
        """The decision. Never raises: what goes wrong inside is a refusal with its own reason."""
        try:
            return await self._evaluate(request)
        except Unavailable as problem:
            return self._refuse_for_ourselves(request, Reason.IDENTITY_UNAVAILABLE, str(problem))
        except Exception as error:  # noqa: BLE001 - the pipeline's edge: whatever it was, nobody gets in
            self._report_error(error)
            return self._refuse_for_ourselves(request, Reason.INTERNAL_ERROR, type(error).__name__)

    async def _evaluate(self, request: AccessRequest) -> Decision:
        stages: list[StageTrace] = []
        verdict: StageResult = rule_stage.decide_rule(self._publications, request)
        stages.append(trace_stage(rule_stage.NAME, verdict))
        if isinstance(verdict, Deny):
            return self._refuse(request, verdict, stages)
        publication = self._publications[request.publication]
        verdict = source_stage.decide_source(publication, request.source)
        stages.append(trace_stage(source_stage.NAME, verdict))
        if isinstance(verdict, Deny):
            return self._refuse(request, verdict, stages)
        identification = await self._identify(publication, request)
        stages.extend(identification.before)
        stages.append(trace_stage(credential_stage.NAME, identification.result))
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
            case TicketCredential() as ticket:
                return await identify_ticket(self._services, publication, request, ticket)
            case ConnectionCredential() as connection:
                return await identify_connection(self._services, publication, request, connection)
            case _:
                assert_never(request.credential)

    async def _settle(
        self,
        publication: Publication,
        request: AccessRequest,
        identification: Identification,
        authenticated: Authenticated,
        stages: list[StageTrace],
    ) -> Decision:
        now = self._services.clock.now()
        question = build_question(self._services.networks, publication, request, authenticated, now)
        repeated = await self._find_repeat(question, identification, stages)
        if repeated is not None:
            return repeated

        def work(repositories: Repositories) -> tuple[Judgement, Decision]:
            judgement = settle(repositories, question)
            decision = self._decide(question, judgement, identification, stages)
            repositories.evaluations.add(build_evaluation(request, decision, question.now, authenticated))
            return judgement, decision

        try:
            judgement, decision = await self._services.records.write(work)
        except Conflict:
            # Another transaction stored the same partnership first; now it is known, and the answer follows from it.
            judgement, decision = await self._services.records.write(work)
        self._after(question, judgement, decision)
        return decision

    def _decide(
        self,
        question: Question,
        judgement: Judgement,
        identification: Identification,
        stages: list[StageTrace],
    ) -> Decision:
        traces = (*stages, *(trace_stage(name, result) for name, result in judgement.results))
        denial = judgement.denial
        if denial is not None:
            retry = RETRY_AFTER_SECONDS if denial.reason in OWN_TROUBLES else None
            return Decision(
                Outcome.DENY,
                denial.reason,
                stages=traces,
                retry_after_seconds=retry,
                login=identification.login,
                wipe=build_wipe_order(self._services, question, judgement),
                telling=build_telling_note(self._services, question, judgement),
                phone_words=_phone_words(judgement),
            )
        grant = build_grant(self._services, question, judgement, identification.login)
        return Decision(
            Outcome.ALLOW,
            Reason.ALLOWED,
            grant=grant,
            stages=traces,
            login=identification.login,
            answer_token=question.authenticated.answer_token,
        )

    async def _find_repeat(
        self, question: Question, identification: Identification, stages: list[StageTrace]
    ) -> Decision | None:
        """The same refusal again within seconds, by reading alone; None where the request must be settled."""
        last = self._repeats.find(question)
        if last is None:
            return None
        judgement = await self._services.records.look_up(lambda repositories: judge(repositories, question))
        if judgement.denial is None or judgement.denial.reason is not last or judgement.changes_something:
            return None
        decision = self._decide(question, judgement, identification, stages)
        self._services.recent.add(
            build_evaluation(question.request, decision, question.now, question.authenticated)
        )
        return decision

    def _after(self, question: Question, judgement: Judgement, decision: Decision) -> None:
        """What memory keeps, once the transaction is committed."""
        if decision.outcome is Outcome.DENY:
            self._repeats.remember(question, decision.reason)
            return
        if question.device_id is not None:
            assert judgement.account is not None
            self._services.networks.note(
                judgement.account.id, question.device_id, question.request.source, question.now
            )

    def _refuse_credential(
        self, request: AccessRequest, identification: Identification, stages: list[StageTrace]
    ) -> Decision:
        delay, is_repeat = 0.0, identification.is_repeat
        if identification.is_failure:
            now, delays = self._services.clock.now(), self._services.delays
            if is_repeat:
                delay = delays.delay_of(request.source, now)
            elif identification.workstation is None:
                delay = delays.record_failure(request.source, now)
            else:
                name, workstation = identification.login, identification.workstation
                is_repeat = delays.is_ntlm_repeat(name, request.source, workstation, now)
                delay = delays.record_ntlm_failure(name, request.source, workstation, now)
        assert isinstance(identification.result, Deny | Challenge)
        delay += identification.hold_seconds
        return self._refuse(
            request, identification.result, stages, identification.login, delay, is_repeat=is_repeat
        )

    def _refuse(
        self,
        request: AccessRequest,
        verdict: Deny | Challenge,
        stages: list[StageTrace],
        login: str = "",
        delay: float = 0.0,
        *,
        is_repeat: bool = False,
    ) -> Decision:
        decision = Decision(
            Outcome.CHALLENGE if isinstance(verdict, Challenge) else Outcome.DENY,
            verdict.reason,
            stages=tuple(stages),
            retry_after_seconds=RETRY_AFTER_SECONDS if verdict.reason in OWN_TROUBLES else None,
            delay_seconds=delay,
            login=login,
            is_repeat=is_repeat,
        )
        self._services.recent.add(build_evaluation(request, decision, self._services.clock.now(), None))
        return decision

    def _refuse_for_ourselves(self, request: AccessRequest, reason: Reason, detail: str) -> Decision:
        """`detail` is for administrators alone: what could not be reached, or what kind of error it was."""
        trace = StageTrace("identity", Outcome.DENY.value, reason.value, detail=detail[:TEXT_LIMIT])
        decision = Decision(Outcome.DENY, reason, stages=(trace,), retry_after_seconds=RETRY_AFTER_SECONDS)
        self._services.recent.add(build_evaluation(request, decision, self._services.clock.now(), None))
        return decision
