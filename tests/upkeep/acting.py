"""Code that another account runs, in a process that has loaded everything before.

The other account may not be allowed to read the interpreter.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys

EARLY = ("_strptime", "email.parser", "getpass", "grp", "pwd", "socket", "tempfile")
"""What is else loaded when it is needed."""

for name in (*EARLY, "modeldeck.watch", "modeldeck.workspace"):
    importlib.import_module(name)
for name in ("domain", "store", "services", "tracking"):
    package = importlib.import_module(f"modeldeck.{name}")
    for one in pkgutil.walk_packages(package.__path__, f"modeldeck.{name}."):
        importlib.import_module(one.name)


def main() -> None:
    """Become an account of a team and run code; the command line has both, and its arguments."""
    uid, team, code, *arguments = sys.argv[1:]
    os.setgroups([int(team)])
    os.setresgid(int(uid), int(uid), int(uid))
    os.setresuid(int(uid), int(uid), int(uid))
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<test>", "exec"), {"__name__": "__main__"})  # noqa: S102 -- a test's own code
