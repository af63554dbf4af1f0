"""Traffic for the demo: real hold-out rows, sent to a model over HTTP at a steady rate.

``python -P -m modeldeck.jobs.traffic --url http://127.0.0.1:PORT --model M --folder F --rate R``
sends rows of ``F/holdout.parquet``, without their target, for at most an hour. Only loopback
addresses are accepted.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from modeldeck.errors import UsageError
from modeldeck.ml.data import read_parquet

LONGEST_S = 3600.0
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def rows_of(folder: Path) -> list[dict[str, object]]:
    """Return the hold-out rows of a model's folder, without their target."""
    signature = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    frame = read_parquet((folder / "holdout.parquet").read_bytes(), "holdout.parquet")
    names = [one["name"] for one in signature["inputs"]]
    return [dict(row) for row in frame.select(names).to_dicts()]


def send(url: str, model: str, *, rows: list[dict[str, object]], rate: float) -> None:
    """Send one row after the other until an hour is over.

    Raises
    ------
    UsageError
        The address is not one of this machine.
    """
    parts = urlsplit(url)
    if parts.hostname not in _LOOPBACK:
        msg = f"{url} is not an address of this machine."
        raise UsageError(msg, "Traffic is only ever sent to 127.0.0.1.")
    rng = random.Random(7)  # noqa: S311 -- the order of rows is no secret
    end = time.monotonic() + LONGEST_S
    while time.monotonic() < end:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=5)
        try:
            while time.monotonic() < end:
                body = json.dumps({"rows": [rng.choice(rows)]})
                head = {"Content-Type": "application/json"}
                connection.request("POST", f"/predict/{model}", body, head)
                connection.getresponse().read()
                time.sleep(rng.expovariate(rate))
        except (OSError, http.client.HTTPException):
            time.sleep(1)
        finally:
            connection.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Send traffic until told to end."""
    parser = argparse.ArgumentParser(prog="modeldeck.jobs.traffic")
    parser.add_argument("--url", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=5.0)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    send(options.url, options.model, rows=rows_of(options.folder), rate=options.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
