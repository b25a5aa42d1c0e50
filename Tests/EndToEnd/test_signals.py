# SPDX-License-Identifier: Apache-2.0
"""What the daemon makes of signals, of a log that nobody reads, and of what it inherits at its start."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import cloudpickle
from support import BACKEND, Cluster, Options, await_that, connect

cloudpickle.register_pickle_by_value(sys.modules[__name__])

#: What orders nothing and would end a process that has not thought of it.
MEANINGLESS = (
    *(signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO, signal.SIGPWR, signal.SIGXCPU),
    *(signal.SIGXFSZ, signal.SIGPIPE, signal.SIGRTMIN, signal.SIGRTMAX),
)
#: As long as a signal to stop that comes again is the same wish.
COPY_SECONDS = 2
F_SETPIPE_SZ = 1031


def sleep_then(seconds, value):
    time.sleep(seconds)
    return value


@unittest.skipIf(BACKEND == "ymq", "the same over either transport")
class SignalTestCase(unittest.TestCase):
    emulator = ["--fast", "--runtime", "pool"]

    @classmethod
    def setUpClass(cls) -> None:
        # A shell lets what it starts in the background ignore these two, and the daemon would keep to that.
        for number, action in ((signal.SIGQUIT, signal.SIG_DFL), (signal.SIGINT, signal.default_int_handler)):
            cls.addClassCleanup(signal.signal, number, signal.signal(number, action))

    def setUp(self) -> None:
        self.cluster = Cluster(Options(backend=BACKEND, emulator=self.emulator))
        self.addCleanup(self.cluster.stop)

    def start(self, *arguments: str) -> None:
        self.cluster.options.daemon = list(arguments)
        self.cluster.start()
        self.daemon = self.cluster.daemon

    def start_otherwise(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Ends the daemon and starts it again with other surroundings, which `subprocess.Popen` takes."""
        before = self.daemon
        before.stop()
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **options}
        environment = {**os.environ, **self.cluster.environment}
        command = before.process.args
        assert isinstance(command, list)
        process: subprocess.Popen[bytes] = subprocess.Popen([*command, *arguments], env=environment, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def run_tasks(self, count: int) -> None:
        """Has tasks run that do not end, each in its container."""
        self.client = connect(self.cluster)
        self.addCleanup(self.client.disconnect)
        before = self.cluster.report()["tasks"]["run"]
        self.futures = [self.client.submit(sleep_then, 600, number) for number in range(count)]
        await_that(lambda: self.cluster.report()["tasks"]["run"] >= before + count, 60, "the containers to start")

    def left(self) -> int:
        return self.cluster.report()["instances"]["left"]

    def await_log(self, path: Path, text: str, count: int = 1) -> None:
        await_that(lambda: path.exists() and path.read_text().count(text) >= count, 30, f"{text!r} in {path}")

    def log_path(self, name: str) -> Path:
        return self.cluster.directory / name


class Stops(SignalTestCase):
    def test_one_wish_that_is_delivered_twice_is_one_wish(self):
        self.start()
        self.run_tasks(3)
        self.cluster.set_faults("DeleteContainerInstance delay seconds=0.5 by=user")
        # As `timeout` does: the process, then its group.
        os.kill(self.daemon.pid, signal.SIGTERM)
        self.daemon.await_output("signal received")
        os.killpg(self.daemon.pid, signal.SIGTERM)
        self.assertEqual(self.daemon.process.wait(30), 0)
        self.assertEqual(self.left(), 0)

    def test_a_second_wish_ends_at_once(self):
        self.start()
        self.run_tasks(1)
        self.cluster.set_faults("DeleteContainerInstance 503 by=user")
        self.daemon.process.send_signal(signal.SIGTERM)
        time.sleep(COPY_SECONDS + 0.1)
        self.assertEqual(self.daemon.stop(signal.SIGINT, 5), 128 + signal.SIGINT)
        self.assertIn("second signal; leaving at once", self.daemon.output())

    def test_quit_tells_of_every_task_and_then_stops_in_order(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_otherwise("--logging-level", "WARNING", "--logging-paths", str(log))
        self.run_tasks(2)
        process.send_signal(signal.SIGQUIT)
        self.assertEqual(process.wait(30), 0)
        lines = [line for line in log.read_text().splitlines() if "state of a task" in line]
        self.assertEqual(len(lines), 2)
        self.assertTrue(all("state=running" in line and "instance=ocid1" in line for line in lines), lines)
        self.assertEqual(self.left(), 0)

    def test_deletions_keep_up_with_the_number_of_instances(self):
        self.start("--stop-timeout-seconds", "8")
        self.run_tasks(40)
        # Four at a time, these would take ten seconds.
        self.cluster.set_faults("DeleteContainerInstance delay seconds=1 by=user")
        began = time.monotonic()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertLess(time.monotonic() - began, 8)
        self.assertEqual(self.left(), 0)

    def test_what_stays_is_named_and_the_exit_code_says_so(self):
        self.start("--stop-timeout-seconds", "2")
        self.run_tasks(3)
        self.cluster.set_faults("DeleteContainerInstance 503 by=user")
        self.assertEqual(self.daemon.stop(), 75)
        output = self.daemon.output()
        self.assertIn("instances=3", output)
        self.assertEqual(output.count("an instance stays in the cloud"), 3, self.daemon.tail())
        self.assertEqual(self.left(), 3)


class OtherSignals(SignalTestCase):
    def test_what_has_no_meaning_ends_nothing(self):
        self.start()
        for number in MEANINGLESS:
            self.daemon.process.send_signal(number)
        client = connect(self.cluster)
        self.addCleanup(client.disconnect)
        self.assertEqual(client.submit(sleep_then, 0, "alive").result(timeout=30), "alive")

    def start_while_refused(self, log: Path) -> subprocess.Popen[bytes]:
        """A daemon that waits for OCI, and has asked for something."""
        self.daemon.stop()
        self.cluster.set_faults("* 503 by=user")
        process = self.start_otherwise("--logging-paths", str(log), start_new_session=True)
        await_that(lambda: self.cluster.report()["faults"], 30, "the daemon to ask OCI")
        return process

    def test_no_signal_but_those_that_stop_ends_a_start(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_while_refused(log)
        for number in (*MEANINGLESS, signal.SIGUSR1, signal.SIGHUP):
            process.send_signal(number)
        self.await_log(log, "log files opened anew")
        self.cluster.set_faults()
        self.await_log(log, "registered with the scheduler")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_quit_ends_a_start_in_order(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_while_refused(log)
        process.send_signal(signal.SIGQUIT)
        self.assertEqual(process.wait(30), 0)

    def test_no_signal_but_those_that_stop_ends_a_stop(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_otherwise("--logging-paths", str(log), start_new_session=True)
        self.run_tasks(2)
        self.cluster.set_faults("DeleteContainerInstance delay seconds=2 by=user")
        process.send_signal(signal.SIGTERM)
        self.await_log(log, "deleting every instance before leaving")
        for number in (*MEANINGLESS, signal.SIGUSR1, signal.SIGHUP):
            process.send_signal(number)
        self.assertEqual(process.wait(30), 0)
        self.assertIn("log files opened anew", log.read_text())
        self.assertEqual(self.left(), 0)

    def test_usr1_writes_the_state_of_every_task_into_the_log(self):
        self.start()
        self.run_tasks(2)
        self.daemon.process.send_signal(signal.SIGUSR1)
        self.daemon.await_output(r"state of a task .*state=running", count=2)
        self.daemon.await_output(r"state of the manager .*tasks=2")

    def test_hup_without_a_terminal_opens_the_log_anew_and_reads_the_credentials(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_otherwise("--logging-paths", str(log), start_new_session=True)
        self.await_log(log, "registered with the scheduler")
        rotated = log.rename(log.with_suffix(".1"))
        process.send_signal(signal.SIGHUP)
        self.await_log(log, "credentials read again")
        self.assertNotIn("credentials read again", rotated.read_text())
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_hup_of_a_terminal_that_closes_stops_in_order(self):
        self.start()
        log = self.log_path("own.log")
        terminal, other = pty.openpty()

        def take_terminal() -> None:
            fcntl.ioctl(other, termios.TIOCSCTTY, 0)

        process = self.start_otherwise(
            "--logging-paths",
            str(log),
            start_new_session=True,
            preexec_fn=take_terminal,
            pass_fds=[other],
        )
        os.close(other)
        self.await_log(log, "registered with the scheduler")
        self.run_tasks(1)
        os.close(terminal)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.left(), 0)

    def test_a_signal_that_was_ignored_at_the_start_stays_ignored(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_otherwise(
            "--logging-paths",
            str(log),
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
        )
        self.await_log(log, "registered with the scheduler")
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGUSR1)
        self.await_log(log, "state of the manager")
        self.assertNotIn("opened anew", log.read_text())

    def test_a_signal_that_was_blocked_at_the_start_is_obeyed(self):
        self.start()
        log = self.log_path("own.log")
        process = self.start_otherwise(
            "--logging-paths",
            str(log),
            start_new_session=True,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals()),
        )
        self.run_tasks(1)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(self.left(), 0)


class Names(SignalTestCase):
    def test_a_second_process_ends_and_names_the_first(self):
        self.start("--stop-timeout-seconds", "0.1")
        second = self.cluster.launch_daemon()
        self.assertEqual(second.process.wait(30), 69)
        self.assertIn(f"process {self.daemon.pid} of user {os.geteuid()}", second.output())
        # The first goes on.
        self.assertIsNone(self.daemon.process.poll())

    @unittest.skipIf(os.geteuid() != 0, "only root can be two users")
    def test_a_stranger_keeps_nobody_down(self):
        self.start()
        owner = self.daemon.await_output(r"ready for the scheduler .*owner=(\w+)").group(1)
        squat = (
            "import socket, sys; holder = socket.socket(socket.AF_UNIX); "
            f"holder.bind('\\0scaler-oci-hpc {owner}'); holder.listen(); print(flush=True); sys.stdin.read()"
        )
        self.daemon.stop()
        program = ["/usr/bin/env", "python3", "-c", squat]
        with subprocess.Popen(program, user=65534, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as stranger:
            assert stranger.stdout is not None and stranger.stdin is not None
            stranger.stdout.readline()
            daemon = self.cluster.start_daemon()
            self.assertIn(f"process {stranger.pid} of user 65534", daemon.output())
            stranger.stdin.close()


class Logs(SignalTestCase):
    def test_a_log_that_nobody_reads_holds_up_nothing(self):
        self.start()
        makers: list[Callable[[], tuple[int, int]]] = [os.pipe, pty.openpty, self.socket_pair]
        for make in makers:
            reader, writer = make()
            if make is os.pipe:
                fcntl.fcntl(writer, F_SETPIPE_SZ, 4096)
            process = self.start_otherwise(
                "--logging-level", "DEBUG", "--heartbeat-interval-seconds", "0.1", stdout=writer, start_new_session=True
            )
            client = connect(self.cluster)
            # Some KiB of lines.
            for _ in range(3):
                numbers = [client.submit(sleep_then, 0, number) for number in range(20)]
                self.assertEqual([number.result(timeout=60) for number in numbers], list(range(20)))
            client.disconnect()
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(20), 0)
            # What the program made of it must not reach others.
            self.assertEqual(fcntl.fcntl(writer, fcntl.F_GETFL) & os.O_NONBLOCK, 0)
            for end in (reader, writer):
                os.close(end)

    @staticmethod
    def socket_pair() -> tuple[int, int]:
        reader, writer = socket.socketpair()
        writer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        return reader.detach(), writer.detach()

    def test_standard_streams_that_are_closed_are_nobody_elses(self):
        self.start()
        log = self.log_path("own.log")

        def close_all() -> None:
            for number in range(3):
                os.close(number)

        process = self.start_otherwise("--logging-paths", str(log), preexec_fn=close_all, start_new_session=True)
        self.await_log(log, "registered with the scheduler")
        targets = [os.readlink(f"/proc/{process.pid}/fd/{number}") for number in range(3)]
        self.assertEqual(targets, ["/dev/null"] * 3)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)


class Leavings(SignalTestCase):
    def test_a_status_socket_can_be_had_again_after_a_crash_and_goes_at_the_end(self):
        path = self.log_path("status.sock")
        self.start("--status-address", f"unix:{path}")
        self.cluster.kill_daemon()
        self.assertTrue(path.exists())
        daemon = self.cluster.start_daemon()
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(path))
            probe.sendall(b"GET /livez HTTP/1.1\r\n\r\n")
            self.assertIn(b"200 OK", probe.recv(1024))
        self.assertEqual(daemon.stop(), 0)
        self.assertFalse(path.exists())

    def test_a_subcommand_leaves_no_key_in_a_core_file(self):
        self.cluster.start_emulator()
        command = [
            str(self.daemon_path()),
            "list-ads",
            "--compartment-id",
            self.cluster.environment["OCI_COMPARTMENT_ID"],
        ]
        self.cluster.set_faults("* delay seconds=20")
        waiting = [sys.executable, "-c", "print('waiting', flush=True); input()"]
        if not self.dumps_core(waiting, lambda output: output.readline()):
            self.skipTest("this machine writes no core files at all")
        self.assertFalse(self.dumps_core(command, lambda _: self.cluster.report()["faults"]))

    @staticmethod
    def daemon_path() -> Path:
        from cluster import DAEMON

        return DAEMON

    def dumps_core(self, command: list[str], is_at_work: Callable[[IO[bytes]], Any]) -> bool:
        """Whether a core file is made of a program that a signal ends while it works."""
        with tempfile.TemporaryDirectory() as directory:
            process = subprocess.Popen(
                command,
                cwd=directory,
                # Else Swift catches the signal where an environment asks for that.
                env={**os.environ, **self.cluster.environment, "SWIFT_BACKTRACE": "enable=no"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
            output = process.stdout
            assert output is not None
            limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
            resource.prlimit(process.pid, resource.RLIMIT_CORE, (limit, limit))
            await_that(lambda: is_at_work(output) or process.poll() is not None, 30, "the program to work")
            process.send_signal(signal.SIGSEGV)
            _, status = os.waitpid(process.pid, 0)
            process.returncode = status
            said, _ = process.communicate()
            self.assertTrue(os.WIFSIGNALED(status), said)
            return os.WCOREDUMP(status)


if __name__ == "__main__":
    unittest.main()
