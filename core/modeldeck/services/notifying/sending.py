"""One try to deliver: a POST over HTTP, or a command that gets the event on its standard input.

No answer is followed elsewhere: a redirect would take a signed body to whoever answers. A receiver
has its time limit for everything, also one that answers a byte a minute; a command that exceeds it
is killed with all that it started.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MOST_WAIT_S = 3600.0
_MOST_DETAIL = 200
_MOST_READ = 4096


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of a try; ``is_reached`` says whether anybody answered at all.

    ``wait_s`` is how long the receiver asked to be left alone, 0 if it did not.
    """

    is_delivered: bool
    detail: str
    is_reached: bool = True
    wait_s: float = 0.0


def post(url: str, body: bytes, *, headers: Mapping[str, str], timeout_s: float) -> Attempt:
    """Send a body to an address; only an answer 2xx counts as delivered.

    Parameters
    ----------
    url : str
        An http or https address.
    body : bytes
        What is sent.
    headers : Mapping of str to str
        With which headers.
    timeout_s : float
        How long all of it may take, in seconds.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout_s, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    is_over = threading.Event()
    ender = threading.Timer(timeout_s, _cut, (connection, is_over))
    ender.daemon = True
    ender.start()
    try:
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        answer.read(_MOST_READ)
        return _judged(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if is_over.is_set() or isinstance(error, TimeoutError):
            return Attempt(is_delivered=False, detail=_late(timeout_s), is_reached=False)
        return Attempt(is_delivered=False, detail=_because(error), is_reached=False)
    finally:
        ender.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection, is_over: threading.Event) -> None:
    """End a connection whose time is over, whatever it waits for."""
    is_over.set()
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _judged(answer: http.client.HTTPResponse) -> Attempt:
    said = f"answered {answer.status}"
    if 200 <= answer.status < 300:
        return Attempt(is_delivered=True, detail=said)
    if 300 <= answer.status < 400:
        return Attempt(is_delivered=False, detail=f"{said}: redirects are not followed")
    after = answer.headers.get("Retry-After", "")
    wait_s = min(MOST_WAIT_S, float(after)) if after.isascii() and after.isdigit() else 0.0
    return Attempt(is_delivered=False, detail=said, wait_s=wait_s)


def _because(error: Exception) -> str:
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {words}"[:_MOST_DETAIL]


def _late(timeout_s: float) -> str:
    return f"no answer within {timeout_s:g} seconds"


def run(command: tuple[str, ...], body: bytes, *, identifier: str, timeout_s: float) -> Attempt:
    """Run a command, in the user's home, with the event on its standard input.

    Exit code 0 counts as delivered. ``MODELDECK_DELIVERY_ID`` is the delivery's id.
    """
    environment = {**os.environ, "MODELDECK_DELIVERY_ID": identifier}
    try:
        process = subprocess.Popen(
            command,
            cwd=Path.home(),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return Attempt(is_delivered=False, detail=_because(error), is_reached=False)
    try:
        _out, told = process.communicate(body, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return Attempt(
            is_delivered=False,
            detail=f"it did not end within {timeout_s:g} seconds, and was killed",
            is_reached=False,
        )
    finally:
        for stream in (process.stdin, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
    if process.returncode == 0:
        return Attempt(is_delivered=True, detail="ended with exit code 0")
    last = told.decode("utf-8", "replace").strip().splitlines()[-1:]
    words = f"ended with exit code {process.returncode}"
    return Attempt(is_delivered=False, detail=": ".join([words, *last])[:_MOST_DETAIL])


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
