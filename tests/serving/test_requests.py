"""What a server answers to good and bad requests, over real HTTP."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from tests.serving.running import GOOD, Server, expected, until

INFER = "/v2/models/churn/infer"


def tensor(name: str, datatype: str, data: object, *, shape: list[int]) -> dict[str, Any]:
    """Return a tensor of the protocol."""
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def test_metadata_of_server_and_model_is_that_of_the_protocol(server: Server) -> None:
    """Name, versions, datatypes and shapes stand where the protocol puts them."""
    assert server.ask("GET", "/v2").json["name"] == "modeldeck"
    found = server.ask("GET", "/v2/models/churn/versions/1").json
    assert (found["name"], found["versions"]) == ("churn", ["1"])
    assert found["inputs"] == [
        {"name": "age", "datatype": "FP64", "shape": [-1]},
        {"name": "visits", "datatype": "INT64", "shape": [-1]},
    ]
    assert found["outputs"][1] == {"name": "probability", "datatype": "FP64", "shape": [-1, 2]}


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models/churn/ready", {"name": "churn", "ready": True}),
        ("/v2/models/churn/versions/1/ready", {"name": "churn", "ready": True}),
    ],
)
def test_health_of_a_ready_server_is_told(
    server: Server, path: str, answer: dict[str, object]
) -> None:
    """Liveness and readiness are told for server, model and version."""
    reply = server.ask("GET", path)
    assert (reply.status, reply.json) == (200, answer)


def test_predict_with_rows_answers_as_the_model_does(server: Server) -> None:
    """Predictions and probabilities are those of the model asked directly."""
    rows: list[dict[str, Any]] = [GOOD, {"age": 22, "visits": 1}]
    found = server.predict(*rows).json
    assert (found["model"], str(found["version"])) == ("churn", "1")
    assert found["id"]
    wanted = expected(server.root, "churn@1", rows=rows)
    assert [one["prediction"] for one in found["outputs"]] == [one["prediction"] for one in wanted]
    for given, known in zip(found["outputs"], wanted, strict=True):
        assert given["probability"] == pytest.approx(known["probability"])


@pytest.mark.parametrize(
    "inputs",
    [
        [
            tensor("age", "FP64", [41.0, 20.0], shape=[2]),
            tensor("visits", "INT64", [3, 1], shape=[2]),
        ],
        [
            tensor("visits", "INT32", [[3], [1]], shape=[2, 1]),
            tensor("age", "FP32", [[41.0], [20.0]], shape=[2, 1]),
        ],
        [tensor("all", "FP64", [41.0, 3.0, 20.0, 1.0], shape=[2, 2])],
        [tensor("all", "FP64", [[41.0, 3.0], [20.0, 1.0]], shape=[2, 2])],
    ],
    ids=["columns", "columns-nested", "matrix", "matrix-nested"],
)
def test_infer_with_tensors_answers_as_predict_does(
    server: Server, inputs: list[dict[str, Any]]
) -> None:
    """Tensors a column, or one for all, flat or nested, mean the same rows."""
    found = server.ask("POST", INFER, body={"id": "mine", "inputs": inputs}).json
    assert (found["id"], found["model_name"], found["model_version"]) == ("mine", "churn", "1")
    rows = [{"age": 41.0, "visits": 3}, {"age": 20.0, "visits": 1}]
    wanted = expected(server.root, "churn@1", rows=rows)
    outputs = {one["name"]: one for one in found["outputs"]}
    assert outputs["prediction"]["data"] == [one["prediction"] for one in wanted]
    assert outputs["probability"]["shape"] == [2, 2]
    flat = [value for one in wanted for value in one["probability"]]
    assert outputs["probability"]["data"] == pytest.approx(flat)


def test_infer_with_outputs_named_returns_only_those(server: Server) -> None:
    """A request may name the outputs that it wants."""
    inputs = [tensor("all", "FP64", [41.0, 3.0], shape=[1, 2])]
    body = {"inputs": inputs, "outputs": [{"name": "prediction"}]}
    found = server.ask("POST", INFER, body=body).json
    assert [one["name"] for one in found["outputs"]] == ["prediction"]


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ('{"age": 1.0}', ("visits", "missing")),
        ('{"age": "1.5", "visits": 1}', ("age", "number")),
        ('{"age": true, "visits": 1}', ("age", "number")),
        ('{"age": 1.0, "visits": 1.5}', ("visits", "whole number")),
        ('{"age": null, "visits": 1}', ("age", "null")),
        ('{"age": NaN, "visits": 1}', ("age",)),
        ('{"age": 1e999, "visits": 1}', ("age",)),
        ('{"age": 1.0, "visits": 123456789012345678901}', ("visits",)),
        ('{"age": [1], "visits": 1}', ("age",)),
        ('{"age": 1.0, "visits": 1, "agee": 2}', ("agee", "does not take")),
    ],
)
def test_predict_with_a_bad_value_names_column_and_row(
    server: Server, row: str, parts: tuple[str, ...]
) -> None:
    """One bad value among good rows is found, with its column and the number of its row."""
    good = json.dumps(GOOD)
    body = f'{{"rows": [{good}, {row}]}}'.encode()
    reply = server.ask("POST", "/predict/churn", body=body)
    assert reply.status == 422
    text = reply.json["error"]
    assert all(part in text for part in (*parts, "1")), text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b"[]", 400),
        (b"[" * 100_000, 400),
        (b"{}", 422),
        (b'{"rows": []}', 422),
        (b'{"rows": 3}', 422),
        (b'{"rows": [3]}', 422),
        (b'{"rows": [' + b",".join([b"{}"] * 20_000) + b"]}", 422),
    ],
)
def test_predict_with_a_bad_body_is_refused_in_json(
    server: Server, body: bytes, status: int
) -> None:
    """Whatever the body is, the answer is a sentence with the right status."""
    reply = server.ask("POST", "/predict/churn", body=body)
    assert reply.status == status
    assert reply.json["error"]


@pytest.mark.parametrize(
    "inputs",
    [
        None,
        [],
        [tensor("age", "FP64", [1.0], shape=[1])],
        [tensor("age", "WHAT", [1.0], shape=[1]), tensor("visits", "INT64", [1], shape=[1])],
        [tensor("age", "FP64", [1.0], shape=[2]), tensor("visits", "INT64", [1, 2], shape=[2])],
        [tensor("age", "FP64", [1.0], shape=[1]), tensor("visits", "INT64", [1, 2], shape=[2])],
        [tensor("age", "BYTES", ["a"], shape=[1]), tensor("visits", "INT64", [1], shape=[1])],
        [tensor("all", "FP64", [1.0, 2.0, 3.0], shape=[1, 3])],
        [tensor("all", "FP64", [1.0, 2.0], shape=[-1, 2])],
        [tensor("all", "FP64", [[1.0, 2.0], 3], shape=[2, 2])],
        [tensor("all", "FP64", [], shape=[1, 2])],
        [tensor("all", "FP64", [], shape=[0, 2])],
        [tensor("all", "FP64", "12", shape=[1, 2])],
    ],
)
def test_infer_with_bad_tensors_is_refused(server: Server, inputs: object) -> None:
    """Tensors that are missing, of another type or shape get a 422."""
    reply = server.ask("POST", INFER, body={"inputs": inputs})
    assert (reply.status, bool(reply.json["error"])) == (422, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/v2/models/unknown", 404),
        ("GET", "/v2/models/churn/versions/9", 404),
        ("POST", "/predict/unknown", 404),
        ("GET", "/predict/churn", 405),
        ("DELETE", "/v2", 405),
    ],
)
def test_request_for_what_is_not_there_is_refused(
    server: Server, method: str, path: str, status: int
) -> None:
    """Unknown paths, models and versions are 404, other methods 405, in JSON."""
    reply = server.ask(method, path, body={} if method == "POST" else None)
    assert (reply.status, bool(reply.json["error"])) == (status, True)
    assert ("allow" in reply.headers) == (status == 405)


def test_body_too_large_is_refused_announced_or_streamed(server: Server) -> None:
    """More than 8 MiB get a 413, by the announced length or by what came."""
    announced = {"Content-Length": str(9 << 20)}
    connection = server.connection()
    connection.putrequest("POST", "/predict/churn")
    for name, value in {**announced, "Content-Type": "application/json"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(b"POST /predict/churn HTTP/1.1\r\nHost: localhost\r\n")
        raw.sendall(b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
        try:
            for _ in range(10):
                raw.sendall(chunk)
        except OSError:
            pass
        assert raw.recv(100).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_request_under_another_host_name_is_refused(server: Server, host: str) -> None:
    """A page whose name was made to point at this machine learns nothing (DNS rebinding)."""
    assert server.ask("GET", "/health", headers={"Host": host}).status == 421


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_predict_without_json_content_type_is_refused(server: Server, kind: str) -> None:
    """What a page can send across origins without asking is not taken."""
    body = json.dumps({"rows": [GOOD]}).encode()
    reply = server.ask("POST", "/predict/churn", body=body, headers={"Content-Type": kind})
    assert reply.status == 415


def test_metrics_after_requests_count_them(server: Server) -> None:
    """Requests by status, latency, generation and swaps are there for Prometheus."""
    server.predict(GOOD)
    server.predict({})
    text = server.ask("GET", "/metrics").body.decode()
    assert 'modeldeck_requests_total{model="churn",version="1",status="200"}' in text
    assert 'modeldeck_requests_total{model="churn",version="1",status="422"}' in text
    assert 'le="+Inf"' in text
    assert 'modeldeck_generation{model="churn",version="1"} 1' in text
    assert "modeldeck_swaps_total 1" in text


def test_prediction_log_after_requests_has_each_of_them(server: Server) -> None:
    """Every request that reached the model is a record, with inputs, outputs and status."""
    good = server.predict(GOOD).json
    server.predict({"age": "no", "visits": 1})

    def both() -> list[dict[str, Any]]:
        records = server.records()
        has_good = any(one["id"] == good["id"] for one in records)
        return records if has_good and records[-1]["status"] == 422 else []

    records = until(both, "both records")
    logged = next(one for one in records if one["id"] == good["id"])
    assert logged["inputs"] == [GOOD]
    assert logged["outputs"] == good["outputs"]
    assert logged["status"] == 200
    assert logged["latency_s"] > 0
    assert "age" in records[-1]["error"]


def test_server_log_with_hostile_text_keeps_to_its_lines(server: Server) -> None:
    """Control characters from a request reach the log written out."""
    server.predict({"age": "\x1b[31m\nFORGED", "visits": 1})
    until(lambda: "FORGED" in server.log(), "the line")
    assert "\x1b" not in server.log()
    assert not any(line.startswith("FORGED") for line in server.log().splitlines())


def test_request_forges_no_record_of_the_log(server: Server) -> None:
    """Whatever stands in a request's id or values, each request is one record and one line."""
    forged = "2026-11-23 10:00:00 INFO approved by alice"
    payloads = ["\n", "\r", "\r\n", "\x0b", "\x1b[2K", "\u2028", "\x85", '"}\n{"id":"x'] * 125

    def counted(pattern: str) -> int:
        found = (server.root / "endpoints").rglob(pattern)
        return sum(path.read_bytes().count(b"\n") for path in found)

    before = counted("predictions-*.jsonl")
    accepted = 0
    for number, payload in enumerate(payloads):
        body = {
            "id": f"{number}{payload}{forged}",
            "inputs": [
                tensor("age", "FP64", [41.0], shape=[1]),
                tensor("visits", "INT64", [3], shape=[1]),
            ],
        }
        accepted += server.ask("POST", INFER, body=body).status == 200
    until(lambda: counted("predictions-*.jsonl") == before + accepted, "all records")
    for path in (server.root / "endpoints").rglob("*.log"):
        for line in path.read_text().splitlines():
            assert not line.startswith(forged)
