#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Run one Scaler task inside one OCI container and store its outcome in Object Storage.

The contract is a handful of environment variables:

    TASK_ID         task id (hex); names the result object
    OCI_NAMESPACE   Object Storage namespace
    OCI_BUCKET      bucket
    OCI_PREFIX      prefix; the result goes to <OCI_PREFIX>/results/<TASK_ID>.pkl
    OCI_OBJECT_KEY  object that holds the payload, or "none" when it is inline
    PAYLOAD_B64     the payload in base64, when it is inline
    COMPRESSED      "1" when the payload is gzipped

The payload is a pickle of {"task_id", "function", "arguments"}; the result is the pickle of
function(*arguments), gzipped when over 4096 bytes. Whatever goes wrong is told by a pickled dict of
strings and booleans only, so that its reader needs no unpickler:
{"_scaler_container_error": True, "error", "traceback", "kind", "exit_code", "signal", "stderr_tail"}.

Two processes, because a task can take its interpreter with it (a segmentation fault in a native
module, os._exit, the kernel's OOM killer). The *child* loads the payload, runs it and pickles the
value; the *parent* never unpickles anything, outlives the child, and stores either the value or the
most helpful account it can give of why there is none.

Every container is a cold start, so the OCI SDK (0.3 s and 50 MB to import) stays out: three signed
HTTP requests need only http.client, ssl and one RSA signature. Modules are imported where they are
used: while the child imports the user's modules, the parent imports ssl.

The input object is not deleted here: as long as the result is not stored the task must be
runnable again. Whoever launched the container deletes it.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

COMPRESSION_THRESHOLD_BYTES = 4096
STDERR_TAIL_BYTES = 8192
SPOOL_BYTES = 8 << 20  # an outcome beyond this waits in a temporary file, not in memory
PIPE_READ_BYTES = 1 << 18
SUCCESS, FAILURE = b"S", b"F"


def log(message: str) -> None:
    """One line on stdout: the container's log is the only place where anybody can see it."""
    print(f"job-runner: {message}", flush=True)


def text_of(error: BaseException) -> str:
    """`str(error)` may be empty or may itself raise; neither may cost us the report."""
    try:
        detail = str(error)
    except Exception:  # noqa: BLE001 - a user's __str__ can do anything
        detail = "(its __str__ failed)"
    return f"{type(error).__name__}: {detail}" if detail else type(error).__name__


def error_pickle(kind: str, error: str, **details: str | None) -> bytes:
    """The pickled account of a failure; only str, bool and None may be in it."""
    import pickle

    report: dict[str, Any] = {"_scaler_container_error": True, "kind": kind, "error": error}
    for name in ("traceback", "exit_code", "signal", "stderr_tail"):
        report[name] = details.get(name)
    report["traceback"] = report["traceback"] or ""
    return pickle.dumps(report, protocol=5)


def compressed(data: bytes) -> bytes:
    """Gzip at level 1 beyond the threshold: the link to Object Storage is faster than level 9."""
    if len(data) <= COMPRESSION_THRESHOLD_BYTES:
        return data
    import gzip

    return gzip.compress(data, compresslevel=1, mtime=0)


# MARK: the child


def execute(payload: bytes, is_compressed: bool) -> tuple[bytes, bytes]:
    """Load and run the payload. Returns (SUCCESS or FAILURE, pickle)."""
    import traceback

    stage = "load"
    try:
        import cloudpickle

        if is_compressed:
            import gzip

            payload = gzip.decompress(payload)
        task = cloudpickle.loads(payload)
        del payload
        function, arguments = task["function"], task["arguments"]
        del task
        stage = "task"
        value = function(*arguments)
        stage = "result"
        return SUCCESS, compressed(cloudpickle.dumps(value))
    except SystemExit as error:
        message = f"the task called sys.exit({error.code!r})"
        kind = "exit"
        code: str | None = str(error.code if isinstance(error.code, int) else 0 if error.code is None else 1)
    except BaseException as error:  # noqa: BLE001 - whatever a task raises is an outcome, not our failure
        kind, code = {"load": "load", "task": "exception", "result": "result"}[stage], None
        prefix = {
            "load": "the payload could not be loaded in the container: ",
            "task": "",
            "result": "the task's result cannot be pickled: ",
        }[stage]
        message = prefix + text_of(error)
    return FAILURE, compressed(error_pickle(kind, message, traceback=traceback.format_exc(), exit_code=code))


def child_main(payload: list[bytes], is_compressed: bool, outcome_fd: int, stderr_fd: int) -> None:
    """The child's whole life. Never returns: os._exit skips the parent's own clean-up handlers."""
    import signal

    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.dup2(stderr_fd, 2)
        os.close(stderr_fd)
        try:
            # When memory runs out the kernel shall take this process and leave the one that reports it.
            with open("/proc/self/oom_score_adj", "w") as score:
                score.write("1000")
        except OSError:
            pass
        mark, data = execute(payload.pop(), is_compressed)
        sys.stdout.flush()
        sys.stderr.flush()
        view = memoryview(mark + len(data).to_bytes(8, "big") + data)
        while view:
            view = view[os.write(outcome_fd, view[: 1 << 20]) :]
        os._exit(0)
    except BaseException:  # noqa: BLE001
        os._exit(70)


# MARK: the parent


class Outcome:
    """Collects `mark, 8 bytes of length, data` from the child; big data goes to an unlinked file."""

    def __init__(self) -> None:
        self.head = bytearray()
        self.received = 0
        self.memory = bytearray()
        self.file: Any = None

    def feed(self, data: bytes) -> None:
        need = 9 - len(self.head)
        if need > 0:
            self.head += data[:need]
            data = data[need:]
        self.received += len(data)
        if self.file is None and self.received > SPOOL_BYTES:
            import tempfile

            self.file = tempfile.TemporaryFile()  # noqa: SIM115 - kept for as long as the output is
            self.file.write(self.memory)
            self.memory = bytearray()
        if self.file is None:
            self.memory += data
        else:
            self.file.write(data)

    @property
    def is_complete(self) -> bool:
        return len(self.head) == 9 and self.received == int.from_bytes(self.head[1:], "big")

    @property
    def is_success(self) -> bool:
        return self.head[:1] == SUCCESS

    def body(self) -> Any:
        """Bytes, or a file that can be read again from its start."""
        return bytes(self.memory) if self.file is None else self.file


def show(data: bytes) -> None:
    """Pass the task's stderr on to the container's log; a log that cannot be written is no reason to fail."""
    with contextlib.suppress(OSError):
        os.write(2, data)


def supervise(pid: int, outcome_fd: int, stderr_fd: int) -> tuple[int, Outcome, bytes]:
    """Read the child's outcome and stderr until it has ended.

    End-of-file is no sign of the end: a grandchild may hold the pipes open for ever. What counts is
    the child itself, so its pidfd is polled too (and where there is none, waitpid twenty times a
    second), and after its end only what is already in the pipes is read.
    """
    import select

    outcome, tail, poller = Outcome(), bytearray(), select.poll()
    closed: set[int] = set()
    for descriptor in (outcome_fd, stderr_fd):
        os.set_blocking(descriptor, False)
        poller.register(descriptor, select.POLLIN)
    try:
        pidfd = os.pidfd_open(pid)
        poller.register(pidfd, select.POLLIN)
    except OSError:
        pidfd = -1

    def drain(descriptor: int) -> None:
        while True:
            try:
                data = os.read(descriptor, PIPE_READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                poller.unregister(descriptor)
                closed.add(descriptor)
                return
            if descriptor == outcome_fd:
                outcome.feed(data)
            else:
                show(data)
                tail.extend(data)
                del tail[:-STDERR_TAIL_BYTES]

    status: int | None = None
    while status is None:
        events = poller.poll(1000 if pidfd >= 0 else 50)
        for descriptor, _ in events:
            if descriptor != pidfd:
                drain(descriptor)
        if pidfd < 0 or any(descriptor == pidfd for descriptor, _ in events):
            ended, raw = os.waitpid(pid, os.WNOHANG)
            status = os.waitstatus_to_exitcode(raw) if ended else None
    for descriptor in (outcome_fd, stderr_fd):
        if descriptor not in closed:
            drain(descriptor)
        os.close(descriptor)
    if pidfd >= 0:
        os.close(pidfd)
    return status, outcome, bytes(tail)


def death_report(status: int, tail: bytes) -> bytes:
    """Why a child that left no outcome is gone, in words a user can act on."""
    import signal

    stderr_tail = tail.decode("utf-8", "replace")
    if status >= 0:
        message = (
            f"the task ended its process with exit code {status} instead of returning a value"
            " (os._exit, or a native library that calls exit)"
        )
        return error_pickle("exit", message, exit_code=str(status), stderr_tail=stderr_tail)
    python = "{}.{}".format(*sys.version_info[:2])
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = {
        "SIGKILL": "most likely the container ran out of memory: ask for more instance memory",
        "SIGSEGV": f"a crash in native code, or code that another version of Python than {python} compiled",
        "SIGBUS": "a crash in native code, or a full disk behind a mapped file",
        "SIGABRT": "native code gave up (abort)",
        "SIGXCPU": "the CPU limit of the container",
    }.get(name, "sent from outside, or by the task itself")
    message = f"the task's process was killed by {name} (exit code {128 - status}): {hint}"
    return error_pickle("signal", message, exit_code=str(128 - status), signal=name, stderr_tail=stderr_tail)


class Stop:
    """SIGTERM means that the instance is being deleted: end the task, store nothing, exit.

    As PID 1 a process without a handler would ignore SIGTERM altogether.
    """

    def __init__(self) -> None:
        import signal

        self.child: int | None = None
        self.signal: int | None = None
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def _stop(self, number: int, _frame: Any) -> None:
        import signal

        if self.child is None:
            os._exit(128 + number)
        self.signal = number
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, signal.SIGKILL)


def run_child(payload: list[bytes], is_compressed: bool, stop: Stop) -> tuple[bool, Any]:
    """Fork, run, report. Returns (did the task succeed, what to store)."""
    outcome_read, outcome_write = os.pipe()
    stderr_read, stderr_write = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(outcome_read)
        os.close(stderr_read)
        child_main(payload, is_compressed, outcome_write, stderr_write)
    stop.child = pid
    payload.clear()  # the child has its own copy; ours would only add to the memory peak
    os.close(outcome_write)
    os.close(stderr_write)
    import oci_object_storage  # noqa: F401 - while the child works, get ready for what comes after it

    status, outcome, tail = supervise(pid, outcome_read, stderr_read)
    stop.child = None
    if outcome.is_complete:
        return outcome.is_success, outcome.body()
    return False, compressed(death_report(status, tail))


def setting(environment: Mapping[str, str], name: str) -> str | None:
    """A variable's value; unset, empty and "none" all mean that there is none."""
    value = environment.get(name, "")
    return None if value.lower() in ("", "none") else value


def load_payload(environment: Mapping[str, str], storage: Any) -> tuple[bytes, bool]:
    """The payload as it was stored, and whether it is gzipped."""
    is_compressed = environment.get("COMPRESSED", "0") == "1"
    inline = environment.get("PAYLOAD_B64", "")
    if inline:
        import binascii

        return binascii.a2b_base64(inline), is_compressed
    key = setting(environment, "OCI_OBJECT_KEY")
    if key is None:
        raise ValueError("there is no payload: neither PAYLOAD_B64 nor OCI_OBJECT_KEY is set")
    payload = storage().get(key)
    return payload, is_compressed or key.endswith(".gz")


def failure_report(kind: str, what: str, error: BaseException) -> bytes:
    """The report of something that went wrong in the runner itself."""
    import traceback

    return compressed(error_pickle(kind, f"{what}: {text_of(error)}", traceback=traceback.format_exc()))


def run(environment: Mapping[str, str]) -> int:
    """Run the one task that `environment` describes; returns the exit code of the container.

    0: result stored; 1: the task failed and the account of it is stored; 74: nothing could be stored;
    143 (128 + SIGTERM): told to stop. In the last case nothing is stored, since whoever deletes the
    instance does not wait for a result, and an object that nobody waits for is litter.
    """
    began = time.monotonic()
    task_id = setting(environment, "TASK_ID") or "unknown"
    stop = Stop()
    client: list[Any] = []

    def storage() -> Any:
        if not client:
            import oci_object_storage

            client.append(oci_object_storage.Bucket.from_environment(environment))
        return client[0]

    log(f"task {task_id}: starting")
    try:
        payload, is_compressed = load_payload(environment, storage)
    except Exception as error:  # noqa: BLE001 - the caller learns of it through the stored report
        succeeded, body = False, failure_report("payload", "the payload could not be fetched", error)
    else:
        holder = [payload]
        del payload
        try:
            succeeded, body = run_child(holder, is_compressed, stop)
        except OSError as error:
            succeeded, body = False, failure_report("runner", "the task's process could not be started", error)
    if stop.signal is not None:
        log(f"task {task_id}: told to stop by signal {stop.signal}, nothing stored")
        return 128 + stop.signal
    prefix = setting(environment, "OCI_PREFIX") or "scaler-tasks"
    try:
        storage().put(f"{prefix}/results/{task_id}.pkl", body)
    except Exception as error:  # noqa: BLE001
        log(f"task {task_id}: its outcome could not be stored: {text_of(error)}")
        return 74
    seconds = time.monotonic() - began
    log(f"task {task_id}: {'succeeded' if succeeded else 'failed'} after {seconds:.3f} s")
    return 0 if succeeded else 1


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    sys.exit(run(os.environ))
