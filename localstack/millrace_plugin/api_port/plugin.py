"""Entry points: LocalStack's web server on exactly the given addresses, with the application on a port of its own.

LocalStack's own server ignores the host of an IPv4 address in GATEWAY_LISTEN and listens on all interfaces.
"""

from localstack import config
from localstack.aws.serving.twisted import TLSMultiplexerFactory
from localstack.http import Request
from localstack.runtime import hooks
from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.runtime.server.twisted import TwistedRuntimeServer
from localstack.services.apigateway.next_gen.execute_api.handlers import parse
from rolo.gateway import Gateway
from rolo.gateway.wsgi import WsgiGateway
from rolo.serving.twisted import (
    HeaderPreservingHTTPChannel,
    HeaderPreservingWSGIResource,
    TwistedGateway,
    TwistedRequestAdapter,
)
from twisted.internet import reactor, ssl
from twisted.internet.interfaces import IProtocolFactory
from twisted.web.server import Site

from millrace_plugin.api_port import application, gateway_errors
from millrace_plugin.front_door import localstack
from millrace_plugin.settings import api_port


class ServerPlugin(RuntimeServerPlugin):
    """The server that `GATEWAY_SERVER=millrace` names."""

    name = "millrace"

    def load(self, *_: object, **__: object) -> "Server":
        return Server(api_port())


class Server(TwistedRuntimeServer):
    def __init__(self, api_port: int) -> None:
        super().__init__()
        self._api_port = api_port

    def register(
        self, gateway: Gateway, listen: list[config.HostAndPort], ssl_creds: tuple[str, str] | None = None
    ) -> None:
        localstack.guard(gateway)
        for address in listen:
            site = _application_site() if address.port == self._api_port else TwistedGateway(gateway)
            protocols = _with_tls(site, *ssl_creds) if ssl_creds else site
            # Raises if the port is taken; an endpoint would not.
            reactor.listenTCP(address.port, protocols, interface=address.host)


@hooks.on_infra_start()
def prepare_the_application() -> None:
    gateway_errors.apply_declarations()
    application.keep_paths()
    parse.restore_payload = _body


def _application_site() -> Site:
    """Return the application as a site without WebSockets, which a REST API does not have."""
    pool = reactor.getThreadPool()
    resource = HeaderPreservingWSGIResource(reactor, pool, WsgiGateway(application.Application()))
    site = Site(resource, requestFactory=TwistedRequestAdapter)
    site.protocol = HeaderPreservingHTTPChannel.protocol_factory
    return site


def _with_tls(site: Site, certificate: str, key: str) -> IProtocolFactory:
    context_factory = ssl.DefaultOpenSSLContextFactory(key, certificate)
    context_factory.getContext().use_certificate_chain_file(certificate)
    return TLSMultiplexerFactory(context_factory, False, site)  # noqa: FBT003 - a server, not a client


def _body(request: Request) -> bytes:
    """Return the raw body. LocalStack rebuilds forms from their fields, and fails without a boundary."""
    raw: bytes = request.get_data()
    return raw
