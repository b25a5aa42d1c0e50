# SPDX-License-Identifier: Apache-2.0
"""The pages for probes and Prometheus."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import cloudpickle
from prometheus_client import parser as prometheus
from prometheus_client.openmetrics import parser as openmetrics
from support import BACKEND, Cluster, Options, await_that, connect

cloudpickle.register_pickle_by_value(sys.modules[__name__])

PROMTOOL = Path(__file__).resolve().parents[2] / ".build" / "tools" / "promtool"


def square(number):
    return number * number


def wait_for(seconds):
    time.sleep(seconds)


def die():
    os._exit(3)


def divide(one, other):
    return one / other


def page(daemon, path, method="GET", accept="*/*"):
    (address,) = daemon.await_output(r"status is served address=(\S+)").groups()
    request = urllib.request.Request(f"http://{address}{path}", method=method, headers={"accept": accept})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def metrics(daemon):
    """The value of each sample by its family, and by its labels but the manager's."""
    found: dict[str, dict[Any, float]] = {}
    for family in prometheus.text_string_to_metric_families(page(daemon, "/metrics")[1]):
        for sample in family.samples:
            labels = tuple(value for name, value in sample.labels.items() if name != "manager")
            found.setdefault(sample.name, {})[labels[0] if len(labels) == 1 else labels] = sample.value
    return found


def counted(daemon):
    return {name: int(value) for name, value in metrics(daemon)["scaler_oci_requests_total"].items()}


def equal(sent, report):
    """Both, once they are equal; the containers' own requests are left out."""
    written = {name: count for name, count in report["requests"]["by_operation"].items() if name != "PutObject"}
    return (sent, written) if sent == written else None


class Status(unittest.TestCase):
    def test_the_pages_tell_health_readiness_and_numbers(self):
        with Cluster(Options(backend=BACKEND, daemon=["--status-address", "127.0.0.1:0"])) as cluster:
            client = connect(cluster)
            self.addCleanup(client.disconnect)
            self.assertEqual(client.map(square, range(3)), [0, 1, 4])
            cluster.await_nothing_left()
            self.assertEqual(page(cluster.daemon, "/livez"), (200, "ok\n"))
            status, checks = page(cluster.daemon, "/readyz?verbose")
            self.assertEqual(status, 200)
            # On a busy machine a turn of the loop may take long.
            names = re.findall(r"^\[\+\] ([^:]+):", re.sub(r"\[!\] loop", "[+] loop", checks), re.MULTILINE)
            self.assertEqual(names, ["loop", "manager wm-oci-hpc", "oci wm-oci-hpc", "storage wm-oci-hpc"])
            self.assertRegex(checks, r"oci wm-oci-hpc: the last good call was \d s ago\n")
            status, numbers = page(cluster.daemon, "/metrics")
            self.assertEqual(status, 200)
            self.assertIn(
                'scaler_oci_requests_total{manager="wm-oci-hpc",operation="CreateContainerInstance"} 3', numbers
            )
            self.assertIn('scaler_oci_instances_deleted_total{manager="wm-oci-hpc"} 3', numbers)
            self.assertIn('scaler_oci_tasks_ended_total{manager="wm-oci-hpc",outcome="success"} 3', numbers)
            self.assertEqual(page(cluster.daemon, "/nothing")[0], 404)
            self.assertEqual(page(cluster.daemon, "/metrics", "POST")[0], 405)
            self.assertEqual(page(cluster.daemon, "/metrics", "HEAD"), (200, ""))

    def test_the_counters_agree_with_what_the_cloud_wrote_down(self):
        cluster = self.enterContext(Cluster(Options(backend=BACKEND, daemon=["--status-address", "127.0.0.1:0"])))
        client = connect(cluster)
        self.addCleanup(client.disconnect)
        cluster.set_faults("CreateContainerInstance 500 first=2", "ListObjects 429 first=1")
        self.assertEqual(client.map(square, range(5)), [0, 1, 4, 9, 16])
        with self.assertRaises(ZeroDivisionError):
            client.submit(divide, 1, 0).result()
        cluster.await_nothing_left()
        # The daemon goes on with its listings between two looks.
        sent, written = await_that(lambda: equal(counted(cluster.daemon), cluster.report()), 30, "equal counts")
        self.assertEqual(sent, written)
        samples = metrics(cluster.daemon)
        ended = samples["scaler_oci_tasks_ended_total"]
        self.assertEqual((ended["success"], ended["exception"]), (5, 1))
        self.assertEqual(samples["scaler_oci_answers_total"]["CreateContainerInstance", "5xx"], 2)
        self.assertEqual(samples["scaler_oci_answers_total"]["ListObjects", "429"], 1)
        self.assertEqual(samples["scaler_oci_request_retries_total"][()], 3)
        self.assertEqual(samples["scaler_oci_throttled_total"]["objectstorage", "list"], 1)
        made = sum(value for labels, value in samples["scaler_oci_place_creates_total"].items() if "created" in labels)
        instances = cluster.report()["instances"]
        self.assertEqual(made, instances["created"])
        self.assertEqual(samples["scaler_oci_instances_deleted_total"][()], instances["deleted"])
        # One OCPU each; an instance of this test lives for less than a minute, so it is billed for one.
        charged = sum(samples["scaler_oci_ocpu_seconds_total"].values())
        self.assertAlmostEqual(charged, 60 * instances["created"], delta=0.1)

    def test_the_document_shows_a_task_at_work_and_one_that_failed(self):
        options = Options(backend=BACKEND, emulator=["--fast"], daemon=["--status-address", "127.0.0.1:0"])
        cluster = self.enterContext(Cluster(options))
        client = connect(cluster)
        self.addCleanup(client.disconnect)
        client.submit(wait_for, 60)

        def at_work() -> dict[str, Any] | None:
            (manager,) = json.loads(page(cluster.daemon, "/status.json")[1])["managers"]
            return manager if [task["state"] for task in manager["tasks"]] == ["running"] else None

        manager = await_that(at_work, 30, "a task at work")
        (task,) = manager["tasks"]
        self.assertTrue(task["instance"].startswith("ocid1.computecontainerinstance."))
        self.assertEqual((manager["slots"]["used"], manager["task_counts"]["running"]), (1, 1))
        self.assertEqual((manager["registered"], manager["failures"]), (True, []))
        with self.assertRaisesRegex(Exception, "died|exit|ended"):
            client.submit(die).result()

        def failed() -> bool:
            (manager,) = json.loads(page(cluster.daemon, "/status.json")[1])["managers"]
            return manager["ended_counts"]["instance_ended"] == len(manager["failures"]) == 1

        await_that(failed, 30, "a failed task")

    def test_both_formats_are_without_fault(self):
        cluster = self.enterContext(Cluster(Options(backend=BACKEND, daemon=["--status-address", "127.0.0.1:0"])))
        client = connect(cluster)
        self.addCleanup(client.disconnect)
        self.assertEqual(client.submit(square, 2).result(), 4)
        text = page(cluster.daemon, "/metrics", accept="text/plain")[1]
        linter = [str(PROMTOOL), "check", "metrics"]
        checked = subprocess.run(linter, check=False, input=text, text=True, capture_output=True, timeout=30)
        self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))
        series = [line for line in text.splitlines() if not line.startswith("#")]
        self.assertLess(len(series), 400)
        modern = page(cluster.daemon, "/metrics", accept="application/openmetrics-text")[1]
        families = list(openmetrics.text_string_to_metric_families(modern))
        self.assertEqual(sum(len(family.samples) for family in families), len(series))

    def test_an_address_that_cannot_be_had_ends_the_start_with_78(self):
        with Cluster(Options(backend=BACKEND)) as cluster:
            daemon = cluster.launch_daemon("--status-address", f"127.0.0.1:{cluster.scheduler_port}")
            self.assertEqual(daemon.process.wait(20), 78)
            self.assertIn("choose another --status-address", daemon.output())


if __name__ == "__main__":
    unittest.main()
