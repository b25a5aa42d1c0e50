#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Record what Scaler's own programs make of command lines, environments and configuration files.

Usage: record_command_lines.py > Tests/Vectors/scaler-command-lines.json
Needs an interpreter that has opengris-scaler. For the next release: run it there and look at the difference.

Each case is parsed by the installed program itself; what the program would then do is left out. A case says whether it
was accepted, and, by the names of the long flags, each value that is not the default. CommandLineReplayTests reads the
same cases with our parser.
"""

import contextlib
import dataclasses
import enum
import io
import json
import os
import shlex
import sys
import tempfile
import types
from collections.abc import Callable
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

for absent in ("oci", "oci.config"):
    sys.modules.setdefault(absent, types.ModuleType(absent))

from scaler.entry_points import scaler as all_in_one  # noqa: E402
from scaler.entry_points import worker_manager  # noqa: E402
from scaler.worker_manager.proxy.oci.tools import provision_infrastructure as provisioner  # noqa: E402

BASE = (
    "-wmi wm --object-storage-namespace ns --object-storage-bucket bucket --compartment-id ocid1.c "
    "--availability-domain AD-1 --subnet-id ocid1.s --container-image image"
)
MANAGER = f"oci_hpc tcp://127.0.0.1:8516 {BASE}"
ENVIRONMENT = {
    "OCI_COMPARTMENT_ID": "ocid1.c", "OCI_AVAILABILITY_DOMAIN": "AD-1", "OCI_SUBNET_ID": "ocid1.s",
    "OCI_CONTAINER_IMAGE": "image", "OCI_OBJECT_STORAGE_NAMESPACE": "ns", "OCI_OBJECT_STORAGE_BUCKET": "bucket",
}  # fmt: skip
ENTRY = """[[worker_manager]]
type = "oci_hpc"
scheduler_address = "tcp://127.0.0.1:8516"
worker_manager_id = "wm"
object_storage_namespace = "ns"
object_storage_bucket = "bucket"
compartment_id = "ocid1.c"
availability_domain = "AD-1"
subnet_id = "ocid1.s"
container_image = "image"
"""
# Words behind a complete command line of scaler_worker_manager.
ADDED = """

-wmi other
-wmi=other
--worker-manager-id other
--worker-manager-id=other
--worker-manager-id ''
--worker-manager-id
-wsa tcp://10.0.0.1:8516
--worker-scheduler-address=tcp://10.0.0.1:8516
-osa tcp://10.0.0.1:8517
--object-storage-address ipc:///tmp/socket
--object-storage-address nonsense
--object-storage-address http://host:1
--object-storage-address tcp://host
--object-storage-address tcp://host:port
--object-storage-address tcp://host:99999
--object-storage-address tcp://:8517
--object-storage-address tcp://::1:8517
--object-storage-address tcp://[::1]:8517
--object-storage-address tcp://host:8517/
--object-storage-address tls://host:8517
--object-storage-address ws://host:8517
--object-storage-address wss://host:8517/path
--object-storage-address inproc://name
-mtc 4
-mtc 0
-mtc -1
-mtc -2
-mtc 4294967295
-mtc 99999999999999999999
-mtc x
-mtc 1.5
-sdc 0
-sdc 2.5
-sdc -1
-sdc 1_0.5
-pwc gpu
-pwc gpu,cpu=4
-pwc 'gpu, cpu = 4'
-pwc cpu=1_000
-pwc ''
-pwc cpu=x
-pwc =4
-pwc gpu,,cpu
-pwc gpu,gpu=2
-wtqs 7
-wtqs 0
-wtqs 1_000
-his 1
-his 0
-his 1.5
-tts 0
-tts 60
-tts -1
-dts 60
-dts 0
-dts '60 '
-gc 30
-gc 0
-tm 1073741824
-tm 0
-tm -1
-tm 18446744073709551616
-hps
--hard-processor-suspend
--hard-processor-suspend true
-it 2
-it 0
-it 128
-el builtin
-el uvloop
-el asyncio
--preload pkg.mod:func(1)
--preload ''
-lp /dev/stderr
-lp /a /b
--logging-paths /a --logging-paths /b
-lp
-lcf logging.conf
-lcf ''
-ll DEBUG
-ll debug
-ll NOTSET
-ll CRITICAL
--auth-type instance_principal
--auth-type config_file
--auth-type resource_principal
--auth-type nonsense
--oci-profile ADMIN
--oci-profile ''
--oci-region eu-frankfurt-1
--oci-region=eu-frankfurt-1
--compartment-id other
--compartment-id ''
--availability-domain Uocm:PHX-AD-1
--subnet-id other
--subnet-id one --subnet-id two
--container-image iad.ocir.io/ns/repo:1
--instance-shape CI.Standard.A1.Flex
--instance-shape A --instance-shape B
--image-pull-username ns/user --image-pull-password hush
--image-pull-username ns/user
--image-pull-password hush
--object-storage-namespace other
--object-storage-bucket other
--object-storage-bucket ''
--object-storage-prefix a/b
--object-storage-prefix a/
--object-storage-prefix /a
--object-storage-prefix ''
--instance-ocpus 2
--instance-ocpus 0.5
--instance-ocpus 1e1
--instance-ocpus 0
--instance-ocpus -1
--instance-ocpus inf
--instance-ocpus nan
--instance-memory-gb 32
--instance-memory-gb 1_0
--instance-memory-gb x
-bc 5
-bc=5
-bc 1_000
-bc +5
-bc ' 5'
-bc 0
-bc -5
-bc 2.5
-bc 1__0
-bc 5 -bc 6
-bc5
--base-concurrency 2147483648
--job-timeout-seconds 60
--job-timeout-seconds 1.5
--job-timeout-seconds 0
--base 5
--job 60
--heart 1
--ob tcp://10.0.0.1:8517
--object-storage-b other
--worker-m other
--instance-m 32
--con image
--no-such-flag
--no-such-flag=x
-b 5
-w other
-wm other
-zz 1
--
stray
""".splitlines()[1:]

# Whole command lines of scaler_worker_manager, with {file} for a complete configuration file.
WHOLE = [
    "",
    "oci_hpc",
    f"oci_hpc {BASE}",
    "oci_hpc tcp://127.0.0.1:8516",
    f"oci_hpc {BASE} tcp://127.0.0.1:8516",
    f"oci_hpc {BASE} -- tcp://127.0.0.1:8516",
    f"oci_hpc {BASE} -lp /a tcp://127.0.0.1:8516",
    "symphony_x tcp://127.0.0.1:8516",
    "--worker-manager-id=other oci_hpc --config {file}",
    "--config {file} oci_hpc",
    "--config={file} oci_hpc",
    "-c {file} oci_hpc",
    "-c{file} oci_hpc",
    "oci_hpc -c {file}",
    "oci_hpc --config {file}",
    "oci_hpc --conf {file}",
    "oci_hpc --con {file}",
    "oci_hpc --config {file} tcp://10.0.0.9:1",
    "oci_hpc --config {file} -bc 5 --subnet-id other",
    "oci_hpc --config missing.toml",
    f"tcp://127.0.0.1:8516 {BASE} oci_hpc",
    f"--base-concurrency=5 tcp://127.0.0.1:8516 oci_hpc {BASE}",
]

# Lines added to a complete entry of the file.
LINES = [
    "base_concurrency = 5",
    "base-concurrency = 5",
    'base_concurrency = "5"',
    "base_concurrency = 5.5",
    "base_concurrency = 0",
    "job_timeout_seconds = 1.5",
    "heartbeat_interval_seconds = 1",
    "instance_ocpus = 2",
    "instance_memory_gb = 8.5",
    'instance_memory_gb = "8"',
    'object_storage_address = "tcp://10.0.0.1:8517"',
    'object_storage_address = "nonsense"',
    'per_worker_capabilities = "gpu,cpu=4"',
    'auth_type = "instance_principal"',
    'logging_level = "DEBUG"',
    'level = "DEBUG"',
    'logging_paths = ["/a", "/b"]',
    "hard_processor_suspend = true",
    "max_task_concurrency = 4294967295",
    "children_bind_address = 5",
    "worker_manager_idd = 5",
    "oci_profile = 5",
    'object_storage_prefix = "a/"',
    "[worker_manager.worker_config]\nio_threads = 3",
    "[scheduler]\nnonsense = 5",
    "[nonsense]\nx = 5",
    '[[worker_manager]]\ntype = "symphony"\nbogus = true',
    ENTRY.replace('"wm"', '"wm2"'),
]

VARIABLES = [
    {"OCI_REGION": "eu-frankfurt-1"},
    {"OCI_REGION": ""},
    {"OCI_SUBNET_ID": ""},
    {"OCI_AUTH_TYPE": "instance_principal"},
    {"OCI_AUTH_TYPE": "nonsense"},
    {"OCI_CONFIG_PROFILE": "ADMIN"},
    {"OCI_OBJECT_STORAGE_PREFIX": "a/b"},
    {"OCI_OBJECT_STORAGE_PREFIX": "a/"},
    {"OCI_IMAGE_PULL_USERNAME": "ns/user", "OCI_IMAGE_PULL_PASSWORD": "hush"},
]

PROVISION = "--compartment-id ocid1.c --availability-domain AD-1 --subnet-id ocid1.s"
ACTIONS = [
    "",
    "nonsense --compartment-id ocid1.c",
    *(f"{action} --compartment-id ocid1.c" for action in ("cleanup", "show", "build-image", "list-ads")),
    *(f"{action}" for action in ("cleanup", "show", "build-image", "list-ads", "provision")),
    "provision --compartment-id ocid1.c",
    f"provision {PROVISION}",
    f"{PROVISION} provision",
    "--compartment-id ocid1.c cleanup",
    *(
        f"{action} {PROVISION} --region eu-paris-1 --prefix p --profile ADMIN --image iad.ocir.io/n/r:1 "
        "--instance-shape CI.A --instance-ocpus 2 --instance-memory-gb 8 --job-timeout 5 --config saved.json "
        "--env-file e"
        for action in ("provision", "cleanup", "show", "build-image", "list-ads")
    ),
    f"provision {PROVISION} --subnet-id other",
    f"provision {PROVISION} --con saved.json",
    f"provision {PROVISION} --im iad.ocir.io/n/r:1",
    f"provision {PROVISION} --pre p",
    f"provision {PROVISION} --pr p",
    f"provision {PROVISION} --instance 2",
    f"provision {PROVISION} --job-timeout 1.5",
    f"provision {PROVISION} --job-timeout 1_0",
    f"provision {PROVISION} --instance-ocpus x",
    f"provision {PROVISION} stray",
    f"provision {PROVISION} --no-such-flag",
    "cleanup --compartment-id ocid1.c --prefix p",
    "build-image --compartment-id ocid1.c --prefix p",
    "show --compartment-id ocid1.c --config saved.json",
]


class Parsed(Exception):
    """Ends a program where it would begin to work."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__()
        self.values = values


def text(value: Any) -> str:
    """Write a value as its flag takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, (list, tuple)):
        return ",".join(map(text, value))
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return str(value)


def values(config: Any) -> dict[str, Any]:
    """Collect what is not the default, by the name of the flag."""
    found: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value) and hasattr(value, "configure_parser"):
            found |= values(value)
            continue
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if value != default:
            name = field.metadata.get("long", field.name).removeprefix("--").replace("_", "-")
            found[name] = text(value)
    return found


def stop_manager(config: Any) -> None:
    """Stand in for the manager."""
    raise Parsed(values(config))


def stop_all(config: Any) -> None:
    """Stand in for the start of all sections; of several managers the names are told."""
    managers = [manager for manager in config.worker_managers if manager._tag == "oci_hpc"]
    raise Parsed(values(managers[0]) if len(managers) == 1 else {"managers": str(len(managers))})


class Provisioner:
    """Stand in for what provisions: whatever it is first asked to do tells what the parser found."""

    found: ClassVar[dict[str, str]] = {}

    def __init__(self, **_: Any) -> None:
        arguments = vars(sys._getframe(1).f_locals["args"])
        Provisioner.found = {
            name.replace("_", "-"): text(value) for name, value in arguments.items() if value is not None
        }

    def __getattr__(self, _: str) -> Any:
        raise Parsed(Provisioner.found)

    @staticmethod
    def load_config(_: str) -> None:
        """Stand in for what show reads."""
        raise Parsed(Provisioner.found)


def prepare() -> dict[str, Callable[[], Any]]:
    """Put ends into the programs; returns what runs each."""
    backend = types.ModuleType("scaler.worker_manager.proxy.oci.worker_manager")
    backend.OCIJobsWorkerManager = stop_manager  # type: ignore[attr-defined]
    sys.modules[backend.__name__] = backend
    nothing = lambda *_, **__: None  # noqa: E731
    worker_manager.bootstrap_process = nothing
    worker_manager.register_event_loop = nothing
    provisioner.OCIInfrastructureProvisioner = Provisioner

    def run_all() -> None:
        stop_all(all_in_one.ScalerAllConfig.parse("scaler", "all", disable_config_flag=True))

    return {
        "scaler_worker_manager": worker_manager.main,
        "scaler": run_all,
        "provisioner": provisioner.main,
    }


def record(name: str, run: Callable[[], Any], program: str, words: list[str], environment: dict[str, str], file: str,
           ) -> dict[str, Any]:  # fmt: skip
    """Run one case to where the program would begin to work."""
    case: dict[str, Any] = {"name": name, "program": program, "words": words}
    if environment:
        case["environment"] = environment
    if file:
        case["file"] = file
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "config.toml").write_text(file)
        before = os.getcwd(), sys.argv, dict(os.environ)
        os.chdir(directory)
        sys.argv = [program, *words]
        os.environ.update(environment)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                run()
            raise AssertionError(f"{shlex.join(words)}: the program ended by itself")
        except Parsed as parsed:
            case["values"] = parsed.values
        except SystemExit:
            # Choices stand in no order that stays.
            case["refused"] = said.getvalue().strip().splitlines()[-1].split(" (choose from")[0]
        except AssertionError:
            raise
        except Exception as error:  # noqa: BLE001 - a program that ends in a traceback has refused, too
            case["refused"] = f"{type(error).__name__}: {error}"
        finally:
            os.chdir(before[0])
            sys.argv = before[1]
            os.environ.clear()
            os.environ.update(before[2])
    return case


def named(lines: str) -> str:
    """Name a case by the lines of its file."""
    return "a second manager" if "wm2" in lines else lines.replace("\n", " / ") or "no more lines"


def all_cases() -> list[dict[str, Any]]:
    """Record every case of the tables above."""
    programs = prepare()
    manager, both = "scaler_worker_manager", "oci_hpc -c config.toml"
    rows: list[tuple[str, str, str, dict[str, str], str]] = []
    rows += [(f"... {words}", manager, f"{MANAGER} {words}", {}, "") for words in ADDED]
    for words in WHOLE:
        line = words.replace("{file}", "config.toml")
        rows.append((f"{manager} {line.replace(BASE, '...')}", manager, line, {}, ENTRY))
    rows += [(f"config.toml: {named(lines)}", manager, both, {}, f"{ENTRY}{lines}\n") for lines in LINES]
    for more in ({}, *VARIABLES):
        shown = " ".join(f"{name}={value}" for name, value in more.items()) or "no more variables"
        rows.append((shown, manager, "oci_hpc tcp://127.0.0.1:8516 -wmi wm", ENVIRONMENT | more, ""))
    variable = {"OCI_SUBNET_ID": "other"}
    rows.append(("a variable beside a key", manager, both, variable, ENTRY))
    rows.append(("a flag beside a variable and a key", manager, f"{both} --subnet-id flag", variable, ENTRY))
    rows += [(f"scaler config.toml: {named(lines)}", "scaler", "config.toml", {}, f"{ENTRY}{lines}\n")
             for lines in ("", *LINES)]  # fmt: skip
    rows += [(f"provisioner {words}", "provisioner", words, {}, "") for words in ACTIONS]
    names = [name for name, *_ in rows]
    if len(names) != len(set(names)):
        raise SystemExit(f"two cases of one name: {sorted(name for name in names if names.count(name) > 1)}")
    return [record(name, programs[program], program, shlex.split(words), more, file)
            for name, program, words, more, file in rows]  # fmt: skip


def main() -> None:
    """Write all cases, one a line."""
    if sys.argv[1:]:
        raise SystemExit(__doc__)
    for name in [name for name in os.environ if name.startswith(("OCI_", "SCALER_"))]:
        del os.environ[name]
    lines = ",\n".join(json.dumps(case) for case in all_cases())
    print(f'{{"version": "{version("opengris-scaler")}", "cases": [\n{lines}\n]}}')


if __name__ == "__main__":
    main()
