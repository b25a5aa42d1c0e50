# SPDX-License-Identifier: Apache-2.0
"""Evidence: what was created, deleted and left, what was asked for, and what ran twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class Tally:
    """Folds journal events into a summary."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[str] = Counter()
        self.callers: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.instances: dict[str, str] = {}
        self.deleted = 0
        self.exit_codes: Counter[int] = Counter()
        self.objects: dict[str, int] = {}
        self.objects_stored = 0
        self.objects_deleted = 0
        self.runs: Counter[str] = Counter()
        self.alive = 0
        self.most_alive = 0

    def add(self, record: dict[str, Any]) -> None:
        handler = getattr(self, "_" + str(record.get("event")).replace("-", "_"), None)
        if handler is not None:
            handler(record)

    def _request(self, record: dict[str, Any]) -> None:
        self.requests[record["operation"]] += 1
        self.callers[record.get("caller", "unknown")] += 1
        self.statuses[f"{record['operation']} {record['status']}"] += 1
        if record.get("refusal"):
            self.refusals[record["refusal"]] += 1

    def _fault(self, record: dict[str, Any]) -> None:
        self.faults[f"{record['operation']} {record['fault']}"] += 1

    def _instance_created(self, record: dict[str, Any]) -> None:
        self.instances[record["instance"]] = record.get("name") or ""
        self.alive += 1
        self.most_alive = max(self.most_alive, self.alive)

    def _instance_deleted(self, record: dict[str, Any]) -> None:
        if self.instances.pop(record["instance"], None) is not None:
            self.deleted += 1
            self.alive -= 1

    def _container_started(self, record: dict[str, Any]) -> None:
        if record.get("task"):
            self.runs[record["task"]] += 1

    def _container_ended(self, record: dict[str, Any]) -> None:
        self.exit_codes[record["exit_code"]] += 1

    def _object_stored(self, record: dict[str, Any]) -> None:
        self.objects[f"{record['bucket']}/{record['name']}"] = record["size"]
        self.objects_stored += 1

    def _object_deleted(self, record: dict[str, Any]) -> None:
        self.objects.pop(f"{record['bucket']}/{record['name']}", None)
        self.objects_deleted += 1

    def summary(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {
            "instances": {
                "created": self.deleted + len(self.instances),
                "deleted": self.deleted,
                "left": len(self.instances),
                "left_ids": sorted(self.instances),
                "most_at_once": self.most_alive,
            },
            "objects": {
                "stored": self.objects_stored,
                "deleted": self.objects_deleted,
                "left": len(self.objects),
                "left_bytes": sum(self.objects.values()),
                "left_names": sorted(self.objects)[:1000],
            },
            "tasks": {
                "run": len(self.runs),
                "ids": list(self.runs)[-1000:],  # the latest
                "ran_more_than_once": {task: count for task, count in sorted(self.runs.items()) if count > 1},
                "exit_codes": {str(code): count for code, count in sorted(self.exit_codes.items())},
            },
            "requests": {
                "total": sum(self.requests.values()),
                "by_operation": dict(self.requests.most_common()),
                "by_caller": dict(self.callers.most_common()),
            },
            "answers": dict(sorted(self.statuses.items())),
            "refusals": dict(self.refusals.most_common()),
            "faults": dict(self.faults.most_common()),
        }


def read(path: Path) -> dict[str, Any]:
    """The summary of a journal file. A last line cut short by a crash is skipped."""
    tally = Tally()
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                tally.add(json.loads(line))
            except (ValueError, KeyError, TypeError):
                continue
    return tally.summary()


def rows(summary: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    instances, objects, tasks = summary["instances"], summary["objects"], summary["tasks"]
    yield "instances created", instances["created"]
    yield "instances deleted", instances["deleted"]
    yield "instances left", instances["left"]
    yield "most instances at once", instances["most_at_once"]
    yield "objects stored", objects["stored"]
    yield "objects left", f"{objects['left']} ({objects['left_bytes']} bytes)"
    yield "tasks run", tasks["run"]
    yield "tasks run more than once", len(tasks["ran_more_than_once"])
    yield "exit codes", ", ".join(f"{code}: {count}" for code, count in tasks["exit_codes"].items()) or "none"
    yield "requests", summary["requests"]["total"]
    for name, count in summary["requests"]["by_operation"].items():
        yield "  " + name, count
    for title in ("refusals", "faults"):
        for name, count in summary[title].items():
            yield f"{title[:-1]}: {name}", count


def text(summary: dict[str, Any]) -> str:
    """The summary for people: one fact a line, names of what leaked at the end."""
    lines = [f"{name:<34} {value}" for name, value in rows(summary)]
    lines += [f"left instance {name}" for name in summary["instances"]["left_ids"][:20]]
    lines += [f"left object   {name}" for name in summary["objects"]["left_names"][:20]]
    lines += [f"ran {count} times: {task}" for task, count in summary["tasks"]["ran_more_than_once"].items()]
    return "\n".join(lines)
