# SPDX-License-Identifier: Apache-2.0
"""The command line: `oci-emulator serve` and `oci-emulator report`."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import sys
import tempfile
from pathlib import Path

from oci_emulator import report, switches
from oci_emulator.settings import FAST, Settings, Timing

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
    serve.add_argument("--runtime", choices=("process", "pool"), default="process",
                       help="a new process per container, or a fork of a warm one (%(default)s)")
    serve.add_argument("--job-runner", type=Path, default=plain.job_runner, help="the script that containers run")
    serve.add_argument("--python", default=plain.python, help="the interpreter that runs it (%(default)s)")
    serve.add_argument("--namespace", default=plain.namespace, help="Object Storage namespace (%(default)s)")
    serve.add_argument("--bucket", default=plain.bucket, help="the bucket that is there at start (%(default)s)")
    serve.add_argument("--region", default=plain.region, help="%(default)s")
    serve.add_argument("--instance-limit", type=int, default=plain.instance_limit,
                       help="instances not yet deleted, stopped ones included (%(default)s)")
    serve.add_argument("--token-seconds", type=float, default=plain.token_lifetime,
                       help="life of a resource principal's token (%(default)s)")
    for field in dataclasses.fields(Timing):
        serve.add_argument(f"--{field.name.replace('_', '-')}-seconds", type=float, dest=f"timing_{field.name}",
                           metavar="X", help=f"{TIMING_HELP[field.name]} ({getattr(plain.timing, field.name)})")
    serve.add_argument("--fast", action="store_true", help="life cycle times near zero, for tests")
    serve.add_argument("--switch", action="append", default=[], metavar="NAME=VALUE",
                       help="decide what Oracle's documents leave open: "
                       + "; ".join(f"{name} ({'|'.join(one.values)})" for name, one in switches.SWITCHES.items()))
    serve.add_argument("--no-authentication", action="store_true", help="accept requests without a valid signature")
    serve.add_argument("--report", action="store_true", help="print the report at the end")
    show = commands.add_parser("report", help="what was created, deleted and left")
    show.add_argument("--state-dir", type=Path, required=True)
    show.add_argument("--json", action="store_true")
    return top


def settings_of(options: argparse.Namespace) -> Settings:
    """Settings from the command line; raises ValueError with one clear line."""
    base = FAST if options.fast else Timing()
    given = {field.name: getattr(options, f"timing_{field.name}") for field in dataclasses.fields(Timing)}
    timing = dataclasses.replace(base, **{name: value for name, value in given.items() if value is not None})
    if any(value < 0 for value in dataclasses.astuple(timing)):
        raise ValueError("seconds must not be negative")
    job_runner = options.job_runner.resolve()
    if not job_runner.is_file():
        raise ValueError(f"there is no job runner at {job_runner}")
    state = options.state_dir or Path(tempfile.mkdtemp(prefix="oci-emulator-"))
    return Settings(
        state_directory=state.resolve(),
        host=options.host,
        port=options.port,
        runtime=options.runtime,
        python=options.python,
        job_runner=job_runner,
        timing=timing,
        instance_limit=options.instance_limit,
        token_lifetime=options.token_seconds,
        region=options.region,
        namespace=options.namespace,
        bucket=options.bucket,
        check_signatures=not options.no_authentication,
        switches=switches.parse(options.switch),
    )


def main(arguments: list[str]) -> int:
    options = parser().parse_args(arguments)
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
