"""Settings to what a gateway worker is told."""

from __future__ import annotations

from ipaddress import ip_network

from handfast.app.domain import build_publications
from handfast.app.exchange import build_handlings, build_published_names
from handfast.decision.publication import AuthMethod, Publication
from handfast.gateway.config import (
    BackendConfig,
    CertificateConfig,
    GatewayConfig,
    ListenerConfig,
    PublicationConfig,
)
from handfast.gateway.path_map import PathMapping
from handfast.settings.gateway import ListenerSettings
from handfast.settings.model import Settings
from handfast.settings.publication import BackendSettings, PublicationSettings


def build_gateway_config(settings: Settings) -> GatewayConfig:
    """Everything one worker serves."""
    publications = build_publications(settings)
    return GatewayConfig(
        listeners=tuple(build_listener(listener) for listener in settings.listeners),
        publications=tuple(
            build_publication_config(item, publications[item.name]) for item in settings.publications
        ),
        node=settings.gateway.node,
        grant_grace_seconds=settings.gateway.grant_grace_seconds,
        denial_quantum_seconds=settings.gateway.denial_quantum_ms / 1000,
    )


def build_publication_config(item: PublicationSettings, publication: Publication) -> PublicationConfig:
    """One publication with its servers and what is looked at in its messages."""
    names = build_published_names(item)
    return PublicationConfig(
        publication=publication,
        backend=build_backend(item.backend),
        auth_methods=tuple(AuthMethod(method) for method in item.auth),
        # Phones speak Basic; some that are offered more try that first and give up.
        phone_auth_methods=_phone_methods(item),
        offers_negotiate=item.offer_negotiate,
        auth_realm=item.auth_realm,
        max_body_bytes=item.max_body_bytes,
        learn=item.learn,
        inside_names=names.inside,
        outside_names=names.hosts | names.mail_domains,
        paths=tuple(PathMapping(one.published, one.path, one.host) for one in item.paths),
        handlings=build_handlings(item, (*publication.rules, *publication.redirect_rules)),
    )


def _phone_methods(item: PublicationSettings) -> tuple[AuthMethod, ...] | None:
    """What ActiveSync offers in a publication of more than ActiveSync; None where `auth` was written for it."""
    return tuple(AuthMethod(method) for method in item.activesync_auth) if item.kind == "exchange" else None


def build_listener(listener: ListenerSettings) -> ListenerConfig:
    """One listener; its socket comes from the supervisor."""
    certificates = [(listener.certificate, listener.key), *listener.more_certificates]
    return ListenerConfig(
        name=listener.name,
        certificates=tuple(
            CertificateConfig(certificate, key)
            for certificate, key in certificates
            if certificate is not None and key is not None
        ),
        inside=listener.inside,
        behind_http_proxy=listener.behind_http_proxy,
        proxy_protocol_from=tuple(ip_network(network) for network in listener.proxy_protocol_from),
        max_head_bytes=listener.max_head_bytes,
        max_connections=listener.max_connections,
        max_connections_per_source=listener.max_connections_per_source,
        head_timeout_seconds=listener.head_timeout_seconds,
        idle_timeout_seconds=listener.idle_timeout_seconds,
        body_timeout_seconds=listener.body_timeout_seconds,
        write_timeout_seconds=listener.write_timeout_seconds,
    )


def build_backend(backend: BackendSettings) -> BackendConfig:
    """The servers of one publication. Their sign-in is identity's business; only its header's name is told."""
    return BackendConfig(
        urls=backend.urls,
        host=backend.host,
        path=backend.path,
        verify=backend.verify,
        ca_file=backend.ca_file,
        pin_sha256=backend.pin_sha256,
        server_name=backend.server_name,
        auth_header=backend.auth_header if backend.auth == "header" else "",
        ticket_per=backend.ticket_per if backend.auth == "kerberos" else "",
        connect_timeout_seconds=backend.connect_timeout_seconds,
        answer_timeout_seconds=backend.answer_timeout_seconds,
        idle_seconds=backend.idle_seconds,
        max_connections=backend.max_connections,
        health_path=backend.health_path,
        health_every_seconds=backend.health_every_seconds,
    )
