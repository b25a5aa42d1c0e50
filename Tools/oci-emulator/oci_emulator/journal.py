# SPDX-License-Identifier: Apache-2.0
"""What happened, one JSON object a line, and the running tally of it.

The journal is the evidence: the report is made from it alone, so it can be had while the emulator runs,
after it stopped, and after it was killed. Lines hold names and numbers, never bodies or credentials.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import IO, Any

from oci_emulator.report import Tally


class Journal:
    def __init__(self, path: Path) -> None:
        self.tally = Tally()
        self._file: IO[str] = path.open("w", encoding="utf-8", buffering=1)

    def write(self, event: str, **fields: Any) -> None:
        """Append one event. Line-buffered: what was written survives our own sudden end."""
        record = {"event": event, "time": round(time.time(), 4), **fields}
        self.tally.add(record)
        self._file.write(json.dumps(record, separators=(",", ":")) + "\n")

    def close(self) -> None:
        self._file.close()
