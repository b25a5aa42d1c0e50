# SPDX-License-Identifier: Apache-2.0
"""The stage's own promises: what a test asks it to send is sent, however much it is and whoever asks."""

from __future__ import annotations

import threading
import unittest

from stage import ZMQListener
from support import BACKEND

#: Some hundred rings fill the buffer of a socket pair.
MESSAGES = 5_000
SECONDS = 20


@unittest.skipIf(BACKEND == "ymq", "there is one thread a connection over YMQ, and no bell")
class Bell(unittest.TestCase):
    """More messages than the bell holds, while nobody hears it."""

    def setUp(self):
        import zmq

        self.busy, self.go_on = threading.Event(), threading.Event()
        self.on_message = lambda peer: None
        self.listener = ZMQListener(b"scheduler", lambda peer, data: self.on_message(peer))
        self.addCleanup(self.listener.close)
        self.addCleanup(self.go_on.set)
        context = zmq.Context()
        self.addCleanup(context.term)
        self.dealer = context.socket(zmq.DEALER)
        self.addCleanup(self.dealer.close, 0)
        self.dealer.setsockopt(zmq.RCVTIMEO, SECONDS * 1000)
        self.dealer.setsockopt(zmq.IDENTITY, b"worker")
        self.dealer.set_hwm(0)
        self.dealer.connect(f"tcp://127.0.0.1:{self.listener.port}")

    def assert_all_arrive(self):
        received = [int(self.dealer.recv()) for _ in range(MESSAGES)]
        self.assertEqual(received, list(range(MESSAGES)))

    def queue_all(self, identity=b"worker"):
        for number in range(MESSAGES):
            self.listener.send(identity, b"%d" % number)

    def test_queued_by_the_thread_itself(self):
        self.on_message = lambda peer: self.queue_all(peer.identity)
        self.dealer.send(b"go")
        self.assert_all_arrive()

    def test_queued_by_another_while_the_thread_is_busy(self):
        def be_busy(_):
            self.busy.set()
            self.go_on.wait(SECONDS)

        self.on_message = be_busy
        self.dealer.send(b"go")
        self.assertTrue(self.busy.wait(SECONDS))
        other = threading.Thread(target=self.queue_all, daemon=True)
        other.start()
        other.join(SECONDS)
        self.assertFalse(other.is_alive(), "it waits for a thread that waits for it")
        self.go_on.set()
        self.assert_all_arrive()


if __name__ == "__main__":
    unittest.main()
