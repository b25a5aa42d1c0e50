# SPDX-License-Identifier: Apache-2.0
"""A scheduler and an object storage server that do what a test says, at the moment it says.

They speak Scaler's messages through the release's own library, over ZeroMQ or YMQ, and can be made to say anything
else: what no real server would send is here to be sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cloudpickle
from kinds import BACKEND, IS_FIRST_GENERATION, Cluster, KindTestCase, Options, await_that, travels

MAGIC = b"YMQ\x01" if IS_FIRST_GENERATION else b"YMQ\x02"
#: Scaler's default serializer, as a client sends it.
DEFAULT_SERIALIZER = bytes.fromhex(
    "8005953d000000000000008c207363616c65722e636c69656e742e73657269616c697a65722e64656661756c74948c1144656661756c74"
    "53657269616c697a65729493942981942e"
)
#: What a worker leaves with, up to 2.6.0 and since.
GOODBYES = ("DisconnectRequest", "WorkerDisconnectNotification")


def encoded(message: Any) -> bytes:
    from scaler.io.utility import serialize

    return serialize(message)


def decoded(data: bytes) -> Any:
    from scaler.io.utility import deserialize

    return deserialize(data)


class YMQPeer:
    """One accepted connection: says hello, then carries whole messages."""

    def __init__(self, link: socket.socket, identity: bytes, magic: bytes):
        self.link = link
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.sendall(magic + struct.pack("<Q", len(identity)) + identity)
        hello = self._exactly(12)
        assert hello[:4] == magic, hello
        self.identity = self._exactly(struct.unpack("<Q", hello[4:])[0])
        self._sending = threading.Lock()

    def send(self, *messages: bytes) -> None:
        with self._sending:
            self.link.sendall(b"".join(struct.pack("<Q", len(data)) + data for data in messages))

    def send_raw(self, data: bytes) -> None:
        with self._sending:
            self.link.sendall(data)

    def receive(self) -> bytes:
        return self._exactly(struct.unpack("<Q", self._exactly(8))[0])

    def close(self) -> None:
        """Says goodbye: a FIN, and no RST for what is unread."""
        with contextlib.suppress(OSError):
            self.link.shutdown(socket.SHUT_RDWR)
        self.link.close()

    def reset(self) -> None:
        """Breaks the connection: a RST."""
        self.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Another thread may sleep in recv, which would keep the socket from going.
        self.link.shutdown(socket.SHUT_RD)
        self.link.close()

    def _exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            part = self.link.recv(min(count - len(data), 1 << 20))
            if not part:
                raise ConnectionError("the peer closed the connection")
            data += part
        return bytes(data)


class YMQListener:
    """Accepts connections, each with a thread that hands its messages on."""

    def __init__(
        self, identity: bytes, on_message: Callable[[YMQPeer, bytes], None], magic: bytes = MAGIC, port: int = 0
    ):
        self.identity, self.on_message, self.magic = identity, on_message, magic
        self.peers: dict[bytes, YMQPeer] = {}
        #: every connection there was, by the identity it gave
        self.history: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def send(self, identity: bytes, data: bytes) -> None:
        with contextlib.suppress(KeyError, OSError):  # gone, as a real binder finds out too
            self.peers[identity].send(data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in list(self.peers.values()):
            peer.close()

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        peer = None
        try:
            peer = YMQPeer(link, self.identity, self.magic)
            self.history.append(peer.identity)
            self.peers[peer.identity] = peer
            while True:
                self.on_message(peer, peer.receive())
        except (OSError, AssertionError):
            link.close()
        finally:
            if peer is not None and self.peers.get(peer.identity) is peer:
                del self.peers[peer.identity]


class ZMQListener:
    """The same over a ROUTER socket, which belongs to one thread; the others leave their messages with it."""

    def __init__(self, identity: bytes, on_message: Callable[[Any, bytes], None], port: int = 0):
        import zmq

        self._zmq = zmq
        self.on_message = on_message
        self.history: list[bytes] = []
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.IDENTITY, identity)
        self._router.setsockopt(zmq.LINGER, 0)
        self._router.set_hwm(0)
        self._router.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.port = int(self._router.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0").rsplit(":", 1)[1])
        self._outbox: deque[tuple[bytes, bytes]] = deque()
        self._bell_out, self._bell_in = socket.socketpair()
        self._bell_in.setblocking(False)
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def send(self, identity: bytes, data: bytes) -> None:
        self._outbox.append((identity, data))
        self._ring()

    def close(self) -> None:
        self._closing = True
        self._ring()
        self._thread.join(10)
        self._bell_in.close()

    def _ring(self) -> None:
        """Wakes the router's thread. A full bell rings already; the thread itself would wait for room for ever."""
        with contextlib.suppress(BlockingIOError):
            self._bell_in.send(b"x")

    def _run(self) -> None:
        poller = self._zmq.Poller()
        poller.register(self._router, self._zmq.POLLIN)
        poller.register(self._bell_out, self._zmq.POLLIN)
        while not self._closing:
            ready = dict(poller.poll())
            if self._bell_out.fileno() in ready:
                self._bell_out.recv(4096)
            while self._outbox:
                self._router.send_multipart(self._outbox.popleft())
            if self._router in ready:
                identity, data = self._router.recv_multipart()
                if identity not in self.history:
                    self.history.append(identity)
                self.on_message(type("Peer", (), {"identity": identity}), data)
        self._router.close()
        self._context.term()
        self._bell_out.close()


@dataclass
class Heard:
    """One message of a manager or worker."""

    at: float
    identity: bytes
    message: Any


@dataclass
class StagedTask:
    """A task that the stage's client submitted."""

    task_id: bytes
    function: bytes
    arguments: list[bytes] = field(default_factory=list)


class StagedStorage:
    """Scaler's object storage protocol; a get of what is not there waits, as in the real one."""

    def __init__(self, magic: bytes = MAGIC, port: int = 0):
        self.objects: dict[bytes, bytes] = {}
        self.gets: list[bytes] = []
        self.sets: list[bytes] = []
        #: while set, nothing is answered
        self.is_silent = False
        #: while set, everything but gets is left unanswered
        self.holds_sets = False
        #: answers to be given instead of the right ones, oldest first
        self.instead: deque[Callable[[YMQPeer, bytes], None]] = deque()
        self._waiting: list[tuple[YMQPeer, bytes]] = []
        self._awaited_payload: dict[int, bytes] = {}
        self._lock = threading.Lock()
        self.listener = YMQListener(b"ObjectStorageServer", self._received, magic, port)
        self.port = self.listener.port

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def put(self, object_id: bytes, data: bytes) -> bytes:
        with self._lock:
            self.objects[object_id] = data
            due = [request for request in self._waiting if self._object_id(request[1]) == object_id]
            self._waiting = [request for request in self._waiting if request not in due]
        for peer, header in due:
            self._answer_get(peer, header)
        return object_id

    def close(self) -> None:
        self.listener.close()

    def speak(self) -> None:
        """Ends a silence: what was asked meanwhile is answered now."""
        self.is_silent = self.holds_sets = False
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for peer, header in waiting:
            self._answer(peer, header)

    def _received(self, peer: YMQPeer, data: bytes) -> None:
        if (header := self._awaited_payload.pop(id(peer), None)) is not None:
            self.sets.append(self._object_id(header))
            self.put(self._object_id(header), data)
            self._answer(peer, header)
        elif data[32] == 0:
            self._awaited_payload[id(peer)] = data
        else:
            if data[32] == 1:
                self.gets.append(self._object_id(data))
            self._answer(peer, data)

    def _answer(self, peer: YMQPeer, header: bytes) -> None:
        if self.is_silent or (self.holds_sets and header[32] != 1):
            self._waiting.append((peer, header))
        elif self.instead:
            self.instead.popleft()(peer, header)
        elif header[32] == 0:
            peer.send(self.response(header, 0, 0))
        elif header[32] == 1:
            self._answer_get(peer, header)
        else:
            peer.send(self.response(header, 2, 0))

    def _answer_get(self, peer: YMQPeer, header: bytes) -> None:
        data = self.objects.get(self._object_id(header))
        if data is None:
            self._waiting.append((peer, header))
            return
        with contextlib.suppress(OSError):
            peer.send(self.response(header, 1, len(data)), *([data] if data else []))

    @staticmethod
    def response(request: bytes, kind: int, byte_count: int) -> bytes:
        head = request[:16] + struct.pack("<QQH6x", byte_count, struct.unpack("<Q", request[24:32])[0], kind)
        return head + request[40:80]

    @staticmethod
    def _object_id(header: bytes) -> bytes:
        return b"".join(header[start : start + 8][::-1] for start in range(48, 80, 8))


class Stage:
    """Scheduler, storage and client in one: registers every manager and worker, and keeps all that they say."""

    def __init__(self, workers: int = 1, backend: str = BACKEND, scheduler_port: int = 0):
        self.wanted_workers = workers
        self.backend = backend
        #: by the name of the message
        self.heard: dict[str, list[Heard]] = defaultdict(list)
        self.client = b"Client|stage|" + b"0" * 32
        #: while set, no heartbeat is echoed
        self.is_silent = False
        self._change = threading.Condition()
        self.storage = StagedStorage()
        kind = YMQListener if backend == "ymq" else ZMQListener
        self.listener = kind(b"1|scheduler|stage", self._received, port=scheduler_port)
        self.storage.put(self.object_id(b"serializer"), DEFAULT_SERIALIZER)
        self._count = 0

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.listener.port}"

    def close(self) -> None:
        self.listener.close()
        self.storage.close()

    # What the stage's client does.

    def object_id(self, name: bytes, client: bytes | None = None) -> bytes:
        return hashlib.md5(client or self.client).digest() + hashlib.md5(name).digest()

    def task(self, function: Any, *arguments: Any) -> StagedTask:
        """Stores function and arguments; the task is sent with `submit`."""
        self._count += 1
        name = b"%d" % self._count
        stored = StagedTask(hashlib.md5(name).digest(), self.object_id(b"function" + name))
        self.storage.put(stored.function, cloudpickle.dumps(function, protocol=5))
        for place, value in enumerate(arguments):
            data = cloudpickle.dumps(value, protocol=5)
            stored.arguments.append(self.storage.put(self.object_id(b"argument %d of " % place + name), data))
        return stored

    def submit(
        self, task: StagedTask, worker: bytes | None = None, flags: bytes = b"", client: bytes | None = None
    ) -> None:
        self.send(self.task_message(task, flags, client), worker)

    def task_message(self, task: StagedTask, flags: bytes = b"", client: bytes | None = None) -> Any:
        from scaler.protocol.capnp import Task

        # Plain bytes, for Scaler's own types of identifiers would refuse what a test may want to send.
        return Task(
            taskId=task.task_id,
            source=client or self.client,
            metadata=flags,
            funcObjectId=task.function,
            functionArgs=[
                Task.Argument(type=Task.Argument.ArgumentType.objectID, data=argument) for argument in task.arguments
            ],
            capabilities=[],
        )

    def cancel(self, task: StagedTask, force: bool, worker: bytes | None = None) -> None:
        from scaler.protocol.capnp import TaskCancel
        from scaler.utility.identifiers import TaskID

        flags = TaskCancel.TaskCancelFlags(force=force)
        self.send(TaskCancel(taskId=TaskID(task.task_id), flags=flags), worker)

    def delete_objects(self, object_ids: list[bytes], worker: bytes | None = None) -> None:
        from scaler.protocol.capnp import ObjectInstruction, ObjectMetadata
        from scaler.utility.identifiers import ClientID, ObjectID

        metadata = ObjectMetadata(objectIds=[ObjectID(name) for name in object_ids], objectTypes=[], objectNames=[])
        kind = ObjectInstruction.ObjectInstructionType.delete
        self.send(ObjectInstruction(instructionType=kind, objectUser=ClientID(b""), objectMetadata=metadata), worker)

    def send(self, message: Any, worker: bytes | None = None) -> None:
        self.send_bytes(encoded(message), worker)

    def send_bytes(self, data: bytes, worker: bytes | None = None) -> None:
        self.listener.send(worker or self.worker(), data)

    # What the manager and its workers said.

    def worker(self, number: int = 0) -> bytes:
        """The identity of a worker that has not left, the one that has been here longest being number 0."""
        return await_that(lambda: self.present()[number:], 60, "a worker")[0]

    def workers(self) -> list[bytes]:
        return list(dict.fromkeys(said.identity for said in self.all("WorkerHeartbeat")))

    def present(self) -> list[bytes]:
        """The identities of the workers that have not left, in the order of their registration."""
        gone = {said.identity for name in GOODBYES for said in self.all(name)}
        staying = [worker for worker in self.workers() if worker not in gone]
        if not isinstance(self.listener, YMQListener):
            return staying
        return [worker for worker in staying if worker in self.listener.peers]

    def manager(self) -> bytes:
        return await_that(lambda: self.all("WorkerManagerHeartbeat"), 60, "a manager")[-1].identity

    def all(self, kind: str, task: StagedTask | None = None) -> list[Heard]:
        said = list(self.heard[kind])
        if task is None:
            return said
        return [heard for heard in said if bytes(heard.message.taskId) == task.task_id]

    def await_one(self, kind: str, task: StagedTask | None = None, seconds: float = 60, count: int = 1) -> Heard:
        deadline = time.monotonic() + seconds
        with self._change:
            while len(self.heard[kind]) < count or len(found := self.all(kind, task)) < count:
                if not self._change.wait(deadline - time.monotonic()):
                    raise AssertionError(f"waited {seconds} s in vain for a {kind}; heard {self._summary()}")
        return found[count - 1]

    def confirm_of(self, task: StagedTask, seconds: float = 60, count: int = 1) -> str:
        """How the last cancel of a task was answered."""
        return self.await_one("TaskCancelConfirm", task, seconds, count).message.cancelConfirmType.name

    def result_of(self, task: StagedTask, seconds: float = 60) -> Any:
        """The value of a task that succeeded."""
        result = self.await_one("TaskResult", task, seconds).message
        data = self.storage.objects[bytes(result.results[0])]
        if result.resultType.name != "success":
            raise cloudpickle.loads(data)
        return cloudpickle.loads(data)

    def _summary(self) -> dict[str, int]:
        return {name: len(said) for name, said in self.heard.items()}

    def _received(self, peer: Any, data: bytes) -> None:
        from scaler.protocol import capnp

        try:
            message = decoded(data)
        except Exception:  # noqa: BLE001 - a heartbeat of another generation
            return
        with self._change:
            self.heard[type(message).__name__].append(Heard(time.monotonic(), peer.identity, message))
            self._change.notify_all()
        if self.is_silent:
            return
        if isinstance(message, capnp.WorkerHeartbeat):
            self.listener.send(peer.identity, encoded(self._echo()))
        elif isinstance(message, capnp.WorkerManagerHeartbeat):
            self.listener.send(peer.identity, encoded(capnp.WorkerManagerHeartbeatEcho()))
            request = capnp.WorkerManagerCommand.DesiredTaskConcurrencyRequest(
                taskConcurrency=self.wanted_workers * message.maxTaskConcurrency, capabilities=[]
            )
            command = capnp.WorkerManagerCommand(setDesiredTaskConcurrencyRequests=[request])
            self.listener.send(peer.identity, encoded(command))

    def _echo(self) -> Any:
        from scaler.protocol.capnp import ObjectStorageAddress, WorkerHeartbeatEcho

        address = ObjectStorageAddress(host="127.0.0.1", port=self.storage.port, scheme="tcp")
        return WorkerHeartbeatEcho(objectStorageAddress=address)


class StagedCluster(Cluster):
    """A local OCI and the daemon, with a stage in place of scheduler and storage."""

    def __init__(self, options: Options, workers: int = 1):
        super().__init__(options)
        self.stage = Stage(workers, options.backend)
        self.scheduler_port, self.storage_port = self.stage.listener.port, self.stage.storage.port

    def start(self) -> None:
        self.start_emulator()
        self.daemon = self.start_daemon()
        self.stage.worker()

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self.stage.close()


class StageTestCase(KindTestCase):
    """Tests that play the scheduler; `options` are the cluster's, and each class has one daemon."""

    workers = 1
    cluster: StagedCluster
    stage: Stage

    @classmethod
    def setUpClass(cls) -> None:
        cls.cluster = StagedCluster(Options(backend=BACKEND, **cls.options), cls.workers)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
        cls.stage = cls.cluster.stage

    def assert_daemon_works(self) -> None:
        """The daemon lives and runs a task."""
        task = self.stage.task(square, 7)
        worker = await_that(self.stage.present, 60, "a worker")[-1]
        self.stage.submit(task, worker)
        self.assertEqual(self.stage.result_of(task), 49)


def square(number):
    return number * number


travels(__name__)
