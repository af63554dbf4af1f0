"""The server's one ASGI callable: a table of routes, limits, and precise errors.

========================================== =======================================================
``GET /health``                            is the server up; what does it serve
``GET /metrics``                           counters in Prometheus' text format
``GET /v2``, ``/v2/health/live|ready``     Open Inference Protocol: server
``GET /v2/models/M[/versions/V][/ready]``  metadata, readiness
``POST /v2/models/M[/versions/V]/infer``   tensors
``POST /predict/M``                        ``{"rows": [{"column": value}]}``
========================================== =======================================================

Errors are ``{"error": sentence}`` with 400 (no JSON), 401 (no token), 404, 405, 408 (slow body),
413 (too large), 415 (not declared as JSON), 421 (another host's name), 422 (rows that do not fit
the signature), 500, 503 with Retry-After.
"""

from __future__ import annotations

import hmac
import math
import re
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

from modeldeck.errors import ModelDeckError, UnavailableError, UsageError
from modeldeck.serving import bodies, protocol, replies
from modeldeck.serving.batching import Answers, Predictor
from modeldeck.serving.counters import Counters
from modeldeck.serving.records import Records, Stamps
from modeldeck.serving.refusals import Refusals
from modeldeck.serving.registry import Registry, Served
from modeldeck.serving.replies import Answer, HttpError, Receive, Scope, Send
from modeldeck.serving.rows import Row

PREDICT_TIMEOUT_S = 30.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")

_MOST_NAMED = 20
_MODEL = r"/v2/models/(?P<model>[a-z0-9._-]{1,64})(?:/versions/(?P<version>[0-9]{1,9}))?"


class App:
    """Answers HTTP requests for what a registry holds.

    Parameters
    ----------
    registry : Registry
        What is served; it may change between two requests.
    records : Records
        Where predictions are logged.
    hosts : tuple of str
        Names that requests may use for this server; empty allows any.
    token : str
        What every request has to bring as a bearer token; empty asks for none.
    """

    def __init__(
        self, registry: Registry, records: Records, *, hosts: tuple[str, ...], token: str = ""
    ) -> None:
        self.registry = registry
        self.records = records
        self.hosts = hosts
        self.token = token.encode()
        self._host: bytes | None = None  # the last good one, as most requests bring it
        self._ids = (f"{uuid.uuid4().hex[:20]}{number:012x}" for number in count())
        self.counters = Counters()
        self.predictor = Predictor()
        self._now = Stamps()
        self._refusals = Refusals(registry, records, counters=self.counters)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Awaitable[Answer]]]] = [
            ("POST", re.compile(r"/predict/(?P<model>[a-z0-9._-]{1,64})"), self._predict),
            ("POST", re.compile(_MODEL + "/infer"), self._infer),
            ("GET", re.compile(r"/health"), self._health),
            ("GET", re.compile(r"/metrics"), self._metrics),
            ("GET", re.compile(r"/v2/?"), self._server),
            ("GET", re.compile(r"/v2/health/live"), self._live),
            ("GET", re.compile(r"/v2/health/ready"), self._ready),
            ("GET", re.compile(_MODEL), self._metadata),
            ("GET", re.compile(_MODEL + "/ready"), self._model_ready),
        ]

    def close(self) -> None:
        """End the predicting thread."""
        self.predictor.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            answer = await self._answer(scope, receive)
        except HttpError as error:
            self._refusals.note(error)
            answer = error.answer()
        except ConnectionError:
            return
        except Exception:  # noqa: BLE001 -- a bug of ours answers one request, not all later ones
            traceback.print_exc()
            mistake = HttpError(500, "The server made a mistake; its log says which.")
            self._refusals.note(mistake)
            answer = mistake.answer()
        body = replies.body_of(answer)
        await replies.start(answer, send, length=len(body))
        if scope["method"] == "HEAD":
            body = b""
        if answer.status == 413:
            await send({"type": "http.response.body", "body": body, "more_body": True})
            await bodies.discard(receive)
            body = b""
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        self._check_host(scope)
        self._check_token(scope)
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        allowed = set()
        for verb, pattern, handler in self._routes:
            found = pattern.fullmatch(scope["path"])
            if found and verb == method:
                return await handler(scope, receive, **found.groupdict())
            if found:
                allowed.add(verb)
        if allowed:
            listed = ", ".join(sorted(allowed))
            msg = f"{scope['method']} is not answered here; use {listed}."
            raise HttpError(405, msg, allow=listed)
        msg = f"There is nothing at {scope['path'][:120]}; POST /predict/MODEL asks a model."
        raise HttpError(404, msg)

    def _check_host(self, scope: Scope) -> None:
        """Refuse names that a page in a browser could have made point here (DNS rebinding)."""
        if not self.hosts or (given := bodies.header(scope, b"host")) == self._host:
            return
        named = given.decode("latin-1")
        host = named.rsplit(":", 1)[0] if not named.endswith("]") else named
        if host.strip("[]").lower() not in self.hosts:
            msg = f"This server is not called {host[:80]!r}."
            raise HttpError(421, msg)
        self._host = given

    def _check_token(self, scope: Scope) -> None:
        """Ask for the token (RFC 6750), in a time that does not tell how much of it is right."""
        if not self.token:
            return
        given = bodies.header(scope, b"authorization")
        if not hmac.compare_digest(given, b"Bearer " + self.token):
            msg = "This server wants a bearer token."
            raise HttpError(401, msg)

    async def _health(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- all handlers are called alike
        served = {
            one.model: {"version": one.version, "generation": one.generation}
            for one in self.registry.all()
        }
        is_followed = not self.registry.problem
        return Answer(200, {"status": "up", "following": is_followed, "models": served})

    async def _metrics(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- as above
        text = self.counters.text(self.registry, unlogged=self.records.n_lost)
        return Answer(200, text, "text/plain; version=0.0.4")

    async def _server(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- as above
        return Answer(200, protocol.server_metadata())

    async def _live(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- as above
        return Answer(200, {"live": True})

    async def _ready(self, scope: Scope, receive: Receive) -> Answer:  # noqa: ARG002 -- as above
        is_ready = bool(self.registry.all())
        return Answer(200 if is_ready else 503, {"ready": is_ready}, retry_after_s=not is_ready)

    async def _metadata(
        self,
        scope: Scope,  # noqa: ARG002 -- as above
        receive: Receive,  # noqa: ARG002 -- as above
        *,
        model: str,
        version: str | None = None,
    ) -> Answer:
        served = self._served(model, version)
        found = protocol.model_metadata(model, served.version, signature=served.signature)
        return Answer(200, found)

    async def _model_ready(
        self,
        scope: Scope,  # noqa: ARG002 -- as above
        receive: Receive,  # noqa: ARG002 -- as above
        *,
        model: str,
        version: str | None = None,
    ) -> Answer:
        if self.registry.get(model) is None and self.registry.is_known(model):
            return Answer(503, {"name": model, "ready": False}, retry_after_s=1)
        served = self._served(model, version)
        return Answer(200, {"name": served.model, "ready": True})

    def _served(self, model: str, version: str | None = None) -> Served:
        served = self.registry.get(model)
        if served is None and self.registry.is_known(model):
            msg = f"Nothing is live for {model} just now."
            raise HttpError(503, msg, retry_after_s=1)
        if served is None:
            names = ", ".join(sorted(one.model for one in self.registry.all())[:_MOST_NAMED])
            msg = f"There is no model {model!r} here; {names or 'none'} is live."
            raise HttpError(404, msg)
        if version is not None and version != served.version:
            msg = f"Version {version} of {model} is not live; {served.version} is."
            raise HttpError(404, msg)
        return served

    async def _predict(self, scope: Scope, receive: Receive, *, model: str) -> Answer:
        served = self._served(model)
        document = await self._document(served, scope, receive=receive)
        identifier = next(self._ids)
        outputs = await self._run(served, document.get("rows"), identifier=identifier)
        whole = {"id": identifier, "model": model, "version": served.version, "outputs": outputs}
        return Answer(200, whole)

    async def _infer(
        self, scope: Scope, receive: Receive, *, model: str, version: str | None = None
    ) -> Answer:
        served = self._served(model, version)
        document = await self._document(served, scope, receive=receive)
        identifier = next(self._ids)
        try:
            identifier = protocol.identifier_of(document) or identifier
            names = protocol.wanted_of(document, served.signature)
            rows = protocol.rows_of(document, served.signature["inputs"])
        except ModelDeckError as error:
            raise self._refused(served, error, identifier=identifier) from None
        outputs = await self._run(served, rows, identifier=identifier)
        whole = protocol.answer(
            outputs,
            names,
            model=model,
            version=served.version,
            identifier=identifier,
            signature=served.signature,
        )
        return Answer(200, whole)

    async def _document(self, served: Served, scope: Scope, *, receive: Receive) -> dict[str, Any]:
        try:
            return await bodies.document(scope, receive)
        except HttpError as error:
            error.key = (served.model, served.version)
            raise

    async def _run(self, served: Served, rows: object, *, identifier: str) -> Answers:
        """Check rows, predict them, log both."""
        began = time.perf_counter()
        try:
            checked = served.checker.check(rows)
            outputs = await self.predictor.predict(served, checked, within_s=PREDICT_TIMEOUT_S)
            _check_finite(outputs)
        except Exception as error:  # noqa: BLE001 -- an estimator can raise anything
            raise self._refused(served, error, identifier=identifier, began=began) from None
        seconds = time.perf_counter() - began
        self._log(served, 200, seconds=seconds, identifier=identifier, inputs=checked, out=outputs)
        return outputs

    def _refused(
        self, served: Served, error: Exception, *, identifier: str, began: float = 0.0
    ) -> HttpError:
        is_busy = isinstance(error, UnavailableError)
        status = _status_of(error)
        seconds = time.perf_counter() - began if began else 0.0
        text = str(error)
        if status == 500:
            text = f"The model failed on these rows ({type(error).__name__}): {text[:200]}"
        self._log(served, status, seconds=seconds, identifier=identifier, error=text)
        refused = HttpError(status, text, retry_after_s=1 if is_busy else 0)
        refused.is_counted = True
        return refused

    def _log(
        self,
        served: Served,
        status: int,
        *,
        seconds: float,
        identifier: str,
        inputs: list[Row] | None = None,
        out: Answers | None = None,
        error: str = "",
    ) -> None:
        key = (served.model, served.version)
        self.counters.count(key, status, seconds=seconds, n_rows=len(inputs or ()))
        record: dict[str, object] = {
            "id": identifier,
            "at": self._now(),
            "model": served.model,
            "version": served.version,
            "latency_s": round(seconds, 6),
            "inputs": inputs or [],
            "outputs": out or [],
            "status": status,
        }
        if error:
            record["error"] = error
        self.records.prediction(served.model, record)


def _status_of(error: Exception) -> int:
    if isinstance(error, UnavailableError):
        return 503
    if isinstance(error, UsageError):
        return 400
    return 422 if isinstance(error, ModelDeckError) else 500


def _check_finite(outputs: Answers) -> None:
    """Refuse answers that JSON cannot hold: they are a fault of the model, never of a row."""
    for one in outputs:
        answer = one["prediction"]
        is_finite = not isinstance(answer, float) or math.isfinite(answer)
        if not is_finite or not all(map(math.isfinite, one.get("probability", ()))):
            msg = "it answered NaN or infinity"
            raise ArithmeticError(msg)
