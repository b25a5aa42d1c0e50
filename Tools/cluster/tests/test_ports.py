# SPDX-License-Identifier: Apache-2.0
"""How programs of runs side by side never meet on one port."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from processes import BLOCK_PORTS, Ports, StartError

CLUSTER = Path(__file__).resolve().parent.parent
DRAW = "import sys; from pathlib import Path; from processes import Ports; print(Ports(Path(sys.argv[1])).next())"


class Blocks(unittest.TestCase):
    def setUp(self) -> None:
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        self.directory = Path(place.name)

    def test_two_runs_are_given_no_port_in_common(self) -> None:
        one, other = Ports(self.directory), Ports(self.directory)
        first = {one.next() for _ in range(BLOCK_PORTS)}
        second = {other.next() for _ in range(BLOCK_PORTS)}
        self.assertEqual(first & second, set())

    def test_the_ports_of_a_process_that_ended_are_given_again(self) -> None:
        draw = [sys.executable, "-c", DRAW, str(self.directory)]
        ports = [int(subprocess.check_output(draw, cwd=CLUSTER)) for _ in range(2)]
        self.assertLess(abs(ports[0] - ports[1]), BLOCK_PORTS)

    def test_no_port_comes_again_before_all_others_were_given(self) -> None:
        ports = Ports(self.directory)
        given = [ports.next() for _ in range(BLOCK_PORTS // 2)]
        self.assertEqual(len(set(given)), len(given))

    def test_a_port_that_something_listens_on_is_left_out(self) -> None:
        ports = Ports(self.directory)
        taken = ports.next()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", taken))
            listener.listen()
            self.assertNotIn(taken, {ports.next() for _ in range(BLOCK_PORTS)})

    def test_a_run_with_all_its_ports_in_use_is_told_so(self) -> None:
        ports = Ports(self.directory)
        with contextlib.ExitStack() as listeners, self.assertRaisesRegex(StartError, "in use"):
            # Something else may listen on some of them.
            for _ in range(BLOCK_PORTS + 1):
                listeners.enter_context(socket.create_server(("127.0.0.1", ports.next())))
