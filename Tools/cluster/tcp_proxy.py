# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy for faults below the messages: bytes held back or slowed down, connections reset, at a byte sequence of
one's choice.

Stands between the daemon and Scaler's scheduler or object storage server. What it holds back when one side dies is
dropped, as on a line that broke; what it has forwarded has arrived.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable

TO_SERVER, TO_CLIENT = "to server", "to client"
#: No message of Scaler's is as small as this; what is, belongs to the transport.
WORDLESS_BYTES = 32


class Trap:
    """Springs once, at the first chunk in `direction` to satisfy `wanted`; then its connection is dead both ways."""

    def __init__(self, direction: str, wanted: Callable[[bytes], bool], is_delivered: bool) -> None:
        self.direction = direction
        self.wanted = wanted
        #: whether the chunk itself still arrives
        self.is_delivered = is_delivered
        self.sprung = threading.Event()


class Flow:
    """One direction of one connection."""

    def __init__(self, direction: str, source: socket.socket, sink: socket.socket) -> None:
        self.direction, self.source, self.sink = direction, source, sink
        self.is_held = False
        #: when it may carry the next bytes
        self.free_at = 0.0
        #: the end of the last chunk, for what is cut in two by the network
        self.tail = b""


class TCPProxy:
    """Listens on a free port of loopback and forwards to `target`; one thread for everything."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        #: what each direction of each connection carries; None: all that comes
        self.bytes_per_second: float | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._wakeup, self._waker = socket.socketpair()
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._trap: Trap | None = None
        self._requests: list[str] = []
        self._flows: list[Flow] = []
        self._is_down = False
        #: when the client last said something, and for how long it had said nothing, in seconds
        self._spoke_at = time.monotonic()
        self._longest_silence = 0.0
        self.resets = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def set_trap(self, trap: Trap | None) -> None:
        with self._lock:
            self._trap = trap

    def reset_all(self) -> None:
        """Resets every connection; new ones are taken."""
        self._ask("reset")

    def set_down(self, is_down: bool) -> None:
        """While down, every connection is reset, old or new."""
        self._is_down = is_down
        self._ask("reset" if is_down else "")

    def freeze(self) -> None:
        """Every connection carries nothing any more, and nobody is told; new ones do."""
        self._ask("freeze")

    def listen_for_silence(self) -> None:
        """Measures from now on for how long nothing is said to the server."""
        self._spoke_at, self._longest_silence = time.monotonic(), 0.0

    def longest_silence(self) -> float:
        """For how many seconds nothing was said to the server, at the most, now included."""
        return max(self._longest_silence, time.monotonic() - self._spoke_at)

    def close(self) -> None:
        self._ask("close")
        self._thread.join()

    def _ask(self, request: str) -> None:
        with self._lock:
            self._requests.append(request)
        self._waker.send(b"x")

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(self._resume_slow()):
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wakeup:
                    self._wakeup.recv(4096)
                    if self._obey():
                        return
                elif key.data in self._flows:
                    self._forward(key.data)

    def _resume_slow(self) -> float | None:
        """Listens again to those whose time has come; returns how long the next one still waits."""
        waits = []
        listened = {key.fileobj for key in self._selector.get_map().values()}
        for flow in self._flows:
            wait = flow.free_at - time.monotonic()
            if wait > 0:
                waits.append(wait)
            elif flow.source not in listened:
                self._selector.register(flow.source, selectors.EVENT_READ, flow)
        return min(waits, default=None)

    def _slow_down(self, flow: Flow, count: int) -> None:
        if self.bytes_per_second is not None and flow in self._flows:
            flow.free_at = time.monotonic() + count / self.bytes_per_second
            self._selector.unregister(flow.source)

    def _obey(self) -> bool:
        with self._lock:
            requests, self._requests = self._requests, []
        if "freeze" in requests:
            for flow in self._flows:
                flow.is_held = True
        if "reset" in requests or "close" in requests:
            while self._flows:
                self._end(self._flows[0], is_reset=True)
            self.resets += 1
        if "close" not in requests:
            return False
        for one in (self._listener, self._wakeup, self._waker):
            one.close()
        self._selector.close()
        return True

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._is_down:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.close()
            return
        for one in (client, server):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            one.settimeout(30)
        for direction, source, sink in ((TO_SERVER, client, server), (TO_CLIENT, server, client)):
            flow = Flow(direction, source, sink)
            self._flows.append(flow)
            self._selector.register(source, selectors.EVENT_READ, flow)

    def _forward(self, flow: Flow) -> None:
        try:
            data = flow.source.recv(1 << 18)
        except OSError:
            self._end(flow, is_reset=True)
            return
        if not data:
            self._end(flow, is_reset=False)
            return
        if flow.direction == TO_SERVER and len(data) >= WORDLESS_BYTES:
            self._longest_silence, self._spoke_at = self.longest_silence(), time.monotonic()
        with self._lock:
            trap = self._trap
        is_caught = (
            trap is not None
            and not trap.sprung.is_set()
            and trap.direction == flow.direction
            and trap.wanted(flow.tail + data)
        )
        flow.tail = (flow.tail + data)[-4096:]
        if trap is not None and is_caught:
            if trap.is_delivered:
                self._send(flow, data)
            for one in self._flows:
                one.is_held |= one.source in (flow.source, flow.sink)
            trap.sprung.set()
        elif not flow.is_held:
            self._send(flow, data)
        self._slow_down(flow, len(data))

    def _send(self, flow: Flow, data: bytes) -> None:
        try:
            flow.sink.sendall(data)
        except OSError:
            self._end(flow, is_reset=True)

    def _end(self, flow: Flow, is_reset: bool) -> None:
        """Ends both directions, as the side that ended first did: with a FIN or a reset."""
        for one in [one for one in self._flows if one.source in (flow.source, flow.sink)]:
            self._flows.remove(one)
            with contextlib.suppress(KeyError):  # one that is slowed down is not listened to
                self._selector.unregister(one.source)
        for end in (flow.source, flow.sink):
            if is_reset:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.close()
