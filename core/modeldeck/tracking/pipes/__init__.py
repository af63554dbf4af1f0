"""Output below Python: what C libraries and child processes print, on its way to log and terminal.

::

    the process ───► descriptors 1, 2 ───► pipe or pty ───► scribe ───► where it went before
    its children ──┘                                           └──────► output.log of the run

The scribe is a process of its own, not a thread: a library that prints while it holds the
interpreter's lock would wait for ever for a thread that needs the same lock; and what is in a pipe
when the process dies (``kill -9``, a crash that :mod:`faulthandler` tells about) still arrives.
"""
