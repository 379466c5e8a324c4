"""A client on one keep-alive connection that holds every answer against the contract."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from pydantic import BaseModel

from service.web.catalogue import EVERYWHERE, failures_of
from service.web.operation import Operation
from service.web.paths import Routes
from service.web.problems import status_of

PATIENCE_SECONDS = 15
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")
CODE = re.compile(r"[a-z]+(_[a-z0-9]+)*")
RETRY_AFTER = re.compile(r"[1-9][0-9]*")
PROBLEM_FIELDS = {"type", "title", "status", "detail", "code", "request_id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer as it came."""

    target: str
    """Where it was asked for."""
    status: int
    headers: Message
    raw: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.raw)

    @property
    def code(self) -> str | None:
        """The code, if it is a problem document."""
        return str(self.json["code"]) if self.status >= 400 and self.raw else None

    @property
    def pointers(self) -> dict[str, str]:
        """Code by pointer of a validation problem's errors."""
        return {error["pointer"]: error["code"] for error in self.json["errors"]}

    @property
    def told(self) -> str:
        """Everything the answer says: head and body."""
        return f"{self.headers}\n{self.raw.decode(errors='replace')}"


@dataclass(slots=True, kw_only=True)
class Caller:
    """Asks one running service; every answer is inspected before a test sees it."""

    port: int
    operations: list[Operation]
    routes: Routes = field(init=False)
    _line: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.routes = Routes(self.operations)
        self._line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._line.close()

    @property
    def origin(self) -> str:
        """The service's own."""
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        target: str,
        *,
        json: Any = None,
        body: bytes | None = None,
        bearer: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str | bytes]] = (),
        announce: int | None = None,
    ) -> Answer:
        """Ask once; a body alone is said to be JSON.

        `announce`: say that a body of so many bytes follows; without `body` none does.
        Of a stream of events nothing but the head is read.
        """
        said: list[tuple[str, str | bytes]] = list(
            headers.items() if isinstance(headers, Mapping) else headers
        )
        names = {name.lower() for name, _ in said}
        if json is not None:
            body = orjson.dumps(json)
        if body is not None and announce is None and "content-type" not in names:
            said.append(("Content-Type", "application/json"))
        if bearer is not None and bearer.startswith("pbs_"):
            # A session's token goes in its cookie, as one of the service's own pages sends it.
            said += [("Cookie", f"postbag={bearer}"), ("Origin", self.origin)]
        elif bearer is not None:
            said.append(("Authorization", f"Bearer {bearer}"))
        length = announce if announce is not None else None if body is None else len(body)
        if length is not None:
            said.append(("Content-Length", str(length)))
        answer = self.exchange(method, target, said, body)
        self.inspect(method, target, answer)
        return answer

    def exchange(
        self,
        method: str,
        target: str,
        said: Sequence[tuple[str, str | bytes]],
        body: bytes | None,
    ) -> Answer:
        """Ask once, and inspect nothing."""
        line = self._line
        names_host = any(name.lower() == "host" for name, _ in said)
        line.putrequest(method, target, skip_host=names_host, skip_accept_encoding=True)
        for name, value in said:
            line.putheader(name, value)
        line.endheaders(body)
        response = line.getresponse()
        endless = response.headers["Content-Type"] == "text/event-stream"
        raw = b"" if endless else response.read()
        if endless or (body is None and any(name == "Content-Length" for name, _ in said)):
            line.close()  # its end never comes, or that of the body that was announced
        return Answer(target=target, status=response.status, headers=response.headers, raw=raw)

    def inspect(self, method: str, target: str, answer: Answer) -> None:
        """Hold an answer against what api.md says of all of them."""
        headers = answer.headers
        asked = f"{method} {target[:200]} -> {answer.status} {answer.raw[:500]!r}"
        assert REQUEST_ID.fullmatch(headers["X-Request-Id"]), asked
        assert headers["X-Content-Type-Options"] == "nosniff", asked
        assert headers["Referrer-Policy"] == "no-referrer", asked
        assert headers["Vary"].startswith("Accept-Encoding, Origin"), asked
        gives_cookie = headers["Set-Cookie"] is not None
        assert headers["Access-Control-Allow-Credentials"] is None, asked
        assert answer.status < 500 or answer.status == 503, asked
        operation = self.operation(method, target)
        assert not gives_cookie or (operation is not None and operation.tag == "Sign-in"), asked
        assert operation is None or headers["Access-Control-Allow-Origin"] != "*", asked
        is_problem = answer.status >= 400 and not (
            operation is not None
            and answer.status in operation.answers
            and headers["Content-Type"] == operation.answers[answer.status]
        )
        if is_problem and method != "HEAD":
            _inspect_problem(answer, operation, asked)
        elif method in {"HEAD", "OPTIONS"}:
            assert answer.raw == b"", asked
        elif operation is not None:
            _inspect_success(answer, operation, asked)

    def operation(self, method: str, target: str) -> Operation | None:
        """Return what is meant."""
        found = self.routes.find(target.partition("?")[0])
        return found.by_method.get("GET" if method == "HEAD" else method) if found else None


def _inspect_problem(answer: Answer, operation: Operation | None, asked: str) -> None:
    """RFC 9457, with our own fields; every code is announced in the OpenAPI document."""
    assert answer.headers["Content-Type"] == "application/problem+json", asked
    assert answer.headers["Cache-Control"] in {"no-store", "private, no-store"}, asked
    said = answer.json
    assert set(said) - {"errors"} == PROBLEM_FIELDS, asked
    assert said["status"] == answer.status, asked
    assert said["request_id"] == answer.headers["X-Request-Id"], asked
    assert CODE.fullmatch(said["code"]), asked
    assert said["type"] == f"/docs#{said['code']}", asked
    assert said["title"], asked
    assert said["detail"], asked
    if said["code"] == "validation_failed":
        assert said["errors"], asked
    for error in said.get("errors", ()):
        assert set(error) - {"line", "column"} == {"pointer", "code", "detail"}, asked
        assert error["pointer"] == "" or error["pointer"].startswith("/"), asked
        assert CODE.fullmatch(error["code"]), asked
        assert error["detail"], asked
    if answer.status in {429, 503}:
        assert RETRY_AFTER.fullmatch(answer.headers["Retry-After"]), asked
    if answer.status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer"), asked
    if operation is not None:
        announced = {(status_of(each), each.code) for each in failures_of(operation)}
        everywhere = {(status_of(each), each.code) for each in EVERYWHERE}
        assert (answer.status, said["code"]) in announced | everywhere, asked


def _inspect_success(answer: Answer, operation: Operation, asked: str) -> None:
    """The body is the declared model's: every field, no other, nothing converted."""
    if answer.status == 304:
        assert operation.public, asked
        assert answer.raw == b"", asked
        return
    assert answer.status in operation.answers, asked
    declared = operation.answers[answer.status]
    if declared is None:
        assert answer.raw == b"", asked
        assert answer.headers["Content-Type"] is None, asked
    elif isinstance(declared, str):
        assert answer.headers["Content-Type"] == declared, asked
    else:
        assert answer.headers["Content-Type"] == "application/json", asked
        assert issubclass(declared, BaseModel), asked
        declared.model_validate_json(answer.raw, strict=True)
    if not operation.public:
        assert answer.headers["Cache-Control"] == "no-store", asked


def segment(value: str) -> str:
    """Percent-encode a path's value, slashes included."""
    return quote(value, safe="")


def query(**values: Any) -> str:
    """Write a query; None is left out, a list is repeated."""
    pairs = [(name, value) for name, value in values.items() if value is not None]
    return f"?{urlencode(pairs, doseq=True)}" if pairs else ""
