# SPDX-License-Identifier: Apache-2.0
"""Behaviours of OCI that its documents leave open, each a named switch instead of a guess in the code.

Set one with `--switch name=value`. The first value is the default. Whoever has a tenancy and learns the
truth changes the default here and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Switch:
    values: tuple[str, ...]
    question: str


SWITCHES: dict[str, Switch] = {
    "async-status": Switch(("202", "200"), "the status of a create, delete or action that starts a work request"),
    "principal-form": Switch(
        ("file", "value"), "a container's resource principal variables hold paths of files, or the values themselves"
    ),
    "failed-exit-state": Switch(
        ("INACTIVE", "FAILED"), "the state of a container, and its instance, whose exit code is not 0"
    ),
    "logs-after-end-code": Switch(("IncorrectState", "Conflict"), "the code of the 409 for logs of an ended container"),
    "logs-after-end": Switch(("refuse", "answer"), "whether logs of an ended container are a 409 or still answer"),
    "delete-while-creating": Switch(("accept", "conflict"), "whether an instance that is CREATING can be deleted"),
    "delete-again": Switch(("conflict", "accept"), "a second delete while DELETING: 409 IncorrectState, or accepted"),
    "retry-token-of-deleted": Switch(
        ("answer", "conflict"), "a known retry token whose instance is gone: its record (DELETED), or 409"
    ),
    "batch-delete-missing": Switch(("failed", "deleted"), "where BatchDeleteObjects lists a name that does not exist"),
    "range-unsatisfiable": Switch(("416", "200"), "a range beyond the object's end: 416, or the whole object"),
    "multipart-md5-suffix": Switch(("yes", "no"), "whether opc-multipart-md5 ends in -<number of parts>"),
    "capacity-where": Switch(
        ("answer", "work-request"),
        "'Out of host capacity' as the answer to the create, or later as a failed work request",
    ),
    "capacity-code": Switch(("InternalError", "InternalServerError"), "the code beside 'Out of host capacity'"),
    "logging-search-data": Switch(
        ("empty", "container-logs"), "whether a Logging search finds what containers wrote to stdout and stderr"
    ),
    "lifecycle-needs-policy": Switch(
        ("no", "yes"), "whether a lifecycle rule is refused until a policy lets the service itself manage objects"
    ),
    "instance-pages": Switch(
        ("full", "short"), "whether a page of instances holds as many as were asked for, or at most 100"
    ),
    "default-restart-policy": Switch(("ALWAYS", "NEVER", "ON_FAILURE"), "containerRestartPolicy when none is given"),
}


def defaults() -> dict[str, str]:
    return {name: switch.values[0] for name, switch in SWITCHES.items()}


def parse(assignments: list[str]) -> dict[str, str]:
    """`name=value` texts over the defaults; raises ValueError with one clear line."""
    chosen = defaults()
    for text in assignments:
        name, _, value = text.partition("=")
        if name not in SWITCHES:
            raise ValueError(f"unknown switch '{name}'; there are: {', '.join(SWITCHES)}")
        if value not in SWITCHES[name].values:
            raise ValueError(f"switch {name} is one of {', '.join(SWITCHES[name].values)}, not '{value}'")
        chosen[name] = value
    return chosen
