# SPDX-License-Identifier: Apache-2.0
"""Everything that can be adjusted, with the defaults."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from oci_emulator import switches


@dataclass
class Timing:
    """How long things take, in seconds. The defaults are gentle; real pulls take 20 to 60."""

    pull: float = 2.0  # image pull, in CREATING
    start: float = 0.5  # from pulled to ACTIVE
    stop: float = 1.0  # a container's UPDATING, after its process ended
    lag: float = 0.5  # the instance is INACTIVE this much later than its last container
    delete: float = 1.0  # DELETING
    deleted_visible: float = 60.0  # DELETED records still answer for so long


FAST = Timing(pull=0.0, start=0.0, stop=0.05, lag=0.02, delete=0.05, deleted_visible=2.0)
# What a real cloud takes, roughly; for virtual mode.
VIRTUAL = Timing(pull=25.0, start=3.0, stop=15.0, lag=5.0, delete=20.0, deleted_visible=2.0)


@dataclass
class Settings:
    state_directory: Path
    host: str = "127.0.0.1"
    port: int = 0
    runtime: str = "process"
    python: str = sys.executable
    job_runner: Path = Path(__file__).resolve().parents[2] / "job-runner" / "job_runner.py"
    timing: Timing = field(default_factory=Timing)
    is_virtual: bool = False  # life cycle times show in timestamps only
    faults: list[str] = field(default_factory=list)
    fault_seed: int = 1
    listing_lag: float = 0.0  # seconds by which a listing of instances may show the past
    instance_limit: int = 1000
    domain_capacity: dict[str, int] = field(default_factory=dict)  # instances by availability domain; absent: no end
    token_lifetime: float = 3600.0
    region: str = "us-ashburn-1"
    availability_domains: tuple[str, ...] = tuple(f"Uocm:US-ASHBURN-AD-{n}" for n in (1, 2, 3))
    home_region: str = ""  # where alone IAM can be changed; the region itself if empty
    groups: tuple[str, ...] = ("scaler-users",)  # of the one user
    namespace: str = "emulatedns"
    bucket: str = "scaler-tasks"
    image: str = "us-ashburn-1.ocir.io/emulatedns/scaler-job-runner:latest"
    check_signatures: bool = True
    switches: dict[str, str] = field(default_factory=switches.defaults)
