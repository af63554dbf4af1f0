"""Delivers notifications after a decision, apart from whoever took it.

``python -P -m modeldeck.jobs.notify --workspace PATH --member NAME`` sends what the outbox of that
member holds, tries again for ten minutes what fails, and ends; what is left is sent with the next
decision, or by ``modeldeck notify send``. Where another process delivers already, it ends at once.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from modeldeck.errors import ModelDeckError
from modeldeck.services.notifying.delivering import PATIENCE_S, Delivering


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", required=True, type=Path)
    parser.add_argument("--member", required=True)
    parser.add_argument("--patience", type=float, default=PATIENCE_S, help="seconds")
    options = parser.parse_args(arguments)
    os.chdir("/")  # the workspace may be unmounted meanwhile
    try:
        Delivering(options.workspace, options.member, patience_s=options.patience).run()
    except ModelDeckError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
