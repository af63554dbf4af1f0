"""Lines of many programs, with the level and the moment that they tell."""

from __future__ import annotations

from typing import NamedTuple


class Sample(NamedTuple):
    """A line; ``at`` is its moment in UTC, empty for none; the clock stands at 2026-11-25."""

    line: str
    format: str
    level: str
    at: str


def _of(format_: str, *lines: tuple[str, str, str]) -> list[Sample]:
    return [Sample(line, format_, level, at) for line, level, at in lines]


SAMPLES = [
    *_of(
        "syslog 5424",
        (
            "<165>1 2026-10-11T22:14:15.003Z web01 deck - ID47 - started",
            "INFO",
            "2026-10-11T22:14:15.003",
        ),
        ("<34>1 2026-10-11T22:14:15+02:00 web01 su - - - no", "CRITICAL", "2026-10-11T20:14:15"),
        ("<11>1 - web01 deck - - - clock unset", "ERROR", ""),
    ),
    *_of(
        "syslog 3164",
        ("<13>Oct 11 22:14:15 web01 deck[12]: hi", "INFO", "2026-10-11T22:14:15"),
        ("<28>Dec  1 06:00:00 web01 deck: disk", "WARN", "2025-12-01T06:00:00"),
    ),
    *_of(
        "syslog",
        ("Nov 20 06:25:14 gpu01 sshd[999]: error: no auth", "", "2026-11-20T06:25:14"),
        ("Dec  3 23:59:59 gpu01 CRON[1]: (root) CMD (x)", "", "2025-12-03T23:59:59"),
    ),
    *_of(
        "apache error",
        ("[Mon Nov 23 04:47:44 2026] [error] state 6", "ERROR", "2026-11-23T04:47:44"),
        (
            "[Mon Nov 23 04:47:44.123456 2026] [core:notice] [pid 7] AH00094",
            "INFO",
            "2026-11-23T04:47:44.123456",
        ),
        ("[Mon Nov 23 04:47:44 2026] [ssl:trace3] [pid 7] x", "DEBUG", "2026-11-23T04:47:44"),
    ),
    *_of(
        "nginx error",
        ("2026/11/23 07:10:11 [crit] 31#31: *4 open() failed", "CRITICAL", "2026-11-23T07:10:11"),
        ("2026/11/23 07:10:11 [warn] 31#31: low", "WARN", "2026-11-23T07:10:11"),
    ),
    *_of(
        "access",
        (
            '10.0.0.7 - - [23/Nov/2026:07:10:11 +0100] "GET /error HTTP/1.1" 500 12',
            "",
            "2026-11-23T06:10:11",
        ),
        (
            '::1 - alice [23/Nov/2026:07:10:11 +0000] "POST / HTTP/2" 200 0 "-" "curl"',
            "",
            "2026-11-23T07:10:11",
        ),
    ),
    *_of(
        "java",
        (
            "2026-11-23 07:10:11,123 WARN  [main] o.a.k.Server: slow",
            "WARN",
            "2026-11-23T07:10:11.123",
        ),
        (
            "2026-11-23 07:10:11.123 [pool-1-thread-2] DEBUG c.e.App - tick",
            "DEBUG",
            "2026-11-23T07:10:11.123",
        ),
        (
            "2026-11-23T07:10:11.123+01:00  INFO 77 --- [main] c.e.App : up",
            "INFO",
            "2026-11-23T06:10:11.123",
        ),
        ("2026-11-23T07:10:11.123456Z INFO  200 1 rows", "INFO", "2026-11-23T07:10:11.123456"),
    ),
    *_of(
        "java",
        ("2026-11-23T07:10:11.123Z\terror\tzap/app.go:1\tno", "ERROR", "2026-11-23T07:10:11.123"),
    ),
    *_of(
        "python",
        (
            "2026-11-23 07:10:11,123 - trainer - WARNING - lr is high",
            "WARN",
            "2026-11-23T07:10:11.123",
        ),
    ),
    *_of(
        "gunicorn",
        ("[2026-11-23 07:10:11 +0000] [42] [INFO] Booting", "INFO", "2026-11-23T07:10:11"),
    ),
    *_of(
        "java clock",
        ("07:10:11.123 [main] ERROR c.e.App - broke", "ERROR", ""),
    ),
    *_of(
        "iso",
        ("[2026-11-23 07:10:11,5][trainer][CRITICAL] x", "CRITICAL", "2026-11-23T07:10:11.5"),
        ("2026-11-23 07:10:11 error while connecting", "", "2026-11-23T07:10:11"),
        ("2026-11-23T07:10:11Z stdout F request INFO", "", "2026-11-23T07:10:11"),
    ),
    *_of(
        "level",
        ("WARNING:root:careful", "WARN", ""),
        ("INFO:     127.0.0.1:5 - GET / 200", "INFO", ""),
        ("[ERROR] it broke", "ERROR", ""),
    ),
    *_of(
        "glog",
        ("E1123 07:10:11.123456   42 a.cc:12] no", "ERROR", "2026-11-23T07:10:11.123456"),
        ("W20251123 07:10:11.5 42 server.go:7] slow", "WARN", "2025-11-23T07:10:11.5"),
        ("I1201 07:10:11.000001       1 main.go:9] up", "INFO", "2025-12-01T07:10:11.000001"),
    ),
    *_of(
        "torch",
        ("[W1123 07:10:11.500000000 Module.cpp:12] old", "WARN", "2026-11-23T07:10:11.5"),
    ),
    *_of(
        "spark",
        ("26/11/23 07:10:11 ERROR executor.Executor: lost", "ERROR", "2026-11-23T07:10:11"),
    ),
    *_of(
        "hdfs",
        ("081109 203615 148 INFO dfs.DataNode: x", "INFO", "2008-11-09T20:36:15"),
    ),
    *_of(
        "openstack",
        (
            "nova-api.log.1.2026-05-16_13:53:08 2026-05-16 00:00:00.008 25746 INFO nova.api [x]",
            "INFO",
            "2026-05-16T00:00:00.008",
        ),
        (
            "2026-05-16 00:00:00.272 25746 WARNING nova.compute [-] x",
            "WARN",
            "2026-05-16T00:00:00.272",
        ),
    ),
    *_of(
        "android",
        ("11-17 16:13:38.811  1702  2395 E Wifi: lost", "ERROR", "2026-11-17T16:13:38.811"),
        ("11-17 16:13:38.811  1702  2395 V View: x", "DEBUG", "2026-11-17T16:13:38.811"),
    ),
    *_of(
        "android time",
        ("11-17 16:13:38.811 F/libc  ( 123): abort", "CRITICAL", "2026-11-17T16:13:38.811"),
    ),
    *_of("android brief", ("W/View(  123): slow", "WARN", "")),
    *_of(
        "windows cbs",
        (
            "2026-09-28 04:30:30, Info                  CBS    Loaded",
            "INFO",
            "2026-09-28T04:30:30",
        ),
        ("2026-09-28 04:30:30, Error                 CSI    x", "ERROR", "2026-09-28T04:30:30"),
    ),
    *_of(
        "tensorflow",
        (
            "2026-11-23 07:10:11.123456: W tensorflow/core/x.cc:42] no GPU",
            "WARN",
            "2026-11-23T07:10:11.123456",
        ),
    ),
    *_of(
        "slashes",
        ("2026/11/23 07:10:11 WARNING mlflow.tracking: x", "WARN", "2026-11-23T07:10:11"),
        ("2026/11/23 07:10:11 listening", "", "2026-11-23T07:10:11"),
    ),
    *_of(
        "postgres",
        ("2026-11-23 07:10:11.5 UTC [42] LOG:  ready", "INFO", "2026-11-23T07:10:11.5"),
        ("2026-11-23 07:10:11 UTC [42] u@db FATAL:  no", "CRITICAL", "2026-11-23T07:10:11"),
    ),
    *_of("redis", ("42:M 23 Nov 2026 07:10:11.123 # memory", "WARN", "2026-11-23T07:10:11.123")),
    *_of("healthapp", ("20261123-7:5:9:44|Step|3|x", "", "2026-11-23T07:05:09.044")),
    *_of("compact iso", ("20261123T071011Z WARN x", "WARN", "2026-11-23T07:10:11")),
    *_of("epoch", ("1795417811.25 ERROR x", "ERROR", "2026-11-23T07:10:11.25")),
    *_of("vllm", ("INFO 11-23 07:10:11 engine.py:12] x", "INFO", "2026-11-23T07:10:11")),
    *_of(
        "level first",
        ("INFO 2026-11-23 07:10:11,123 views 12 x", "INFO", "2026-11-23T07:10:11.123"),
        ("ERROR [2026-11-23T07:10:11Z] x", "ERROR", "2026-11-23T07:10:11"),
    ),
    *_of(
        "transformers",
        ("[WARNING|trainer.py:123] 2026-11-23 07:10:11,5 >> x", "WARN", "2026-11-23T07:10:11.5"),
    ),
    *_of(
        "absl",
        ("W0000 00:00:1795417811.250000   12 cuda.cc:45] no GPU", "WARN", "2026-11-23T07:10:11.25"),
    ),
    *_of(
        "django", ('[23/Nov/2026 07:10:11] "GET /error HTTP/1.1" 200 4', "", "2026-11-23T07:10:11")
    ),
    *_of(
        "asctime",
        ("Mon Nov 23 07:10:11 2026", "", "2026-11-23T07:10:11"),
        ("Mon Nov 23 07:10:11 2026: WARNING x", "WARN", "2026-11-23T07:10:11"),
    ),
    *_of(
        "prefixed",
        ("web_1  | 2026-11-23 07:10:11,5 ERROR x", "ERROR", "2026-11-23T07:10:11.5"),
        (
            "(Worker pid=31) 2026-11-23 07:10:11,5\tINFO w.py:1 -- x",
            "INFO",
            "2026-11-23T07:10:11.5",
        ),
    ),
    *_of(
        "rich",
        ("[11/23/26 07:10:11] WARNING  low on memory   x.py:12", "WARN", ""),
    ),
    *_of("rich, same time", (" " * 20 + "ERROR    out of memory   x.py:13", "ERROR", "")),
    *_of(
        "wandb", ("wandb: ERROR Failed to sync", "ERROR", ""), ("wandb: WARNING slow", "WARN", "")
    ),
    *_of(
        "dotted",
        ("23.11.2026 07:10:11 ERROR x", "ERROR", "2026-11-23T07:10:11"),
        ("23.11.2026, 07:10:11 - x", "", "2026-11-23T07:10:11"),
    ),
    *_of(
        "slashed date",
        ("11/23/2026 07:10:11 - INFO - __main__ - x", "INFO", ""),
        ("04/05/2026 07:10:11 ERROR which month", "ERROR", ""),
    ),
    *_of(
        "java",
        (
            "\x1b[32m2026-11-23 07:10:11\x1b[0m \x1b[1;31mERROR\x1b[0m in colours",
            "ERROR",
            "2026-11-23T07:10:11",
        ),
    ),
    *_of("level", ("\x1b[32mINFO\x1b[0m:     Started server", "INFO", "")),
    *_of("lightgbm", ("[LightGBM] [Warning] no split", "WARN", "")),
    *_of("clock", ("[07:10:11] WARNING: /src/x.cc:1", "WARN", "")),
    *_of(
        "json",
        (
            '{"ts": "2026-11-23T07:10:11Z", "level": "warn", "msg": "x"}',
            "WARN",
            "2026-11-23T07:10:11",
        ),
        ('{"time": 1795417811250, "level": 40, "msg": "x"}', "", "2026-11-23T07:10:11.25"),
        ('{"at": "2026-11-23T07:10:11.5Z", "latency_s": 0.1}', "", "2026-11-23T07:10:11.5"),
        ('{"log": {"level": "error"}, "message": "x"}', "ERROR", ""),
    ),
    *_of(
        "logfmt",
        ('time="2026-11-23T07:10:11Z" level=error msg="x y"', "ERROR", "2026-11-23T07:10:11"),
        ("level=info ts=1795417811 caller=x.go:1", "INFO", "2026-11-23T07:10:11"),
    ),
    *_of(
        "",
        ("Epoch 3/10 loss=0.25", "", ""),
        ("at 07:10:11 the number 12:30:00 was seen", "", ""),
        ("INFORMATION is no level", "", ""),
        ("Error handling was improved", "", ""),
        ("Config: lr=0.1", "", ""),
        ("2026-13-45 77:99:11 ERROR no such day", "", ""),
        ('{"level": "ERROR", broken', "", ""),
        ("100%|####| 10/10 [00:01<00:00]", "", ""),
    ),
]
