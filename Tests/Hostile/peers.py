# SPDX-License-Identifier: Apache-2.0
"""Hostile peers as the tables describe them: the language is that of InProcess/Script.swift."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

TABLES = Path(__file__).resolve().parent / "Tables"
#: One step: what is to be done, bytes for it, and how often.
Step = tuple[str, bytes, int]
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0"}
SIZES = {"u64": 8, "u32": 4, "u16": 2}
BLOCK_BYTES = 1 << 16


@dataclass
class Case:
    """One line of a table."""

    family: str
    section: str
    name: str
    verdict: str
    steps: list[Step]

    @property
    def title(self) -> str:
        return f"{self.family}/{self.section}/{self.name}"


def table(family: str) -> list[Case]:
    section, cases = "", []
    names: dict[str, list[Step]] = {}
    for line in (TABLES / f"{family}.txt").read_text().splitlines():
        if line.startswith("let "):
            name, _, script = line.removeprefix("let ").partition(" = ")
            names[name] = parsed(script, names)
        elif line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            verdict, name, script = line.split("|", 2)
            steps = parsed(script.removeprefix(" "), names)
            cases.append(Case(family, section, name.strip(), verdict.strip(), steps))
    return cases


def parsed(script: str, names: dict[str, list[Step]]) -> list[Step]:
    steps: list[Step] = []
    for text, token in re.findall(r"((?:[^\\<]|\\x..|\\.)+)|<((?:[^\\>]|\\.)*)>", script):
        if text:
            steps.append(("send", plain(text), 1))
        elif token in names:
            steps += names[token]
        elif token.startswith("wait:"):
            steps.append(("wait", token.removeprefix("wait:").encode(), 1))
        elif token.partition(":")[0] in SIZES:
            size, _, number = token.partition(":")
            steps.append(("send", int(number, 0).to_bytes(SIZES[size], "little"), 1))
        elif "*" in token:
            count, _, piece = token.partition("*")
            steps.append(("send", b"".join(data * times for _, data, times in parsed(piece, names)), int(count)))
        else:
            steps.append((token, b"", 1))
    return steps


def plain(text: str) -> bytes:
    def byte(match: re.Match[str]) -> str:
        escaped = match[1]
        data = bytes([int(escaped[1:], 16)]) if len(escaped) > 1 else ESCAPES.get(escaped, escaped.encode())
        return data.decode("latin-1")

    return re.sub(r"\\(x..|.)", byte, text).encode("latin-1")


class Peer:
    """Does the same to every connection, over and over; with `is_http` once the head of a request has come."""

    def __init__(self, steps: list[Step], is_http: bool = False):
        self.steps, self.is_http = steps, is_http
        self.count = 0
        self._is_closed = False
        self._links: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        for link in [self._listener, *self._links]:
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            self.count += not isinstance(self, Turncoat)
            self._links.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.is_http and not self._await(link, b"\r\n\r\n"):
                return
            self._play(link)
        link.close()

    def _await(self, link: socket.socket, text: bytes) -> bool:
        """Reads until the bytes hold `text`, one at the least; whether the client stayed so long."""
        seen = b""
        while not seen or text not in seen:
            more = link.recv(BLOCK_BYTES)
            if not more:
                return False
            seen += more
        return True

    def _play(self, link: socket.socket) -> None:
        is_dripping = False
        for kind, data, count in self.steps:
            if kind == "close":
                link.shutdown(socket.SHUT_WR)
                return
            if kind == "wait":
                if not self._await(link, data):
                    return
            elif kind == "pause":
                time.sleep(0.02)
            elif kind == "drip":
                is_dripping = True
            else:
                for piece in pieces(data, count, is_dripping):
                    link.sendall(piece)
                    if is_dripping:
                        time.sleep(0.01)
        while link.recv(BLOCK_BYTES):
            pass


def pieces(data: bytes, count: int, is_dripping: bool) -> Iterator[bytes]:
    """The bytes in blocks, or one by one; the whole is never held."""
    if is_dripping:
        for _ in range(count):
            yield from (bytes([byte]) for byte in data)
        return
    at_once = max(1, min(count, BLOCK_BYTES // max(1, len(data))))
    block = data * at_once
    for _ in range(count // at_once):
        yield block
    yield data * (count % at_once)


class Turncoat(Peer):
    """A relay to a good OCI that plays its steps instead once it is told to turn."""

    def __init__(self, steps: list[Step], origin: str):
        parts = urlsplit(origin)
        self.host, self.origin_port = parts.hostname or "", parts.port or 443
        self.is_turned = False
        self.relayed = 0
        super().__init__(steps)

    def _serve(self, link: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while (request := self._read_request(link)) and not self.is_turned:
                self.relayed += 1
                link.sendall(self._asked(request))
            if request:
                self.count += 1
                self._play(link)
        link.close()

    def _read_request(self, link: socket.socket) -> bytes:
        seen = b""
        while b"\r\n\r\n" not in seen:
            more = link.recv(BLOCK_BYTES)
            if not more:
                return b""
            seen += more
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", seen)
        end = seen.index(b"\r\n\r\n") + 4 + (int(length[1]) if length else 0)
        while len(seen) < end:
            seen += link.recv(BLOCK_BYTES)
        return seen

    def _asked(self, request: bytes) -> bytes:
        """The origin's answer, with a length and no other framing."""
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith((b"connection:", b"expect:"))]
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with (
            socket.create_connection((self.host, self.origin_port), 10) as plain_link,
            context.wrap_socket(plain_link, server_hostname=self.host) as origin,
        ):
            origin.sendall(b"\r\n".join([*lines, b"connection: close", b"", body]))
            answer = b""
            while more := origin.recv(BLOCK_BYTES):
                answer += more
        return answer
