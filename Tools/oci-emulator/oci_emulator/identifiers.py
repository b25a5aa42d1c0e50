# SPDX-License-Identifier: Apache-2.0
"""OCIDs, etags, request ids and timestamps in the forms that OCI uses."""

from __future__ import annotations

import random
import uuid
from datetime import UTC, datetime

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
REGIONAL_KEY = "iad"


def ocid(kind: str, is_regional: bool = True) -> str:
    """A new OCID, e.g. ocid1.computecontainerinstance.oc1.iad.<60 characters>."""
    unique = "a" * 4 + "".join(random.choices(ALPHABET, k=56))
    return f"ocid1.{kind}.oc1.{REGIONAL_KEY if is_regional else ''}.{unique}"


def etag() -> str:
    return str(uuid.uuid4())


def request_id(sent: str | None) -> str:
    """Answers carry `client/stack/server`: the caller's own id first when it sent one."""
    first = (sent or "").split("/")[0] or uuid.uuid4().hex.upper()
    return f"{first}/{uuid.uuid4().hex.upper()}/{uuid.uuid4().hex.upper()}"


def rfc3339(seconds: float) -> str:
    """Milliseconds and Z, e.g. 2026-01-05T21:31:40.123Z."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
