# SPDX-License-Identifier: Apache-2.0
"""`top` as a person sees it: in a terminal of tmux, whose screen is read and whose keys are pressed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import cloudpickle
from support import BACKEND, Cluster, Options, await_that, connect

from cluster import DAEMON
from processes import StartError

cloudpickle.register_pickle_by_value(sys.modules[__name__])

STATES = ["queued", "loading", "storing", "creating", "running", "diagnosing", "fetching", "replying", "cleaning"]


def nap(seconds):
    time.sleep(seconds)


def document(count: int, **changes: Any) -> dict[str, Any]:
    """What a daemon with so many tasks says."""
    tasks = [
        {
            "id": f"{number:04x}{'0' * 28}",
            "state": STATES[number % 9],
            "seconds": number + 0.5,
            "instance": f"ocid1.x.{number}",
        }
        for number in range(count)
    ]
    manager = {
        "id": "wm",
        "registered": True,
        "slots": {"used": 40, "limit": 100},
        "task_counts": {state: sum(task["state"] == state for task in tasks) for state in STATES},
        "ended_counts": {"success": 7},
        "tasks": tasks,
        "tasks_left_out": 321,
        "failures": [{"time": 1, "task": "ab", "text": "no room"}],
        **changes,
    }
    return {"version": "0.1.0", "time": 60, "phase": "working", "status": "all is well", "managers": [manager]}


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(self.server.document).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class TopTestCase(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-top-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.open_count = 0

    def tmux(self, *arguments: str, check: bool = True) -> str:
        command = ["tmux", "-S", str(self.directory / f"tmux-{self.open_count}"), "-f", os.devnull, *arguments]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=30).stdout

    def serve(self, what: dict[str, Any]) -> str:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.document = what  # type: ignore[attr-defined]
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        return f"127.0.0.1:{self.server.server_port}"

    def open(self, *arguments: str, columns: int = 80, rows: int = 24, before: str = "") -> None:
        """Starts `top` in a shell that says how it ended, and how the terminal was left."""
        # A server of its own: the one before may not have ended yet.
        if self.open_count:
            self.tmux("kill-server", check=False)
        self.open_count += 1
        self.addCleanup(self.tmux, "kill-server", check=False)
        top = " ".join([str(DAEMON), "top", "--interval", "1", *arguments])
        mode = "stty -a | grep -ow -- '-*echo\\|-*icanon'"
        # Ctrl-C is sent to the shell, too.
        line = f"trap : INT; cd {self.directory}; {before} {top}; echo left with $?; {mode}; exec cat"
        size = ["-x", str(columns), "-y", str(rows)]
        self.tmux("new-session", "-d", *size, "sh", "-c", line)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def shows(self, *texts: str, seconds: float = 30) -> str:
        """The screen, once it has all of these."""

        def found() -> str | None:
            screen = self.screen()
            return screen if all(text in screen for text in texts) else None

        try:
            return await_that(found, seconds, str(texts))
        except StartError:
            self.fail(f"no {texts} in:\n{self.screen()}")

    def press(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def pid(self) -> int:
        shell = self.tmux("list-panes", "-F", "#{pane_pid}").strip()
        return int(subprocess.run(["pgrep", "-P", shell], check=True, capture_output=True, text=True).stdout)


class Top(TopTestCase):
    def test_keys_sort_filter_scroll_and_quit(self):
        self.open(self.serve(document(5000)))
        first = self.shows("40/100 slots", "tasks 1-", "of 5000, by seconds; 321 more are not in the daemon's list")
        self.assertIn("1387000000000...", first)
        self.assertIn("no room", first)
        self.assertEqual(len(first.splitlines()), 24)
        self.press("G")
        self.shows("-5000 of 5000")
        self.press("g", "s", "r")
        self.shows("tasks 1-", "by state, reversed")
        self.press("/")
        self.press("-l", "ocid1.x.4998")
        self.shows("filter: ocid1.x.4998_")
        self.press("Enter")
        self.shows('tasks 1-1 of 1 with "ocid1.x.4998"')
        self.press("Escape")
        self.shows("of 5000")
        self.press("q")
        ended = self.shows("left with 0", "icanon", "\necho")
        self.assertEqual(ended.split()[-2:], ["icanon", "echo"])
        self.assertNotIn("slots", ended)

    def test_a_wide_terminal_and_one_that_changes(self):
        self.open(self.serve(document(3)), columns=200, rows=30)
        wide = self.shows("40/100 slots", f"0002{'0' * 28}", "ocid1.x.2")
        self.assertIn("loading", next(line for line in wide.splitlines() if "diagnosing" in line))
        self.tmux("resize-window", "-x", "60", "-y", "15")
        await_that(lambda: len(self.screen().splitlines()) == 15 and "q quit" in self.screen(), 30, "a small screen")
        self.assertTrue(all(len(line) <= 60 for line in self.screen().splitlines()))

    def test_signals_and_a_crash_leave_the_terminal_as_it_was(self):
        address = self.serve(document(3))
        for number, code in [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGTRAP, 133), (signal.SIGABRT, 134)]:
            with self.subTest(number):
                self.open(address)
                self.shows("40/100 slots")
                if number == signal.SIGINT:
                    self.press("C-c")
                else:
                    os.kill(self.pid(), number)
                ended = self.shows(f"left with {code}", "icanon", "\necho")
                self.assertEqual(ended.split()[-2:], ["icanon", "echo"])

    def test_a_stop_by_the_keyboard_gives_the_terminal_back(self):
        self.open(self.serve(document(3)))
        self.shows("40/100 slots")
        process = self.pid()
        self.press("C-z")
        await_that(
            lambda: self.tmux("display-message", "-p", "#{alternate_on}").strip() == "0", 30, "the shell's screen"
        )
        os.kill(process, signal.SIGCONT)
        self.shows("40/100 slots", "q quit")
        self.press("q")
        self.shows("left with 0")

    def test_colours_are_left_out_where_they_are_not_wanted(self):
        address = self.serve(document(3, registered=False))
        for before, is_coloured in [("", True), ("NO_COLOR=1", False)]:
            with self.subTest(before):
                self.open(address, before=before)
                self.shows("not registered")
                self.assertEqual("\x1b[31m" in self.tmux("capture-pane", "-p", "-e"), is_coloured)

    def test_hostile_texts_stay_texts(self):
        evil = "\x1b]0;owned\x07\x9b2J\r\n\u202eevil"
        tasks = [{"id": evil, "state": evil, "seconds": 1, "instance": evil}]
        address = self.serve(document(1, id=evil, tasks=tasks, failures=[{"time": 1, "task": evil, "text": evil}]))
        self.open(address)
        shown = self.shows("40/100 slots", "\\u001b]0;owned")
        self.assertIn("tasks 1-1 of 1", shown)
        self.assertNotEqual(self.tmux("display-message", "-p", "#{pane_title}").strip(), "owned")
        printed = subprocess.run([DAEMON, "top", address], check=True, capture_output=True, timeout=30).stdout
        self.assertFalse(any(byte < 32 and byte != 10 for byte in printed))

    def test_one_print_without_a_terminal(self):
        address = self.serve(document(30))
        command = [str(DAEMON), "top", address]
        for extra in ([], ["--once"]):
            done = subprocess.run([*command, *extra], check=True, capture_output=True, text=True, timeout=30)
            self.assertIn("tasks 1-20 of 30, by seconds", done.stdout)
            self.assertNotIn("\x1b", done.stdout)
        refused = subprocess.run([str(DAEMON), "top", "127.0.0.1:1"], check=False, capture_output=True, text=True)
        self.assertEqual(refused.returncode, 69)
        self.assertIn("start the daemon with --status-address", refused.stderr)
        unsaid = subprocess.run([str(DAEMON), "top"], check=False, capture_output=True, text=True, cwd=self.directory)
        self.assertEqual(unsaid.returncode, 78)
        self.assertIn("--status-address", unsaid.stderr)

    def test_a_daemon_is_followed_through_its_end_and_its_next_start(self):
        # A path, which the next daemon has too.
        path = self.directory / "status"
        options = Options(backend=BACKEND, emulator=["--fast"], daemon=["--status-address", f"unix:{path}"])
        cluster = self.enterContext(Cluster(options))
        client = connect(cluster)
        self.addCleanup(client.disconnect)
        entry = "[[worker_manager]]\ntype = 'oci_hpc'\nscheduler_address = 'tcp://127.0.0.1:1'\n"
        (self.directory / "config.toml").write_text(f"{entry}status_address = 'unix:{path}'\n")
        self.open()
        self.shows("wm-oci-hpc", "0/100 slots")
        running = client.submit(nap, 60)
        self.shows("1/100 slots", "tasks 1-1 of 1", "... running")
        # Or the client would wait for it.
        running.cancel()
        self.shows("0/100 slots", "cancelled 1")
        cluster.kill_daemon()
        self.shows("no answer for", "trying again", "0/100 slots", "cancelled 1")
        cluster.launch_daemon()
        self.shows("restarted at", "ended none yet")
        self.press("q")
        self.shows("left with 0")


if __name__ == "__main__":
    unittest.main()
