# SPDX-License-Identifier: Apache-2.0
"""Container Instances over the wire, with real processes behind it, in both runtimes."""

from __future__ import annotations

import gzip
import json
import pickle
import subprocess
import sys
import unittest
from typing import TYPE_CHECKING, Any

import cloudpickle
from support import COMMAND, Client, EmulatorProcess, process_is_alive


def payload(function: Any, *arguments: Any) -> bytes:
    return cloudpickle.dumps({"task_id": "00ff", "function": function, "arguments": list(arguments)})


cloudpickle.register_pickle_by_value(sys.modules[__name__])


def square(number: int) -> int:
    return number * number


def write_and_wait() -> None:
    import time

    print("a line on stdout", flush=True)
    time.sleep(60)


def leave_a_grandchild() -> int:
    import subprocess

    return subprocess.Popen(["sleep", "60"]).pid


def crash() -> None:
    import os
    import signal
    import sys as system

    system.stderr.write("last words\n")
    os.kill(os.getpid(), signal.SIGSEGV)


def leave() -> None:
    import os

    os._exit(3)


def fail() -> None:
    raise LookupError("nothing here")


def call_exit() -> None:
    import sys as system

    system.exit(4)


def lock() -> Any:
    import threading

    return threading.Lock()


def eat_memory() -> int:
    return len(bytearray(4 << 30))


class Unloadable:
    def __reduce__(self) -> Any:
        return eval, ("1/0",)


if TYPE_CHECKING:
    Cases = unittest.TestCase
else:  # no test case of its own: each runtime's class is one
    Cases = object


class InstanceCases(Cases):
    runtime = "process"
    emulator: EmulatorProcess
    client: Client

    @classmethod
    def setUpClass(cls) -> None:
        cls.emulator = EmulatorProcess("--fast", "--deleted-visible-seconds", "0.5", "--runtime", cls.runtime)
        cls.client = cls.emulator.client()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.client.connection.close()
        cls.emulator.close()

    def run_task(
        self, data: bytes, task_id: str, body: dict[str, Any] | None = None, **variables: Any
    ) -> tuple[dict[str, Any], Any]:
        """Run one task to its end; returns the container's view and what was stored."""
        body = body or self.client.create_body()
        body["containers"][0]["environmentVariables"] = self.client.task_variables(data, task_id, **variables)
        made = self.client.create(body)
        self.assertLess(made.status, 300, made.body)
        view = self.client.wait_for(made.json["id"], "INACTIVE", "FAILED")
        container = self.client.container(view["containers"][0]["containerId"]).json
        stored = self.client.call("GET", self.client.object_path(f"tasks/owner/results/{task_id}.pkl"))
        self.client.call("DELETE", f"/20210415/containerInstances/{view['id']}")
        if stored.status != 200:
            return container, None
        raw = gzip.decompress(stored.body) if stored.body[:2] == b"\x1f\x8b" else stored.body
        return container, pickle.loads(raw)

    def test_a_task_runs_and_its_result_is_stored(self) -> None:
        container, value = self.run_task(payload(square, 12), "aa01")
        self.assertEqual((container["exitCode"], value), (0, 144))
        self.assertIsNotNone(container["timeTerminated"])

    def test_a_compressed_payload_in_an_object_is_left_there(self) -> None:
        big = gzip.compress(payload(len, "x" * 100_000))
        self.client.call("PUT", self.client.object_path("tasks/owner/inputs/aa02"), big)
        changes: dict[str, Any] = {"OCI_OBJECT_KEY": "tasks/owner/inputs/aa02", "PAYLOAD_B64": "", "COMPRESSED": "1"}
        _, value = self.run_task(b"", "aa02", **changes)
        self.assertEqual(value, 100_000)
        self.assertEqual(self.client.call("HEAD", self.client.object_path("tasks/owner/inputs/aa02")).status, 200)

    def test_a_big_result_is_spooled_and_gzipped(self) -> None:
        _, value = self.run_task(payload(lambda: __import__("os").urandom(20 << 20)), "aa03")
        self.assertEqual(len(value), 20 << 20)

    def test_every_way_to_fail_is_told_apart(self) -> None:
        cases = [
            ("bb01", payload(fail), 1, "exception", "LookupError: nothing here", {}),
            ("bb02", payload(crash), 1, "signal", "SIGSEGV", {"signal": "SIGSEGV", "exit_code": "139"}),
            ("bb03", payload(leave), 1, "exit", "exit code 3", {"exit_code": "3"}),
            ("bb04", payload(call_exit), 1, "exit", "sys.exit(4)", {"exit_code": "4"}),
            ("bb05", payload(lock), 1, "result", "cannot be pickled", {}),
            ("bb06", payload(Unloadable()), 1, "load", "ZeroDivisionError", {}),
            ("bb07", b"no pickle", 1, "load", "could not be loaded", {}),
        ]
        for task_id, data, code, kind, text, details in cases:
            with self.subTest(kind=kind, task=task_id):
                container, stored = self.run_task(data, task_id)
                self.assertEqual(container["exitCode"], code)
                self.assertIs(stored["_scaler_container_error"], True)
                self.assertEqual(stored["kind"], kind)
                self.assertIn(text, stored["error"])
                for name, value in details.items():
                    self.assertEqual(stored[name], value)
                self.assertTrue(all(isinstance(value, (str, bool, type(None))) for value in stored.values()))
        _, stored = self.run_task(payload(crash), "bb08")
        self.assertIn("last words", stored["stderr_tail"])

    def test_a_missing_payload_object_is_told(self) -> None:
        changes: dict[str, Any] = {"OCI_OBJECT_KEY": "tasks/owner/inputs/none-such", "PAYLOAD_B64": ""}
        container, stored = self.run_task(b"", "bb09", **changes)
        self.assertEqual((container["exitCode"], stored["kind"]), (1, "payload"))
        self.assertIn("ObjectNotFound", stored["error"])

    def test_memory_is_limited_to_the_shape(self) -> None:
        body = self.client.create_body(shapeConfig={"ocpus": 1, "memoryInGBs": 1})
        _, stored = self.run_task(payload(eat_memory), "bb10", body)
        self.assertIn("MemoryError", stored["error"])

    def test_logs_and_the_placeholder_exit_code_while_active_and_409_after(self) -> None:
        variables = self.client.task_variables(payload(write_and_wait), "cc01")
        made = self.client.create(self.client.create_body(variables)).json
        view = self.client.wait_for(made["id"], "ACTIVE")
        container_id = view["containers"][0]["containerId"]
        container = self.client.container(container_id).json
        self.assertEqual((container["lifecycleState"], container["exitCode"]), ("ACTIVE", 0))
        logs = f"/20210415/containers/{container_id}/actions/retrieveLogs"
        text = b""
        while b"a line on stdout" not in text:
            answer = self.client.call("POST", logs)
            self.assertEqual(answer.status, 200)
            text = answer.body
        stop = self.client.call("POST", f"/20210415/containerInstances/{made['id']}/actions/stop")
        self.assertLess(stop.status, 300)
        self.client.wait_for(made["id"], "INACTIVE")
        self.assertEqual(self.client.container(container_id).json["exitCode"], 137)
        self.assertEqual(self.client.call("POST", logs).status, 409)
        self.client.call("DELETE", f"/20210415/containerInstances/{made['id']}")

    def test_a_deleted_instance_takes_its_processes_with_it_and_stays_visible_for_a_while(self) -> None:
        variables = self.client.task_variables(payload(write_and_wait), "cc02")
        made = self.client.create(self.client.create_body(variables)).json
        self.client.wait_for(made["id"], "ACTIVE")
        path = f"/20210415/containerInstances/{made['id']}"
        deleted = self.client.call("DELETE", path)
        self.assertIn("opc-work-request-id", deleted.headers)
        self.client.wait_for(made["id"], "DELETED")
        work = self.client.call("GET", f"/20210415/workRequests/{deleted.headers['opc-work-request-id']}").json
        self.assertEqual((work["operationType"], work["status"]), ("DELETE_CONTAINER_INSTANCE", "SUCCEEDED"))
        while self.client.instance(made["id"]).status != 404:
            pass
        self.assertEqual(self.client.call("DELETE", path).json["code"], "NotAuthorizedOrNotFound")
        left = self.client.call("GET", self.client.object_path("tasks/owner/results/cc02.pkl"))
        self.assertEqual(left.status, 404)

    def test_what_a_task_left_running_ends_with_its_container(self) -> None:
        _, pid = self.run_task(payload(leave_a_grandchild), "cc03")
        while process_is_alive(pid):
            with open(f"/proc/{pid}/stat") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    break  # ended; whoever is init here has not reaped it yet

    def test_a_command_of_the_container_s_own_runs_instead_of_the_runner(self) -> None:
        body = self.client.create_body()
        body["containers"][0].update(
            command=["/bin/sh", "-c"], arguments=['test -n "$OCI_RESOURCE_PRINCIPAL_RPST"; exit 7']
        )
        made = self.client.create(body).json
        view = self.client.wait_for(made["id"], "INACTIVE")
        self.assertEqual(self.client.container(view["containers"][0]["containerId"]).json["exitCode"], 7)
        self.client.call("DELETE", f"/20210415/containerInstances/{made['id']}")


class ProcessRuntimeTests(InstanceCases, unittest.TestCase):
    runtime = "process"


class PoolRuntimeTests(InstanceCases, unittest.TestCase):
    runtime = "pool"


class ContractTests(unittest.TestCase):
    """What needs no running task: creation checks, tokens, lists, limits, and the end of the emulator."""

    def setUp(self) -> None:
        self.emulator = EmulatorProcess("--fast", "--instance-limit", "8", "--report")
        self.client = self.emulator.client()
        self.addCleanup(self.emulator.close)
        self.addCleanup(self.client.connection.close)

    def sleeper(self, **changes: Any) -> dict[str, Any]:
        body = self.client.create_body(**changes)
        body["containers"][0]["command"] = ["sleep", "60"]
        return body

    def test_a_retry_token_makes_one_instance_and_checks_the_payload(self) -> None:
        first = self.client.create(self.sleeper(), "token")
        again = self.client.create(self.sleeper(), "token")
        self.assertEqual(first.json["id"], again.json["id"])
        other = self.client.create(self.sleeper(displayName="another"), "token")
        self.assertEqual((other.status, other.json["code"]), (409, "InvalidatedRetryToken"))
        self.assertEqual(self.client.create(self.sleeper(), "x" * 65).status, 400)
        self.client.wait_for(first.json["id"], "ACTIVE")
        self.client.call("DELETE", f"/20210415/containerInstances/{first.json['id']}")
        self.client.wait_for(first.json["id"], "DELETED")
        self.assertEqual(self.client.create(self.sleeper(), "token").json["lifecycleState"], "DELETED")

    def test_bodies_that_oci_would_refuse_are_refused(self) -> None:
        vnic = {"subnetId": "ocid1.subnet.oc1.iad.other"}
        big = self.client.create_body({"X": "y" * 65536})
        cases = [
            (self.sleeper(compartmentId="other"), 404, "NotAuthorizedOrNotFound"),
            (self.sleeper(availabilityDomain="AD-9"), 400, "InvalidParameter"),
            (self.sleeper(shape="CI.None"), 400, "InvalidParameter"),
            (self.sleeper(shapeConfig={"ocpus": 65}), 400, "InvalidParameter"),
            (self.sleeper(shapeConfig={"ocpus": 1, "memoryInGBs": 65}), 400, "InvalidParameter"),
            (self.sleeper(shapeConfig={}), 400, "MissingParameter"),
            (self.client.create_body(containers=[]), 400, "InvalidParameter"),
            (self.sleeper(vnics=[vnic]), 400, "RelatedResourceNotAuthorizedOrNotFound"),
            (self.sleeper(displayName=""), 400, "InvalidParameter"),
            (self.sleeper(nonsense=1), 400, "CannotParseRequest"),
            (self.sleeper(containerRestartPolicy="SOMETIMES"), 400, "InvalidParameter"),
            (big, 400, "InvalidParameter"),
        ]
        for body, status, code in cases:
            answer = self.client.create(body)
            with self.subTest(code=code):
                self.assertEqual((answer.status, answer.json["code"]), (status, code), answer.body)
        self.assertEqual(self.client.call("POST", "/20210415/containerInstances", b"{").status, 400)
        self.assertEqual(self.emulator.report()["instances"]["created"], 0)

    def test_lists_page_through_everything_once_and_filter(self) -> None:
        made = [self.client.create(self.sleeper(displayName=f"n{number}")).json["id"] for number in range(7)]
        compartment = self.client.environment["OCI_COMPARTMENT_ID"]
        base = f"/20210415/containerInstances?compartmentId={compartment}"
        seen, page = [], ""
        while True:
            answer = self.client.call("GET", f"{base}&limit=3{page}")
            seen += [item["id"] for item in answer.json["items"]]
            if "opc-next-page" not in answer.headers:
                break
            page = "&page=" + answer.headers["opc-next-page"]
        self.assertEqual(seen, made[::-1])
        self.assertNotIn("containers", answer.json["items"][0])
        named = self.client.call("GET", f"{base}&displayName=n3").json["items"]
        self.assertEqual([item["id"] for item in named], [made[3]])
        self.assertEqual(self.client.call("GET", f"{base}&lifecycleState=FAILED").json["items"], [])
        self.assertEqual(self.client.call("GET", "/20210415/containerInstances").json["code"], "MissingParameter")
        boxes = self.client.call(
            "GET", f"/20210415/containers?compartmentId={compartment}&containerInstanceId={made[0]}"
        ).json["items"]
        self.assertEqual([box["containerInstanceId"] for box in boxes], [made[0]])

    def test_stopped_instances_count_toward_the_limit_until_deleted(self) -> None:
        body = self.client.create_body()
        body["containers"][0]["command"] = ["true"]
        made = [self.client.create(body).json["id"] for _ in range(8)]
        for identifier in made:
            self.client.wait_for(identifier, "INACTIVE")
        refused = self.client.create(body)
        self.assertEqual((refused.status, refused.json["code"]), (400, "LimitExceeded"))
        self.client.call("DELETE", f"/20210415/containerInstances/{made[0]}")
        self.assertLess(self.client.create(body).status, 300)

    def test_a_domain_has_hardware_for_so_many(self) -> None:
        emulator = EmulatorProcess("--fast", "--domain-capacity", "Uocm:US-ASHBURN-AD-2=1")
        self.addCleanup(emulator.close)
        client = emulator.client()
        self.addCleanup(client.connection.close)
        body = client.create_body(availabilityDomain="Uocm:US-ASHBURN-AD-2")
        self.assertLess(client.create(body).status, 300)
        refused = client.create(body)
        self.assertEqual((refused.status, refused.json["message"]), (500, "Out of host capacity."))
        self.assertLess(client.create(client.create_body()).status, 300)

    def test_restart_policies_are_obeyed(self) -> None:
        body = self.client.create_body(containerRestartPolicy="ON_FAILURE")
        script = "test -e been && exit 0; touch been; exit 5"
        body["containers"][0].update(command=["/bin/sh", "-c", script])
        made = self.client.create(body).json
        view = self.client.wait_for(made["id"], "INACTIVE")
        container = self.client.container(view["containers"][0]["containerId"]).json
        self.assertEqual((container["exitCode"], container["containerRestartAttemptCount"]), (0, 1))

    def test_a_state_directory_belongs_to_one_emulator_and_survives_it(self) -> None:
        command = [sys.executable, str(COMMAND), "serve", "--state-dir", str(self.emulator.state)]
        second = subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)
        self.assertEqual(second.returncode, 1)
        self.assertIn("another emulator runs in", second.stderr)
        kept = {name: (self.emulator.state / name).read_text() for name in ("ca.pem", "tenancy.json", "api_key.pem")}
        self.emulator.stop()
        third = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert third.stdout is not None
        for line in third.stdout:
            if line.strip() == "ready":
                break
        third.terminate()
        third.communicate(timeout=30)
        self.assertEqual(kept, {name: (self.emulator.state / name).read_text() for name in kept})

    def test_sigterm_ends_every_process_reports_and_exits_0(self) -> None:
        for _ in range(3):
            made = self.client.create(self.sleeper()).json
            self.client.wait_for(made["id"], "ACTIVE")
        journal = (self.emulator.state / "journal.jsonl").read_text()
        pids = [record["pid"] for record in map(json.loads, journal.splitlines()) if "pid" in record]
        self.assertEqual(len(pids), 3)
        self.assertEqual(self.emulator.stop(), 0)
        self.assertFalse(any(process_is_alive(pid) for pid in pids))
        self.assertIn("instances left", self.emulator.output)
        report = self.emulator.report()
        self.assertEqual((report["instances"]["created"], report["instances"]["left"]), (3, 3))


if __name__ == "__main__":
    unittest.main()
