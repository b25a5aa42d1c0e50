# SPDX-License-Identifier: Apache-2.0
"""The page at the root of the status address, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
import threading
import time
import unittest
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cloudpickle
from support import BACKEND, ClusterTestCase, await_that

from browser import Browser

cloudpickle.register_pickle_by_value(sys.modules[__name__])

HOSTILE = "<img src=x onerror=\"document.title='owned'\"></script><script>document.title='owned'</script>"
LONG = "x" * 400


def wait_for(seconds):
    time.sleep(seconds)


def fail(text):
    import os

    print(text, flush=True)
    os._exit(3)


def documents(tasks: int = 3, text: str = HOSTILE) -> dict[str, Any]:
    """What a daemon says whose peers chose every text."""
    states = ["running", "creating", "constructor", text]
    listed = [
        {"id": f"{text}{number}", "state": states[number % 4], "seconds": number, "past_seconds": {"queued": 2.5}}
        for number in range(tasks)
    ]
    manager = {
        "id": text,
        "scheduler": text,
        "registered": False,
        "access_lost": True,
        "slots": {"used": 2, "limit": 10},
        "task_counts": {"running": 1, "creating": 1, text: 5},
        "waiting": {"for_room": 2},
        "tasks": listed,
        "tasks_left_out": 7,
        "places": [
            {
                "availability_domain": text,
                "shape": text,
                "subnet": text,
                "refused": {text: 3},
                "held_back_for": [text],
                "next_probe_seconds": 5,
            }
        ],
        "failures": [{"time": 1, "task": text, "text": text + "do it", "remedy": "do it"}, None, 5],
    }
    checks = [{"name": "oci", "manager": text, "good": False, "required": True, "text": text}, {"good": True}, 5]
    status: dict[str, Any] = {"version": text, "phase": text, "status": text, "time": 5, "checks": checks}
    status["managers"] = [manager, None, "x"]
    counts = [None if number == 100 else number % 10 for number in range(360)]
    names = ["managers", "slots.used", "slots.limit", "task_counts.running", "task_counts.queued", "registered"]
    history = {"interval_seconds": 10, "time": 1_800_000_000, "series": dict.fromkeys(names, counts)}
    return {"/status.json": status, "/history.json": history}


class Stub(ThreadingHTTPServer):
    """Serves a daemon's page as the daemon does, and documents of its own beside it."""

    daemon_threads = True

    def __init__(self, page: tuple[str, bytes], answers: dict[str, Any]):
        self.page, self.answers = page, answers
        super().__init__(("127.0.0.1", 0), StubHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class StubHandler(BaseHTTPRequestHandler):
    server: Stub

    def do_GET(self) -> None:
        policy, body = self.server.page
        if self.path in self.server.answers:
            body = json.dumps(self.server.answers[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if self.path == "/" else "application/json")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


class Page(ClusterTestCase):
    options = {"daemon": ["--status-address", "127.0.0.1:0"]}
    address: str
    page: tuple[str, bytes]
    browser: Browser

    @classmethod
    def setUpClass(cls) -> None:
        if BACKEND != "zmq":
            raise unittest.SkipTest("the scheduler's transport makes no difference here")
        super().setUpClass()
        (cls.address,) = cls.cluster.daemon.await_output(r"status is served address=(\S+)").groups()
        with urllib.request.urlopen(f"http://{cls.address}/", timeout=10) as answer:
            cls.page = (answer.headers["Content-Security-Policy"], answer.read())
        cls.browser = Browser()
        cls.addClassCleanup(cls.browser.close)

    def setUp(self) -> None:
        # Away from the page of the test before, whose server is gone.
        self.browser.call("Page.navigate", url="about:blank")
        self.browser.events.clear()
        self.browser.size(1100, 900)
        self.browser.scheme("light")

    def show(self, answers: dict[str, Any]) -> Stub:
        stub = Stub(self.page, answers)
        self.addCleanup(stub.server_close)
        self.addCleanup(stub.shutdown)
        self.browser.open(stub.url)
        self.browser.await_text("slots in use")
        return stub

    def test_the_policy_names_the_script_and_the_style_that_are_served(self):
        policy, body = self.page
        self.assertLessEqual(len(body), 50_000)
        self.assertIn("default-src 'none'", policy)
        for element in (b"script", b"style"):
            (content,) = re.findall(b"<%b>(.*?)</%b>" % (element, element), body, re.DOTALL)
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            self.assertIn(f"{element.decode()}-src 'sha256-{digest}';", policy)

    def test_a_state_appears_within_two_seconds_and_a_click_shows_the_task_s_life(self):
        browser = self.browser
        browser.open(f"http://{self.address}/")
        browser.await_text("0 of ")
        client = self.client()
        client.submit(wait_for, 60)

        def running() -> dict[str, Any] | None:
            with urllib.request.urlopen(f"http://{self.address}/status.json", timeout=10) as answer:
                (manager,) = json.load(answer)["managers"]
            return next((task for task in manager["tasks"] if task["state"] == "running"), None)

        task = await_that(running, 30, "a task that runs")
        browser.await_text("running 1", 2, ".manager")
        browser.await_text(task["id"], 2, "#task-rows")
        browser.value("document.querySelector('#task-rows button').click()")
        self.assertIn("creating", browser.text(".life"))
        self.assertIn("running", browser.text(".life"))
        self.assertIn(task["instance"], browser.text(".life"))
        # The first sample is there as soon as the daemon has begun.
        browser.await_text("slots", 12, "#reading")
        with self.assertRaisesRegex(Exception, "died|exit|ended"):
            client.submit(fail, HOSTILE).result()
        await_that(lambda: browser.value("document.querySelectorAll('#failures li').length === 1"), 2, "a failure")
        self.assertEqual(browser.value("document.title + document.images.length"), "scaler-oci-hpc0")
        self.assertEqual(browser.complaints(), [])
        paths = [url.removeprefix(f"http://{self.address}") for url in browser.requests()]
        self.assertEqual(paths, ["/", "/history.json", "/status.json"])

    def test_hostile_names_stay_text(self):
        self.show(documents())
        browser = self.browser
        browser.value("document.querySelectorAll('#task-rows button').forEach((button) => button.click())")
        for selector in ("#version", "#status", "h2", ".facts", "#task-rows", "#room", "#failures", "#warnings"):
            self.assertIn(HOSTILE, browser.text(selector), selector)
        self.assertIn("do it", browser.text("#failures .remedy"))
        elements = "document.querySelectorAll('img, iframe, a, object, embed, form').length"
        self.assertEqual(browser.value(elements), 0)
        self.assertEqual(browser.value("document.scripts.length + document.title"), "1scaler-oci-hpc")
        self.assertEqual(browser.complaints(), [])

    def test_documents_of_other_kinds_do_no_harm(self):
        odd: list[Any] = [[], "x", {"managers": 5}, {"managers": [{"tasks": [{}, {"id": 5, "past_seconds": []}]}]}]
        for status in odd:
            stub = Stub(self.page, {"/status.json": status, "/history.json": {"series": {"managers": [1, None, "x"]}}})
            self.addCleanup(stub.server_close)
            self.addCleanup(stub.shutdown)
            self.browser.open(stub.url)
            self.browser.await_text("as of", selector="#link")
        self.assertEqual(self.browser.complaints(), [])

    def test_it_is_readable_in_the_dark_and_in_the_light(self):
        self.show(documents())
        backs = {}
        for scheme in ("light", "dark"):
            self.browser.scheme(scheme)
            backs[scheme] = self.browser.value("getComputedStyle(document.body).backgroundColor")
            for selector in ("h2", ".facts", "#failures .text", ".remedy", "#warnings li", "#reading", "button"):
                self.assertGreaterEqual(self.contrast(selector), 4.5, f"{selector}, {scheme}")
        self.assertGreater(luminance(backs["light"]), 0.8)
        self.assertLess(luminance(backs["dark"]), 0.05)

    def contrast(self, selector: str) -> float:
        """Between an element's text and what is behind it, as WCAG 2 measures it."""
        script = """(() => {
            let node = document.querySelector(%s);
            const color = getComputedStyle(node).color;
            while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
            return [color, getComputedStyle(node).backgroundColor];
        })()"""
        dark, light = sorted(luminance(color) for color in self.browser.value(script % json.dumps(selector)))
        return (light + 0.05) / (dark + 0.05)

    def test_a_phone_s_width_is_enough(self):
        self.browser.size(360, 740, is_phone=True)
        self.show(documents(text=LONG))
        self.browser.value("document.querySelector('#task-rows button').click()")
        self.assertEqual(self.browser.value("innerWidth"), 360)
        self.assertLessEqual(self.browser.value("document.documentElement.scrollWidth"), 360)

    def test_the_keyboard_reaches_everything(self):
        self.show(documents())
        browser = self.browser
        browser.await_text("of 9 slots", selector="#reading")
        browser.press("Tab")
        self.assertEqual(browser.value("document.activeElement.id"), "hour")
        newest = browser.text("#reading")
        browser.press("ArrowLeft")
        self.assertNotEqual(browser.text("#reading"), newest)
        browser.press("End")
        self.assertEqual(browser.text("#reading"), newest)
        browser.press("Tab")
        self.assertEqual(browser.value("document.activeElement.id"), "filter")
        browser.press("Tab")
        browser.press("Enter")
        self.assertEqual(browser.value("document.activeElement.getAttribute('aria-expanded')"), "true")
        # The next look at the daemon leaves the focus where it is.
        at = browser.value("document.querySelector('#link').textContent")
        await_that(lambda: browser.value("document.querySelector('#link').textContent") != at, 10, "another look")
        self.assertEqual(browser.value("document.activeElement.getAttribute('aria-expanded')"), "true")

    def test_of_very_many_tasks_some_are_shown_and_the_filter_finds_others(self):
        self.show(documents(5000, "task "))
        browser = self.browser
        self.assertEqual(browser.value("document.querySelectorAll('#task-rows tr').length"), 200)
        self.assertIn("and 4,807 more", browser.text("#more-tasks"))
        browser.value("(() => { const box = document.querySelector('#filter'); box.value = 'TASK 4999';"
                      " box.dispatchEvent(new Event('input')); })()")  # fmt: skip
        self.assertIn("task 4999", browser.text("#task-rows"))
        self.assertEqual(browser.value("document.querySelectorAll('#task-rows tr').length"), 1)

    def test_a_daemon_that_is_gone_is_said_to_be(self):
        stub = self.show(documents())
        stub.answers = {}
        self.browser.await_text("does not answer", 10, "#link")


def luminance(color: str) -> float:
    """Of a colour as a browser computes it."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", color)[:3]]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


if __name__ == "__main__":
    unittest.main()
