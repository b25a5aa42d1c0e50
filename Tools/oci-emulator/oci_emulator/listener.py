# SPDX-License-Identifier: Apache-2.0
"""A listening socket with the gateway behind it, which can go away and come back on the same port."""

from __future__ import annotations

import ssl

from aiohttp import web

from oci_emulator.gateway import Gateway

BACKLOG = 1024


class Listener:
    def __init__(self, gateway: Gateway, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._gateway = gateway
        self._host = host
        self._port = port
        self._context = context
        self._server: web.Server | None = None
        self._runner: web.ServerRunner | None = None

    @property
    def is_open(self) -> bool:
        return self._runner is not None

    async def open(self) -> str:
        """Listen; returns the base URL. The port chosen the first time is kept for every other."""
        # What is stored must come back as it was sent: no decoding of content-encoding on the way in.
        server = web.Server(self._gateway.handle, auto_decompress=False, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await runner.setup()
        site = web.TCPSite(runner, self._host, self._port, ssl_context=self._context, backlog=BACKLOG)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._server, self._runner = server, runner
        self._port = runner.addresses[0][1]
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'http' if self._context is None else 'https'}://{host}:{self._port}"

    async def interrupt(self) -> None:
        """Refuse new connections and cut the open ones, mid-answer or not."""
        if self._server is not None:
            for connection in list(self._server.connections):
                if connection.transport is not None:
                    connection.transport.abort()
        await self.close()

    async def close(self) -> None:
        runner, self._runner, self._server = self._runner, None, None
        if runner is not None:
            await runner.cleanup()
