# SPDX-License-Identifier: Apache-2.0
"""A warm process that forks once per container: the job runner without exec and without imports.

Run as `python fork_server.py JOB_RUNNER` with a socket as standard input. One JSON object a line:
in  {"start": n, "directory", "log", "environment", "limits": [[name, soft, hard]], "cpus": [..] | null}
out {"started": n, "pid": p}, later {"ended": n, "code": c}.
Single-threaded by design: forking a process that has threads would copy their locks, locked.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
from typing import Any


def warm_up(load_key: Any) -> None:
    """Do once what libraries make ready at its first use: a signature, and the beginning of a TLS handshake."""
    import ssl

    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem = rsa.generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    load_key(pem, None).sign(b"", padding.PKCS1v15(), SHA256())
    link = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        link.do_handshake()
    socket.getaddrinfo("127.0.0.1", 0)


def preload(job_runner: str) -> Any:
    """Import what every task needs, once; gc.freeze keeps the shared pages shared."""
    sys.path.insert(0, os.path.dirname(job_runner))
    import encodings.idna  # noqa: F401
    import gzip  # noqa: F401
    import importlib.util  # noqa: F401
    import pickle  # noqa: F401
    import platform  # noqa: F401
    import tempfile  # noqa: F401
    import threading  # noqa: F401
    import traceback  # noqa: F401

    import cloudpickle  # noqa: F401

    import job_runner as module
    import oci_object_storage  # noqa: F401
    import oci_principal

    warm_up(oci_principal.load_key)
    gc.collect()
    gc.freeze()
    return module


def become_container(request: dict[str, Any], module: Any, in_session: int) -> None:
    """The forked child's life: a session, a directory, an environment and a log of its own.

    Closes `in_session` once the session is there: only then can a signal to its group reach it.
    """
    code = 70
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        os.close(in_session)
        os.chdir(request["directory"])
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.closerange(3, 1024)
        os.environ.clear()
        os.environ.update(request["environment"])
        for name, soft, hard in request["limits"]:
            resource.setrlimit(name, (soft, hard))
        if request["cpus"]:
            os.sched_setaffinity(0, request["cpus"])
        code = module.run(os.environ)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


class ForkServer:
    def __init__(self, control: socket.socket, module: Any) -> None:
        self.control = control
        self.module = module
        self.names: dict[int, int] = {}

    def tell(self, **message: Any) -> None:
        self.control.sendall(json.dumps(message).encode() + b"\n")

    def start(self, line: bytes) -> None:
        request = json.loads(line)
        heard, in_session = os.pipe()
        pid = os.fork()
        if pid == 0:
            become_container(request, self.module, in_session)
        os.close(in_session)
        os.read(heard, 1)  # the end of file says that a kill of the group is not lost
        os.close(heard)
        self.names[pid] = request["start"]
        self.tell(started=request["start"], pid=pid)

    def reap(self) -> None:
        """Look first, end what the dead one left in its session, and only then free its number."""
        while self.names:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if found is None:
                return
            pid = found.si_pid
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            code = os.waitstatus_to_exitcode(status)
            self.tell(ended=self.names.pop(pid), code=code if code >= 0 else 128 - code)

    def serve(self) -> None:
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_read, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the emulator, which then closes our socket
        buffer = b""
        while True:
            ready, _, _ = select.select([self.control.fileno(), wake_read], [], [])
            if wake_read in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(wake_read, 4096)
                self.reap()
            if self.control.fileno() in ready:
                data = self.control.recv(1 << 20)
                if not data:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.start(line)
        for pid in self.names:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    ForkServer(socket.socket(fileno=os.dup(0)), preload(sys.argv[1])).serve()
