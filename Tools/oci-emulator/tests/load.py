#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many tasks a minute: `python tests/load.py [TASKS] [RUNTIME]`.

Plays the daemon's part with one connection: creates while there is room, finds results by listing, then
deletes objects in batches and instances one by one.
"""

from __future__ import annotations

import os
import sys
import time

from support import EmulatorProcess
from test_instances import payload, square

IN_FLIGHT = 100


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(count: int, runtime: str) -> None:
    emulator = EmulatorProcess("--fast", "--runtime", runtime, "--instance-limit", "5000")
    client = emulator.client()
    try:
        began = time.monotonic()
        alive: dict[str, str] = {}
        made = done = 0
        while done < count:
            while made < count and len(alive) < IN_FLIGHT:
                task = f"{made:032x}"
                body = client.create_body(client.task_variables(payload(square, made), task))
                answer = client.create(body, f"token-{made}")
                assert answer.status < 300, answer.body
                alive[task] = answer.json["id"]
                made += 1
            listed = client.call("GET", f"{client.bucket}/o?prefix=tasks/owner/results/").json["objects"]
            names = [item["name"] for item in listed]
            if not names:
                time.sleep(0.02)
                continue
            for name in names:
                assert client.call("GET", client.object_path(name)).status == 200
            entries = [{"objectName": name} for name in names]
            client.call("POST", f"{client.bucket}/actions/batchDeleteObjects", {"objects": entries})
            for name in names:
                task = name.rsplit("/", 1)[1].removesuffix(".pkl")
                client.call("DELETE", f"/20210415/containerInstances/{alive.pop(task)}")
                done += 1
        seconds = time.monotonic() - began
        processor = cpu_seconds(emulator.process.pid) * 1000 / count
        report = emulator.report()
        print(
            f"{runtime}: {count} tasks in {seconds:.1f} s = {count / seconds * 60:.0f} a minute;"
            f" instances left {report['instances']['left']}, objects left {report['objects']['left']},"
            f" ran twice {len(report['tasks']['ran_more_than_once'])}; own CPU {processor:.1f} ms a task"
        )
    finally:
        client.connection.close()
        emulator.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, sys.argv[2] if len(sys.argv) > 2 else "pool")
