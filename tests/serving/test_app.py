"""The callable alone: models that misbehave, too many requests, and a model that hangs."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from modeldeck import clock
from modeldeck.errors import InvalidInputError
from modeldeck.ml.persistence import Signature
from modeldeck.serving import app as application
from modeldeck.serving import batching
from modeldeck.serving.app import App
from modeldeck.serving.records import Records, Stamps
from modeldeck.serving.registry import Registry, Served
from modeldeck.serving.rows import RowChecker
from modeldeck.store.streams import Stream
from tests.serving.running import until

INPUTS = [{"name": "x", "type": "float64", "nullable": False}]
SIGNATURE: Signature = {
    "v": 1,
    "task": "regression",
    "container": "array",
    "target": "",
    "inputs": INPUTS,
    "outputs": [{"name": "prediction", "type": "float64"}],
    "examples": {"inputs": [], "outputs": []},
}


class Odd:
    """A model that answers NaN to 13, fails at 14, and otherwise waits to be let go."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.may_go.set()

    def predict(self, features: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.may_go.wait(20)
        values = features[:, 0]
        if (values == 14).any():
            raise RuntimeError(14)
        return np.where(values == 13, math.nan, values)


@pytest.fixture
def model() -> Odd:
    """Return the model that the application serves."""
    return Odd()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    """Return records below a temporary folder."""
    made = Records(lambda _model: tmp_path, Stream)
    yield made
    made.close()


@pytest.fixture
def app(model: Odd, records: Records) -> Iterator[App]:
    """Return an application that serves the model as ``odd``."""
    registry = Registry()
    registry.put(Served("odd", "1", "0" * 64, 1, SIGNATURE, model, RowChecker(INPUTS)))
    made = App(registry, records, hosts=())
    yield made
    model.may_go.set()
    made.close()


async def ask(app: App, *values: float) -> list[httpx.Response]:
    """Ask about several rows at once, a request each."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        bodies = [{"rows": [{"x": value}]} for value in values]
        return list(await asyncio.gather(*(client.post("/predict/odd", json=b) for b in bodies)))


def test_model_that_answers_nan_or_fails_fails_only_that_request(app: App) -> None:
    """Among requests predicted together, those that the model cannot answer get a 500 alone."""
    found = asyncio.run(ask(app, 1.0, 13.0, 2.0, 14.0))
    assert [one.status_code for one in found] == [200, 500, 200, 500]
    assert found[2].json()["outputs"] == [{"prediction": 2.0}]
    assert "NaN" in found[1].json()["error"]
    assert "Traceback" not in found[3].text


def test_model_whose_version_is_on_its_way_answers_503_and_an_unknown_one_404(app: App) -> None:
    """A client of a server that just started comes again; one of a wrong name learns the others."""
    app.registry.expect("later")

    async def both() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return [await client.post(f"/predict/{name}", json={}) for name in ("later", "ood")]

    later, unknown = asyncio.run(both())
    assert (later.status_code, later.headers["retry-after"]) == (503, "1")
    assert unknown.status_code == 404
    assert "odd is live" in unknown.json()["error"]


def test_requests_beyond_the_limit_are_told_to_come_again(
    app: App, model: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the queue full the next request gets a 503 at once, and those before are answered."""
    monkeypatch.setattr(batching, "MAX_WAITING", 3)

    async def four() -> list[httpx.Response]:
        model.may_go.clear()
        first = asyncio.gather(*(ask(app, float(one)) for one in range(3)))
        while app.predictor.n_waiting < 3:  # noqa: ASYNC110 -- nothing tells about a queue
            await asyncio.sleep(0)
        (refused,) = await ask(app, 9.0)
        model.may_go.set()
        return [refused, *(one for some in await first for one in some)]

    refused, *answered = asyncio.run(four())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert [one.status_code for one in answered] == [200, 200, 200]


def test_model_that_hangs_is_not_waited_for_without_end(
    app: App, model: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prediction that takes too long is answered with 503; health answers meanwhile."""
    monkeypatch.setattr(application, "PREDICT_TIMEOUT_S", 0.05)
    model.may_go.clear()
    (late,) = asyncio.run(ask(app, 1.0))
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")


def test_record_of_a_failed_prediction_has_status_and_error(
    app: App, records: Records, tmp_path: Path
) -> None:
    """What the model failed at is in the prediction log too."""
    asyncio.run(ask(app, 14.0))
    records.close()
    (path,) = tmp_path.glob("predictions-*-1.jsonl")
    (record,) = map(json.loads, path.read_text().splitlines())
    assert (record["status"], record["outputs"]) == (500, [])
    assert "RuntimeError" in record["error"]


def test_prediction_log_that_grows_large_goes_on_in_the_next_file(
    records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a full file comes the next number, and no record is lost between them."""
    monkeypatch.setattr("modeldeck.serving.records.SEGMENT_BYTES", 1)
    record = {"id": "a", "latency_s": 0.001, "inputs": [], "status": 200, "version": "1"}
    names = []
    for number in (1, 2):
        records.prediction("odd", {**record, "id": str(number)})
        names = [f"predictions-*-{one}.jsonl" for one in range(1, number + 1)]
        until(lambda: list(tmp_path.glob(names[-1])), "the next file")  # noqa: B023 -- called at once
    records.close()
    found = [json.loads(next(tmp_path.glob(name)).read_text())["id"] for name in names]
    assert found == ["1", "2"]


def test_record_that_cannot_be_written_is_counted_and_the_next_is_written(
    records: Records, tmp_path: Path
) -> None:
    """Neither a value that JSON cannot hold nor a folder that fails ends the log."""
    record = {"id": "a", "latency_s": 0.001, "inputs": [], "status": 200, "version": "1"}
    records.prediction("odd", {**record, "id": "\ud800"})
    until(lambda: records.n_lost == 1, "the count")
    records.prediction("odd", {"id": "without all else"})
    records.line("odd", "INFO", text="\ud800")
    records.prediction("odd", {**record, "id": "good"})
    records.close()
    (path,) = tmp_path.glob("predictions-*-1.jsonl")
    assert json.loads(path.read_text().splitlines()[-1])["id"] == "good"
    assert records.n_lost == 1


def test_folder_that_cannot_be_written_loses_records_and_not_the_thread(tmp_path: Path) -> None:
    """Every error of one model's folder costs that model's records alone."""

    def folder_of(model: str) -> Path:
        if model == "bad":
            raise RuntimeError(model)
        return tmp_path

    made = Records(folder_of, Stream)
    record = {"id": "a", "latency_s": 0.001, "inputs": [], "status": 200, "version": "1"}
    made.prediction("bad", record)
    made.prediction("good", record)
    until(lambda: made.n_lost == 1, "the count")
    made.close()
    assert len(list(tmp_path.glob("predictions-*"))) == 1


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer wrong"}, 401),
        ({"authorization": "Bearer s3cret"}, 200),
    ],
)
def test_request_without_the_token_is_refused_on_every_path(
    model: Odd, records: Records, header: dict[str, str], status: int
) -> None:
    """A server with a token answers nobody without it, whatever is asked."""
    application_ = App(Registry(), records, hosts=(), token="s3cret")

    async def asked() -> list[int]:
        transport = httpx.ASGITransport(app=application_)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            paths = ["/health", "/metrics", "/v2"]
            return [(await client.get(path, headers=header)).status_code for path in paths]

    try:
        assert asyncio.run(asked()) == [status] * 3
    finally:
        application_.close()


def test_stamp_is_the_time_as_everywhere_else() -> None:
    """The short way to the time's text gives the same text."""
    now = Stamps()
    before = clock.to_text(clock.utc_now())
    found = [now() for _ in range(1000)]
    after = clock.to_text(clock.utc_now())
    assert [before, *found, after] == sorted([before, *found, after])
    assert all(map(clock.is_instant, found))


@pytest.mark.parametrize("value", [1, 1.5, True, None, "1", math.nan, math.inf, [1.0], 2**70])
def test_rows_of_numbers_are_checked_alike_the_short_way_and_the_long(value: object) -> None:
    """A row of numbers alone takes a short way, which takes nothing that the long way refuses."""
    inputs = [{"name": name, "type": "float64", "nullable": False} for name in ("x", "y")]
    short = RowChecker(inputs)
    long = RowChecker([*inputs, {"name": "z", "type": "int64", "nullable": False}])
    found: list[object] = []
    for checker, more in ((short, {}), (long, {"z": 1})):
        try:
            (row,) = checker.check([{"y": 2.0, "x": value, **more}])
            found.append(list(row.items())[:2])
        except InvalidInputError as error:
            found.append(error.message)
    assert found[0] == found[1]
