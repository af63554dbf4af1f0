"""What ``ssh-keygen`` runs to ask something: passes it on to the ModelDeck that signs.

``python -P -m modeldeck.jobs.askpass SOCKET PROMPT`` prints the answer and exits with 0, or with 1
when the person cancelled. The protocol stands in :mod:`modeldeck.store.keys.broker`.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    """Ask; return the exit code."""
    path, prompt = arguments[0], " ".join(arguments[1:])
    said = {"prompt": prompt, "kind": os.environ.get("SSH_ASKPASS_PROMPT", "")}
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(json.dumps(said).encode() + b"\n")
            answer = b""
            while more := connection.recv(4096):
                answer += more
    except OSError:
        return 1
    if not answer.startswith(b"+"):
        return 1
    sys.stdout.buffer.write(answer[1:] + b"\n")
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
