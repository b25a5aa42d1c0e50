# SPDX-License-Identifier: Apache-2.0
"""Peers that send what they must not: the connection ends, the reason is told, and the daemon works on."""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import time
import unittest

from kinds import BACKEND, IS_FIRST_GENERATION, await_that, kind, travels
from stage import DEFAULT_SERIALIZER, MAGIC, StageTestCase, YMQListener, YMQPeer, encoded, square

travels(__name__)

SEED = int(os.environ.get("SCALER_TEST_SEED", random.randrange(1 << 32)))


def same(value):
    return value


def answer_with(data):
    """A hostile task: stores bytes of its own as its result and ends the job runner before that can."""
    import oci_object_storage

    environment = os.environ
    bucket = oci_object_storage.Bucket.from_environment(environment)
    bucket.put(f"{environment['OCI_PREFIX']}/results/{environment['TASK_ID']}.pkl", data)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


def real_messages(stage):
    """One message of each kind that a worker receives."""
    from scaler.protocol import capnp
    from scaler.utility.identifiers import ClientID, ObjectID, TaskID

    task = stage.task(square, 3)
    flags = capnp.TaskCancel.TaskCancelFlags(force=True)
    kinds = capnp.ObjectInstruction.ObjectInstructionType
    metadata = capnp.ObjectMetadata(objectIds=[ObjectID(task.function)], objectTypes=[], objectNames=[])
    return [
        encoded(stage.task_message(task)),
        encoded(capnp.TaskCancel(taskId=TaskID(b"T" * 16), flags=flags)),
        encoded(
            capnp.ObjectInstruction(instructionType=kinds.delete, objectUser=ClientID(b""), objectMetadata=metadata)
        ),
        encoded(stage._echo()),
    ]


class SchedulerPoison(StageTestCase):
    """The scheduler's wire; a worker that was poisoned leaves, and another one comes."""

    options = {"daemon": ["--scale-down-cooldown-seconds", "0"]}
    LEFT, STAYED = "left", "stayed"

    def poison(self, *messages):
        """Has the worker read the messages; whether it then left, and if so, another one is there."""
        worker = await_that(self.stage.present, 30, "a worker")[-1]
        for message in messages:
            self.stage.send_bytes(message, worker)
        probe = self.stage.task(square, 0)
        self.stage.cancel(probe, True, worker)

        def outcome():
            if worker not in self.stage.present():
                return self.LEFT
            return self.STAYED if self.stage.all("TaskCancelConfirm", probe) else None

        result = await_that(outcome, 30, "the worker to leave or to answer")
        await_that(self.stage.present, 30, "a worker")
        return result

    def tearDown(self):
        self.assert_daemon_works()

    @kind("poison from the scheduler")
    def test_bytes_that_are_no_message_end_the_conversation(self):
        for poison in (b"", b"\0", b"\xff" * 8, b"\0" * 7 + b"\1", b"\xff\xff\xff\xff" + bytes(60), b"HTTP/1.1" * 8):
            with self.subTest(poison.hex()):
                self.assertEqual(self.poison(poison), self.LEFT)
        self.cluster.daemon.await_output("malformed bytes; leaving it")

    @kind("poison from the scheduler")
    def test_a_message_cut_anywhere_ends_the_conversation(self):
        for message in real_messages(self.stage):
            for cut in (1, 8, len(message) // 2, len(message) - 1):
                with self.subTest(message=message.hex(), cut=cut):
                    self.assertEqual(self.poison(message[:cut]), self.LEFT)

    @kind("poison from the scheduler")
    def test_messages_with_damage_anywhere(self):
        print(f"SCALER_TEST_SEED={SEED}")
        chance = random.Random(SEED)
        # Each costs a worker; Tools/fuzz tries them by the million.
        for message in real_messages(self.stage) * 5:
            damaged = bytearray(message)
            for _ in range(chance.randint(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            self.poison(bytes(damaged))

    @kind("poison from the scheduler")
    def test_unknown_kinds_of_message_are_ignored(self):
        bodies = [struct.pack("<Q", tag) + bytes(8) for tag in (3, 11, 13, 99, 0xFFFF)]
        head = bytes.fromhex("00000000 03000000 00000000 01000100")
        self.assertEqual(self.poison(*(head + body for body in bodies)), self.STAYED)

    @kind("poison from the scheduler")
    def test_a_task_without_a_name_or_with_a_huge_one(self):
        for name in (b"", b"n" * 65, b"n" * 100_000):
            with self.subTest(length=len(name)):
                task = self.stage.task(square, 2)
                task.task_id = name
                self.assertEqual(self.poison(encoded(self.stage.task_message(task))), self.LEFT)

    @kind("poison from the scheduler")
    def test_a_task_that_cannot_be_run_is_answered(self):
        no_function, no_argument = self.stage.task(square, 2), self.stage.task(square, 2)
        no_function.function = b"short"
        no_argument.arguments = [b"short"]
        for task, reason in ((no_function, "function is no object"), (no_argument, "argument is no object")):
            self.stage.submit(task, self.stage.present()[-1])
            with self.assertRaisesRegex(ValueError, reason):
                self.stage.result_of(task)

    @kind("poison from the scheduler")
    def test_flags_and_identities_of_any_bytes(self):
        task = self.stage.task(square, 2)
        client = b"\xff\xfe\0client"
        self.stage.storage.put(self.stage.object_id(b"serializer", client), DEFAULT_SERIALIZER)
        self.stage.submit(task, self.stage.present()[-1], flags=b"\1\2\3", client=client)
        self.assertEqual(self.stage.result_of(task), 4)

    @kind("poison from the scheduler")
    def test_a_manager_is_poisoned_and_comes_back(self):
        manager = self.stage.manager()
        self.stage.send_bytes(b"\xff" * 100, manager)
        await_that(lambda: self.stage.manager() != manager, 30, "a manager of another identity")
        heard = len(self.stage.all("WorkerManagerHeartbeat"))
        self.stage.await_one("WorkerManagerHeartbeat", count=heard + 2)

    @kind("poison from the scheduler")
    def test_a_wish_for_four_thousand_million_workers_is_not_obeyed(self):
        from scaler.protocol.capnp import WorkerManagerCommand

        request = WorkerManagerCommand.DesiredTaskConcurrencyRequest(taskConcurrency=(1 << 32) - 1, capabilities=[])
        command = encoded(WorkerManagerCommand(setDesiredTaskConcurrencyRequests=[request] * 100))
        before = len(self.stage.workers())
        self.stage.send_bytes(command, self.stage.manager())
        self.cluster.daemon.await_output("desires workers .*desired=64")
        # The stage's own wish comes with the next heartbeat.
        await_that(lambda: len(self.stage.workers()) > before and len(self.stage.present()) == 1, 30, "one worker")
        self.assertLessEqual(len(self.stage.workers()), before + 64)


@unittest.skipUnless(BACKEND == "ymq", "libzmq has its own framing")
class FramingPoison(StageTestCase):
    """What lies below the messages."""

    @property
    def line(self) -> YMQPeer:
        """The connection of the worker that has been here longest."""
        assert isinstance(self.stage.listener, YMQListener)
        return self.stage.listener.peers[self.stage.present()[-1]]

    def poison(self, data):
        # Up to 2.6.0 the worker itself comes back, for its leave may end the scheduler.
        came = (lambda: self.stage.listener.history) if IS_FIRST_GENERATION else self.stage.workers
        before = len(came())
        self.line.send_raw(data)
        await_that(lambda: len(came()) > before, 60, "a worker")
        self.assert_daemon_works()

    @kind("poison below the messages (YMQ)")
    def test_lengths_beyond_all_reason(self):
        for length in (1 << 30, 1 << 40, 1 << 63, (1 << 64) - 1):
            with self.subTest(length=length):
                self.poison(struct.pack("<Q", length) + b"x" * 100)

    @kind("poison below the messages (YMQ)")
    def test_a_message_that_never_ends_blocks_nothing_but_itself(self):
        self.line.send_raw(struct.pack("<Q", 1000) + b"x" * 500)
        self.stage.wanted_workers = 2
        self.addCleanup(setattr, self.stage, "wanted_workers", 1)
        before = len(self.stage.workers())
        await_that(lambda: len(self.stage.workers()) > before, 60, "another worker")
        self.assert_daemon_works()

    @kind("poison below the messages (YMQ)")
    def test_a_stranger_in_the_schedulers_place(self):
        """Whoever listens there instead, the daemon waits for a scheduler."""
        greetings = [
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            b"YMQ\x09" + bytes(8),
            MAGIC + b"\xff" * 8,
            b"",
            os.urandom(40),
        ]
        port = self.stage.listener.port
        self.stage.listener.close()
        listener = await_that(lambda: listen(port), 30, "the port")
        listener.settimeout(30)
        for greeting in greetings:
            link, _ = listener.accept()
            link.sendall(greeting)
            link.shutdown(socket.SHUT_WR)
            link.close()
        listener.close()
        self.stage.listener = type(self.stage.listener)(b"2|scheduler|stage", self.stage._received, port=port)
        before = len(self.stage.workers())
        await_that(lambda: len(self.stage.workers()) > before, 60, "another worker")
        self.assert_daemon_works()


def listen(port):
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError:
        return None


class StoragePoison(StageTestCase):
    """The object storage's wire: the request is made again on a new connection."""

    def poisoned(self, poison, *, task=None):
        task = task or self.stage.task(same, os.urandom(1000))
        connections = len(self.stage.storage.listener.history)
        self.stage.storage.instead.append(poison)
        self.stage.submit(task, self.stage.present()[-1])
        self.stage.result_of(task)
        self.assertGreater(len(self.stage.storage.listener.history), connections, "the connection was kept")

    @kind("poison from the object storage")
    def test_answers_that_make_no_sense(self):
        response = self.stage.storage.response
        poisons = {
            "empty": lambda peer, header: peer.send(b""),
            "short": lambda peer, header: peer.send(header[:40]),
            "long": lambda peer, header: peer.send(header + bytes(8)),
            "random": lambda peer, header: peer.send(os.urandom(80)),
            "unknown kind": lambda peer, header: peer.send(response(header, 77, 0)),
            "another kind": lambda peer, header: peer.send(response(header, 4, 0)),
            "another object": lambda peer, header: peer.send(response(header, 1, 0)[:48] + bytes(32)),
            "more than announced": lambda peer, header: peer.send(response(header, 1, 3), b"1234"),
            "less than announced": lambda peer, header: peer.send(response(header, 1, 1 << 40), b"1234"),
            "endless": lambda peer, header: peer.send_raw(struct.pack("<Q", 1 << 60)),
            "broken off": lambda peer, header: (peer.send_raw(struct.pack("<Q", 80) + header[:11]), peer.close()),
            "reset": lambda peer, header: peer.reset(),
        }
        for name, poison in poisons.items():
            with self.subTest(name):
                self.poisoned(poison)

    @kind("poison from the object storage")
    def test_answers_to_what_nobody_asked_are_dropped(self):
        def stranger(peer, header):
            forged = header[:24] + struct.pack("<Q", 1 << 40) + header[32:]
            peer.send(self.stage.storage.response(forged, 1, 4), b"1234")
            self.stage.storage._answer(peer, header)

        self.stage.storage.instead.append(stranger)
        self.assert_daemon_works()


class ResultPoison(StageTestCase):
    """What a container stores is as little trusted as what comes over a wire."""

    @kind("poison as a task's result")
    def test_bytes_that_are_no_outcome_fail_the_task_and_nothing_else(self):
        import gzip
        import pickle

        class Bomb:
            def __reduce__(self):
                return os.system, ("touch /tmp/never",)

        poisons = {
            "nothing": b"",
            "random": os.urandom(200),
            "a number": pickle.dumps(3),
            "code": pickle.dumps(Bomb()),
            "cut gzip": gzip.compress(os.urandom(10_000))[:5000],
            "gzip, then more": gzip.compress(b"x") + b"more",
            "a head alone": pickle.dumps(b"SOH1R"),
            "output beyond the end": pickle.dumps(b"SOH1r" + bytes(16) + b"\xff" * 4),
            "nested": b"\x80\x04" + b"]" * 100_000 + b".",
        }
        for name, data in poisons.items():
            with self.subTest(name):
                task = self.stage.task(answer_with, data)
                self.stage.submit(task)
                with self.assertRaisesRegex(RuntimeError, "what its container stored cannot be understood"):
                    self.stage.result_of(task)
        self.assert_daemon_works()
        self.cluster.await_nothing_left()

    @kind("poison as a task's result")
    def test_a_gzip_bomb_fills_no_memory(self):
        import gzip

        task = self.stage.task(answer_with, gzip.compress(bytes(300_000_000)))
        self.stage.submit(task)
        with self.assertRaisesRegex(RuntimeError, "cannot be understood"):
            self.stage.result_of(task)
        with open(f"/proc/{self.cluster.daemon.pid}/status") as status:
            peak = next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:"))
        self.assertLess(peak, 100 << 20)


if __name__ == "__main__":
    unittest.main()
