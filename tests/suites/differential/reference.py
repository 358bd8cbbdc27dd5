"""The other server: scim2-server on a loopback port, in memory, with the schemas that ours publishes."""

import json
import threading
from http.client import HTTPConnection, RemoteDisconnected
from socketserver import ThreadingMixIn
from urllib.parse import quote, urlencode, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

SCIM_JSON = "application/scim+json"


class Server:
    """One of the two servers, reached by HTTP."""

    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/")
        self._place = urlsplit(self.url)
        self._headers = {"Accept": SCIM_JSON}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._connection: HTTPConnection | None = None

    def send(self, method: str, path: str, query: dict, headers: dict, body: object) -> "Answer":
        """Sends one request; a kept connection that the server has closed is opened again."""
        target = self._place.path + quote(path)
        if query:
            target += "?" + urlencode(query)
        sent = self._headers | headers
        data = None
        if body is not None:
            sent["Content-Type"] = SCIM_JSON
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        for last in (False, True):
            if self._connection is None:
                self._connection = HTTPConnection(self._place.hostname, self._place.port, timeout=30)
            try:
                self._connection.request(method, target, data, sent)
                answer = self._connection.getresponse()
                text = answer.read()
                break
            except (RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self._connection.close()
                self._connection = None
                if last:
                    raise
        if answer.will_close:
            self._connection.close()
            self._connection = None
        return Answer(
            answer.status, {k.lower(): v for k, v in answer.getheaders()}, json.loads(text) if text else None
        )


class Answer:
    """What a server said."""

    def __init__(self, status: int, headers: dict, body: object) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class _Quiet(WSGIRequestHandler):
    disable_nagle_algorithm = True  # answers are written in pieces

    def log_message(self, *_: object) -> None:
        """No line per request."""


class _Threads(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def _storage() -> object:
    """Storage in memory in which a reference to a deleted resource goes with it, as in a store with foreign keys."""
    from scim2_server.memory import InMemoryStorage

    class Storage(InMemoryStorage):
        def delete(self, resource_type: object, resource_id: str, **conditions: object) -> None:
            with self.lock:
                super().delete(resource_type, resource_id, **conditions)
                for resource in self.resources:
                    members = getattr(resource, "members", None)
                    if members:
                        resource.members = [m for m in members if m.value != resource_id] or None
                    extension = getattr(resource, "EnterpriseUser", None)
                    if (
                        extension is not None
                        and extension.manager is not None
                        and extension.manager.value == resource_id
                    ):
                        extension.manager = None
                        if not extension.model_dump():
                            resource.EnterpriseUser = None
                self.resources = self.resources  # what the indexes know is worked out again

    return Storage()


def start(ours: Server) -> Server:
    """Starts scim2-server with the resource types, schemas and features that our server publishes."""
    from scim2_models import ResourceType, Schema, ScimProvider, ServiceProviderConfig
    from scim2_server.applications.wsgi import WSGIApplication

    def published(path: str) -> object:
        return ours.send("GET", path, {}, {}, None).body

    config = published("/ServiceProviderConfig")
    for feature in ("patch", "filter", "sort", "etag", "changePassword"):
        config[feature]["supported"] = True
    config.pop("pagination", None)  # its cursors need a package of their own
    provider = ScimProvider.from_discovery(
        [Schema.model_validate(schema) for schema in published("/Schemas")["Resources"]],
        [ResourceType.model_validate(kind) for kind in published("/ResourceTypes")["Resources"]],
        config=ServiceProviderConfig.model_validate(config),
    )
    application = WSGIApplication(_storage(), provider)
    server = make_server("127.0.0.1", 0, application, server_class=_Threads, handler_class=_Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Server(f"http://127.0.0.1:{server.server_port}/v2", None)
