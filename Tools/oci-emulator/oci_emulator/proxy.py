# SPDX-License-Identifier: Apache-2.0
"""An HTTP CONNECT proxy that leads OCI's own host names here.

A client that cannot be told another endpoint (the OCI CLI's plugins, Scaler's own manager, any program built on
an SDK) works unchanged with HTTPS_PROXY set to this and the CA trusted: it asks for
objectstorage.us-ashburn-1.oraclecloud.com, whose name is in our certificate, and gets us. Nothing else is
let through, so nothing meant for the real cloud can leave this machine by mistake.
"""

from __future__ import annotations

import asyncio
import re

from oci_emulator.authority import oci_domains

HEAD_LIMIT_BYTES = 16_384
CONNECT = re.compile(rb"CONNECT ([A-Za-z0-9.\-]+):443 HTTP/1\.[01]\r\n")


class Proxy:
    def __init__(self, *regions: str) -> None:
        self._suffixes = tuple("." + domain for domain in oci_domains(*regions))
        self._server: asyncio.Server | None = None
        self._target: tuple[str, int] = ("", 0)

    async def open(self, host: str, port: int) -> str:
        """Listen on loopback and forward to host:port; returns the proxy's URL."""
        self._target = (host, port)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT_BYTES)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            match = CONNECT.match(head)
            if match is None or not match[1].decode().lower().endswith(self._suffixes):
                writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                return
            upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copy(reader, upstream_writer), _copy(upstream_reader, writer))
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # either side went away: both ends are closed below
        finally:
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
