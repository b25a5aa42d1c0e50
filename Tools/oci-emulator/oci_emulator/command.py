# SPDX-License-Identifier: Apache-2.0
"""The command line: `oci-emulator serve` and `oci-emulator report`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import shlex
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from oci_emulator import faults, report, switches
from oci_emulator.identity_api import HOME_REGIONS
from oci_emulator.settings import FAST, VIRTUAL, Settings, Timing

TIMING_HELP = {
    "pull": "image pull, in CREATING",
    "start": "from pulled to ACTIVE",
    "stop": "a container's UPDATING after its process ended",
    "lag": "the instance turns INACTIVE this much after its last container",
    "delete": "DELETING",
    "deleted_visible": "how long DELETED records still answer",
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="oci-emulator", description="A local OCI that Oracle's own clients believe.")
    commands = top.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="listen until SIGTERM", description="Listen until SIGTERM or SIGINT.")
    plain = Settings(Path("."))
    serve.add_argument("--host", default=plain.host, help="address to listen on (%(default)s)")
    serve.add_argument("--port", type=int, default=0, help="port to listen on; 0 takes a free one (%(default)s)")
    serve.add_argument("--state-dir", type=Path, help="keys, config, environment, journal (default: a new directory)")
    serve.add_argument(
        "--runtime",
        choices=("process", "pool", "podman", "docker"),
        default="process",
        help="a new process per container, a fork of a warm one, or the image itself (%(default)s)",
    )
    serve.add_argument("--job-runner", type=Path, default=plain.job_runner, help="the script that containers run")
    serve.add_argument("--python", default=plain.python, help="the interpreter that runs it (%(default)s)")
    serve.add_argument("--namespace", default=plain.namespace, help="Object Storage namespace (%(default)s)")
    serve.add_argument("--bucket", default=plain.bucket, help="the bucket that is there at start (%(default)s)")
    serve.add_argument("--region", default=plain.region, help="%(default)s")
    serve.add_argument(
        "--home-region", choices=sorted(HOME_REGIONS), default="", help="where IAM is changed (default: the region)"
    )
    serve.add_argument("--group", action="append", metavar="NAME", help="a group of the user (scaler-users)")
    serve.add_argument(
        "--instance-limit",
        type=int,
        default=plain.instance_limit,
        help="instances not yet deleted, stopped ones included (%(default)s)",
    )
    serve.add_argument(
        "--domain-capacity",
        action="append",
        default=[],
        metavar="DOMAIN=N",
        help="instances that an availability domain has hardware for; more are out of host capacity",
    )
    serve.add_argument(
        "--token-seconds",
        type=float,
        default=plain.token_lifetime,
        help="life of a resource principal's token (%(default)s)",
    )
    for field in dataclasses.fields(Timing):
        serve.add_argument(
            f"--{field.name.replace('_', '-')}-seconds",
            type=float,
            dest=f"timing_{field.name}",
            metavar="X",
            help=f"{TIMING_HELP[field.name]} ({getattr(plain.timing, field.name)})",
        )
    serve.add_argument("--fast", action="store_true", help="life cycle times near zero, for tests")
    serve.add_argument(
        "--virtual",
        action="store_true",
        help="life cycle times of a real cloud that take no time: they show in timestamps only",
    )
    serve.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="'OPERATION KIND [option=value ...]'",
        help="let calls fail, e.g. 'CreateContainerInstance 429 share=0.1'; see the README",
    )
    serve.add_argument("--fault-file", type=Path, help="the same, one rule a line")
    serve.add_argument("--fault-seed", type=int, default=1, help="decides which calls a share hits (%(default)s)")
    serve.add_argument(
        "--listing-lag-seconds",
        type=float,
        default=plain.listing_lag,
        metavar="X",
        help="listings of instances show what is new up to so much late, as the fault seed decides (%(default)s)",
    )
    serve.add_argument(
        "--switch",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="decide what Oracle's documents leave open: "
        + "; ".join(f"{name} ({'|'.join(one.values)})" for name, one in switches.SWITCHES.items()),
    )
    serve.add_argument("--no-authentication", action="store_true", help="accept requests without a valid signature")
    serve.add_argument("--report", action="store_true", help="print the report at the end")
    fault = commands.add_parser("fault", help="show, add or clear the faults of an emulator that runs")
    fault.add_argument("--state-dir", type=Path, required=True)
    fault.add_argument("--clear", action="store_true", help="first remove those that are in force")
    fault.add_argument("rules", nargs="*", metavar="RULE")
    show = commands.add_parser("report", help="what was created, deleted and left")
    show.add_argument("--state-dir", type=Path, required=True)
    show.add_argument("--json", action="store_true")
    return top


def plain_groups(given: list[str] | None) -> tuple[str, ...]:
    return Settings(Path(".")).groups if given is None else tuple(given)


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings from the command line; raises ValueError with one clear line."""
    base = VIRTUAL if options.virtual else FAST if options.fast else Timing()
    given = {field.name: getattr(options, f"timing_{field.name}") for field in dataclasses.fields(Timing)}
    timing = dataclasses.replace(base, **{name: value for name, value in given.items() if value is not None})
    if any(value < 0 for value in (*dataclasses.astuple(timing), options.listing_lag_seconds)):
        raise ValueError("seconds must not be negative")
    job_runner = options.job_runner.resolve()
    if not job_runner.is_file():
        raise ValueError(f"there is no job runner at {job_runner}")
    rules = list(options.fault)
    if options.fault_file is not None:
        try:
            rules += faults.read_rules(options.fault_file.read_text())
        except OSError as error:
            raise ValueError(f"cannot read {options.fault_file}: {error.strerror}") from None
    faults.Faults(rules, options.fault_seed)  # a mistake is told now, not at the first call
    state = options.state_dir or Path(tempfile.mkdtemp(prefix="oci-emulator-"))
    return Settings(
        state_directory=state.resolve(),
        host=options.host,
        port=options.port,
        runtime=options.runtime,
        python=options.python,
        job_runner=job_runner,
        timing=timing,
        is_virtual=options.virtual,
        faults=rules,
        fault_seed=options.fault_seed,
        listing_lag=options.listing_lag_seconds,
        instance_limit=options.instance_limit,
        domain_capacity=domain_capacity(options.domain_capacity),
        token_lifetime=options.token_seconds,
        region=options.region,
        home_region=options.home_region,
        groups=plain_groups(options.group),
        namespace=options.namespace,
        bucket=options.bucket,
        check_signatures=not options.no_authentication,
        switches=switches.parse(options.switch),
    )


def domain_capacity(assignments: list[str]) -> dict[str, int]:
    """Reads `DOMAIN=N` texts; raises ValueError with one clear line."""
    capacity = {}
    for text in assignments:
        name, _, count = text.rpartition("=")
        if name not in Settings.availability_domains or not count.isdigit():
            domains = ", ".join(Settings.availability_domains)
            raise ValueError(f"--domain-capacity wants DOMAIN=N with one of {domains}, not '{text}'")
        capacity[name] = int(count)
    return capacity


def change_faults(options: argparse.Namespace) -> int:
    """Talk to the emulator that runs on this state directory."""
    environment = options.state_dir / "environment"
    if not environment.is_file():
        print(f"oci-emulator: nothing runs in {options.state_dir}", file=sys.stderr)
        return 1
    words = shlex.split(environment.read_text())
    url = next(word for word in words if word.startswith("OCI_EMULATOR_URL=")).partition("=")[2]
    method = "PUT" if options.clear else "POST" if options.rules else "GET"
    data = json.dumps({"faults": options.rules}).encode() if method != "GET" else None
    request = urllib.request.Request(url + "/faults", data, {"content-type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            rules = json.load(answer)
    except urllib.error.HTTPError as error:
        print(f"oci-emulator: {json.load(error)['message']}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"oci-emulator: {url} does not answer: {error}", file=sys.stderr)
        return 1
    for rule in rules:
        print(f"{rule['rule']}  (looked at {rule['calls']} calls, carried out {rule['carried_out']} times)")
    return 0


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
    if options.command == "fault":
        return change_faults(options)
    if options.command == "report":
        path = options.state_dir / "journal.jsonl"
        if not path.is_file():
            print(f"oci-emulator: there is no journal at {path}", file=sys.stderr)
            return 1
        summary = report.read(path)
        print(json.dumps(summary, indent=1) if options.json else report.text(summary))
        return 0
    try:
        settings = settings_of(options)
    except ValueError as error:
        print(f"oci-emulator: {error}", file=sys.stderr)
        return 2
    from oci_emulator.server import serve

    return asyncio.run(serve(settings, options.report))
