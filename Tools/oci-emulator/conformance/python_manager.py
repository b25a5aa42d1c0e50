# SPDX-License-Identifier: Apache-2.0
"""Scaler's own OCI manager (`scaler_worker_manager oci_hpc`), unchanged but for one value.

Its first heartbeat carries -1 times base_concurrency into an unsigned field and the process ends there, so that
value becomes 1. Everything else, the endpoints included, is as installed: HTTPS_PROXY leads OCI's host names to
the emulator.
"""

from __future__ import annotations

import functools
import sys

from scaler.entry_points.worker_manager import main
from scaler.worker_manager.proxy.oci import worker_manager
from scaler.worker_manager.runner import WorkerManagerRunner


@functools.wraps(WorkerManagerRunner)
def runner(*arguments: object, **options: object) -> WorkerManagerRunner:
    options["max_provisioner_units"] = 1
    return WorkerManagerRunner(*arguments, **options)


worker_manager.WorkerManagerRunner = runner

if __name__ == "__main__":
    sys.exit(main())
