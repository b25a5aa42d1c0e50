# SPDX-License-Identifier: Apache-2.0
"""A Chromium without a window, driven by the DevTools protocol over its pipe: no port, and no library."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Any

from processes import StartError, await_that

#: As Debian names it; the whole browser does the same.
PROGRAMS = ("chromium-headless-shell", "chromium")


class Browser:
    """One browser with one page; ends with the `with` statement."""

    def __init__(self, width: int = 1100, height: int = 900):
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        if program is None:
            raise StartError(f"none of {', '.join(PROGRAMS)} is there; Tools/set-up installs one")
        self._profile = tempfile.mkdtemp(prefix="scaler-oci-hpc-browser-")
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        # Root has no sandbox, and a container's /dev/shm is small. Nothing here asks anyone but the given address.
        switches = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        switches += ["--disable-background-networking", "--disable-extensions", "--no-proxy-server"]
        switches += [f"--window-size={width},{height}", f"--user-data-dir={self._profile}", "--remote-debugging-pipe"]
        # The protocol wants these two numbers.
        starter = ["bash", "-c", f'exec "$@" 3<&{read_commands} 4>&{write_answers}', "bash"]
        self._process = subprocess.Popen(
            [*starter, program, *switches, "about:blank"],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        #: What the page reported of itself, as (method, parameters).
        self.events: list[tuple[str, dict[str, Any]]] = []
        try:
            self._attach()
            self.size(width, height)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the browser and all its helpers, which are in its session."""
        if self._process.poll() is None:
            with contextlib.suppress(OSError, StartError):
                self._session = None
                self.call("Browser.close", seconds=5)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for descriptor in (self._commands, self._answers):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _attach(self) -> None:
        targets = await_that(lambda: self.call("Target.getTargets")["targetInfos"], 30, "the browser to have a page")
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    # MARK: what a person does

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        await_that(lambda: self.value("location.href !== 'about:blank' && document.readyState === 'complete'"), 20, url)

    def size(self, width: int, height: int, is_phone: bool = False, scale: float = 1) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=is_phone
        )

    def scheme(self, name: str) -> None:
        """What the person prefers: `dark` or `light`."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def press(self, key: str) -> None:
        """Presses and releases a key, by the name that scripts see."""
        codes = {"Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
        more: dict[str, Any] = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **more)

    # MARK: what is seen

    def value(self, expression: str) -> Any:
        """What a script's expression is on the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise StartError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def text(self, selector: str = "body") -> str:
        """The text that is shown; empty where there is no such element."""
        return str(self.value(f"(document.querySelector({json.dumps(selector)}) || {{}}).innerText || ''"))

    def await_text(self, pattern: str, seconds: float = 10, selector: str = "body") -> None:
        await_that(lambda: pattern in self.text(selector), seconds, f"{pattern!r} on the page")

    def complaints(self) -> list[str]:
        """What the page did against its policy, and where its script failed."""
        found = []
        for method, parameters in self.events:
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(parameters["exceptionDetails"]))
            elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return found

    def requests(self) -> list[str]:
        """What was asked for, each address once."""
        sent = [parameters for method, parameters in self.events if method == "Network.requestWillBeSent"]
        return sorted({parameters["request"]["url"] for parameters in sent})

    def picture(self, height_max: int = 4000) -> bytes:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height_max), "scale": 1}
        taken = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(taken["data"])

    # MARK: the protocol

    def call(self, method: str, seconds: float = 20, **parameters: Any) -> dict[str, Any]:
        """The result of a command; what the page reports meanwhile is kept."""
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + seconds
        while True:
            answer = self._next(deadline, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise StartError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            if "method" in answer:
                self.events.append((answer["method"], answer.get("params", {})))

    def _next(self, deadline: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._answers], [], [], max(deadline - time.monotonic(), 0))
            part = os.read(self._answers, 1 << 16) if ready else b""
            if not part:
                raise StartError(f"the browser {'ended' if ready else 'did not answer'} at {method}")
            self._buffer += part
        text, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(text))


__all__ = ["Browser"]
