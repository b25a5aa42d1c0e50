# SPDX-License-Identifier: Apache-2.0
"""Scaler's scheduler with one defect mended: it hands a task's capabilities on to the worker.

Up to 2.9.0 it turns them into a dict for its own use, and a dict put into the message loses names and amounts: the
worker gets as many nameless ones with amount 0.
"""

from __future__ import annotations

import scaler.io.utility as utility
from scaler.protocol.helpers import dict_to_capabilities

_serialize = utility.serialize


def serialize(message):
    capabilities = getattr(message, "capabilities", None)
    if not isinstance(capabilities, dict):
        return _serialize(message)
    message.capabilities = dict_to_capabilities(capabilities)
    try:
        return _serialize(message)
    finally:
        message.capabilities = capabilities


# Before whoever imports the function by its name.
utility.serialize = serialize

if __name__ == "__main__":
    from scaler.entry_points.scheduler import main

    main()
