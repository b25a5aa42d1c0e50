# SPDX-License-Identifier: Apache-2.0
"""Scaler's scheduler as its open changes may make it: with each echo come messages of numbers that 2.9.0 does not have.

Numbers 27 to 29 are those of change 947 (workerShutdown, workerManagerShutdown, workerManagerDisconnectNotification),
which have no fields there; here they have some, and so has every message's envelope. Number 99 is nobody's. One of the
first two is sent once, to whom the first task concerns, if SCALER_TEST_SHUTDOWN names it.
"""

from __future__ import annotations

import os
import struct

import scaler.io.utility as utility
from scaler.protocol.capnp import Task, WorkerHeartbeatEcho, WorkerManagerHeartbeatEcho

NEW_TAGS = (29, 30, 99)
WORKER_SHUTDOWN = 27
WORKER_MANAGER_SHUTDOWN = 28
_serialize = utility.serialize


class NewMessage:
    """A message by its number alone."""

    def __init__(self, tag: int) -> None:
        self.tag = tag

    def to_bytes(self) -> bytes:
        """An envelope of two words, one more than 2.9.0's, and a body of three: capnproto.org/encoding.html."""
        body = bytes(range(1, 25))
        envelope = struct.pack("<IHH", 0, 2, 1) + struct.pack("<HHIQ", self.tag, 0xFFFF, 0xFFFFFFFF, 7)
        words = envelope + struct.pack("<IHH", 0, 3, 0) + body
        return struct.pack("<II", 0, len(words) // 8) + words


def serialize(message):
    return message.to_bytes() if isinstance(message, NewMessage) else _serialize(message)


# Before whoever imports the function by its name.
utility.serialize = serialize


def announce(binder) -> None:
    """Has a binder send the new messages behind each echo, and the order to shut down behind the first task."""
    send = binder.send
    order = os.environ.get("SCALER_TEST_SHUTDOWN")
    orders = [int(order)] if order else []
    has_task = False

    async def send_more(self, to, message, **arguments):
        nonlocal has_task
        await send(self, to, message, **arguments)
        has_task = has_task or isinstance(message, Task)
        receiver = Task if orders == [WORKER_SHUTDOWN] else WorkerManagerHeartbeatEcho
        if has_task and orders and isinstance(message, receiver):
            await send(self, to, NewMessage(orders.pop()), **arguments)
        if isinstance(message, (WorkerHeartbeatEcho, WorkerManagerHeartbeatEcho)):
            for tag in NEW_TAGS:
                await send(self, to, NewMessage(tag), **arguments)

    binder.send = send_more


if __name__ == "__main__":
    from scaler.entry_points.scheduler import main
    from scaler.io import ymq_async_binder, zmq_async_binder

    announce(ymq_async_binder.YMQAsyncBinder)
    announce(zmq_async_binder.ZMQAsyncBinder)
    main()
