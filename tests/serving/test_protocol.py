"""Requests that are put wrongly: every one is told so, counted, and breaks nothing."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.serving.running import GOOD, Reply, Server, until

INFER = "/v2/models/churn/infer"


def tensors(**changes: object) -> list[dict[str, Any]]:
    """Return the tensors of a good request; what is named replaces parts of the first."""
    age = {"name": "age", "shape": [1], "datatype": "FP64", "data": [41.0], **changes}
    return [age, {"name": "visits", "shape": [1], "datatype": "INT64", "data": [3]}]


def infer(server: Server, body: object) -> Reply:
    """Send an inference request."""
    return server.ask("POST", INFER, body=body)


def unlogged(server: Server) -> int:
    """Return the counter of predictions that are in no log."""
    return metric(server, "modeldeck_unlogged_total")


def metric(server: Server, name: str) -> int:
    """Return one counter, 0 where it is not there yet."""
    for line in server.ask("GET", "/metrics").body.decode().splitlines():
        if line.startswith(name) and line.rpartition(" ")[0] == name:
            return int(float(line.rpartition(" ")[2]))
    return 0


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [
        ({"inputs": tensors(datatype=[])}, 422, "datatype"),
        ({"inputs": tensors(datatype={})}, 422, "datatype"),
        ({"inputs": tensors(datatype=None)}, 422, "datatype"),
        ({"inputs": tensors(name=[])}, 422, "name"),
        ({"inputs": tensors(name=5)}, 422, "name"),
        ({"inputs": tensors(data=[[]])}, 422, "age"),
        ({"inputs": tensors(data=[{}])}, 422, "age"),
        ({"inputs": tensors(shape=[True])}, 422, "age"),
        ({"inputs": tensors(), "outputs": 5}, 400, "outputs"),
        ({"inputs": tensors(), "outputs": "x"}, 400, "outputs"),
        ({"inputs": tensors(), "outputs": [{"name": []}]}, 400, "outputs"),
        ({"inputs": tensors(), "outputs": [{}]}, 400, "outputs"),
        ({"inputs": tensors(), "outputs": ["prediction"]}, 400, "outputs"),
        ({"inputs": tensors(), "outputs": [{"name": "nothing"}]}, 400, "nothing"),
        ({"inputs": tensors(), "id": 7}, 400, "id"),
        ({"inputs": tensors(), "id": ["a"]}, 400, "id"),
        ({"inputs": tensors(), "id": "a" * 129}, 400, "id"),
        ({"inputs": tensors(datatype="BYTES", data=["41"])}, 422, "age"),
        ({"inputs": tensors(datatype="BYTES")}, 422, "age"),
        ({"inputs": tensors(datatype="INT32")}, 422, "age"),
        ({"inputs": tensors(datatype="BOOL", data=[True])}, 422, "age"),
        ({"inputs": tensors(datatype="UINT8", data=[256])}, 422, "age"),
        ({"inputs": [*tensors(), tensors()[0]]}, 422, "age"),
    ],
)
def test_infer_that_is_put_wrongly_is_refused_with_what_is_wrong(
    server: Server, body: dict[str, Any], status: int, named: str
) -> None:
    """Whatever stands where something else should is a 4xx that names it, never a 500."""
    reply = infer(server, body)
    assert (reply.status, named in reply.json["error"]) == (status, True), reply.body


def test_infer_with_whole_numbers_for_a_column_of_numbers_is_answered(server: Server) -> None:
    """Whole numbers are numbers: nothing is lost."""
    assert infer(server, {"inputs": tensors(datatype="INT32", data=[41])}).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows": [{"age": 1.0, "age": 99.0, "visits": 3}]}',
        b'{"rows": [{"age": 1.0, "visits": 3}], "rows": []}',
        b'{"rows": [{"age": NaN, "age": 99.0, "visits": 3}]}',
    ],
)
def test_name_that_stands_twice_in_an_object_is_refused(server: Server, body: bytes) -> None:
    """Readers disagree about which of two values counts, so neither does."""
    reply = server.ask("POST", "/predict/churn", body=body)
    assert (reply.status, "twice" in reply.json["error"]) == (422, True), reply.body


def test_quotes_inside_texts_are_no_second_name(server: Server) -> None:
    """What looks like a second name inside a text is none."""
    body = b'{"rows": [{"age": 1.0, "visits": 3}], "note": "\\"age\\": 1, \\"age\\": 2"}'
    assert server.ask("POST", "/predict/churn", body=body).status == 200


def test_id_that_is_no_text_of_characters_is_refused_and_the_log_goes_on(server: Server) -> None:
    """Half a character pair cannot be written; the next predictions are logged as ever."""
    body = json.dumps({"id": "\ud800", "inputs": tensors()}).encode()
    assert infer(server, body).status == 400
    good = server.predict(GOOD).json
    until(lambda: any(one["id"] == good["id"] for one in server.records()), "the record")
    assert unlogged(server) == 0


def test_infer_with_an_empty_id_gets_one(server: Server) -> None:
    """Clients that always send the field are answered with an id of ours."""
    assert infer(server, {"id": "", "inputs": tensors()}).json["id"]


@pytest.mark.parametrize("announced", [True, False])
def test_body_too_large_is_told_to_clients_that_send_all_of_it(
    server: Server, announced: bool
) -> None:
    """Python's client sends a body to its end before it reads: it gets the 413, no broken pipe."""
    size = 20 << 20
    head = {"Content-Type": "application/json"}
    connection = server.connection()
    if announced:
        connection.request("POST", "/predict/churn", b" " * size, head)
    else:
        parts = (b" " * (1 << 20) for _ in range(size >> 20))
        connection.request("POST", "/predict/churn", parts, head, encode_chunked=True)
    response = connection.getresponse()
    assert (response.status, b"MiB" in response.read()) == (413, True)
    connection.close()
    url = f"http://127.0.0.1:{server.port}/predict/churn"
    request = urllib.request.Request(url, b" " * size, head)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    assert caught.value.code == 413
    caught.value.close()


def test_body_that_never_ends_is_not_read_for_ever(server: Server) -> None:
    """After some more megabytes the connection ends, whoever goes on sending."""
    connection = server.connection()
    parts = (b" " * (1 << 20) for _ in range(1000))
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        connection.request(
            "POST",
            "/predict/churn",
            parts,
            {"Content-Type": "application/json"},
            encode_chunked=True,
        )
    connection.close()


def test_refused_requests_are_counted_and_told_in_the_log(server: Server) -> None:
    """What never reached a model leaves its status in the counters and a line in the log."""
    of_model = 'modeldeck_requests_total{{model="churn",version="1",status="{}"}}'
    elsewhere = 'modeldeck_refused_total{{status="{}"}}'
    names = [of_model.format(400), of_model.format(415), elsewhere.format(404)]
    names += [elsewhere.format(405), of_model.format(413)]
    before = [metric(server, name) for name in names]
    text = {"Content-Type": "text/plain"}
    server.ask("POST", "/predict/churn", body=b"{")
    server.ask("POST", "/predict/churn", body=b"{}", headers=text)
    server.ask("GET", "/nothing-here")
    server.ask("DELETE", "/v2")
    server.ask("POST", "/predict/churn", body=b" " * (9 << 20))
    assert [metric(server, name) for name in names] == [one + 1 for one in before]
    until(lambda: "/nothing-here" in server.log() or "404" in server.log(), "the line", within_s=15)


def test_many_refused_requests_are_few_lines(server: Server) -> None:
    """A flood of refused requests is counted in the log, not listed."""
    before = server.log().count("\n")
    for _ in range(200):
        server.ask("GET", "/flood")
    server.predict(GOOD)
    until(lambda: server.log().count("\n") > before, "the prediction's line")
    assert server.log().count("\n") < before + 10


def test_line_of_a_single_row_says_row(server: Server) -> None:
    """One row is no rows."""
    good = server.predict(GOOD).json
    until(lambda: good["id"] in server.log(), "the line")
    line = next(line for line in server.log().splitlines() if good["id"] in line)
    assert " 1 row " in line
