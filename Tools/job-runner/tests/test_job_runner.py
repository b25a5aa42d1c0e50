# SPDX-License-Identifier: Apache-2.0
"""The runner's parts that need no OCI. Its whole life is tested on the emulator, in Tools/oci-emulator/tests."""

from __future__ import annotations

import pickle
import pickletools
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

import job_runner
import oci_object_storage
import oci_principal

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PLAIN = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
ENCRYPTED = KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))
# What a reader of reports that is no unpickler has to know.
REPORT_OPCODES = {
    "PROTO", "FRAME", "EMPTY_DICT", "MEMOIZE", "MARK", "SHORT_BINUNICODE", "BINUNICODE", "NEWTRUE", "NONE",
    "SETITEMS", "BINGET", "STOP",
}  # fmt: skip


class Reports(unittest.TestCase):
    def test_a_report_needs_no_unpickler(self) -> None:
        data = job_runner.error_pickle("exit", "text", traceback="t" * 100_000, exit_code="3", stderr_tail="é")
        used = {opcode.name for opcode, _, _ in pickletools.genops(data)}
        self.assertEqual(used - REPORT_OPCODES, set())
        self.assertIs(pickle.loads(data)["_scaler_container_error"], True)

    def test_deaths_are_named(self) -> None:
        for status, texts in (
            (-9, ("SIGKILL", "137", "memory")),
            (-11, ("SIGSEGV", "139", "another version of Python than {}.{} compiled".format(*sys.version_info[:2]))),
            (3, ("exit code 3",)),
            (-63, ("191",)),
        ):
            report = pickle.loads(job_runner.death_report(status, b"bad \xff byte"))
            for text in texts:
                self.assertIn(text, report["error"])
            self.assertEqual(report["stderr_tail"], "bad \ufffd byte")

    def test_an_outcome_is_complete_only_when_it_is(self) -> None:
        data = b"S" + (5).to_bytes(8, "big") + b"12345"
        for cut in range(len(data) + 1):
            outcome = job_runner.Outcome()
            for position in range(cut):
                outcome.feed(data[position : position + 1])
            self.assertEqual(outcome.is_complete, cut == len(data))
        self.assertEqual((outcome.is_success, outcome.body()), (True, b"12345"))

    def test_a_big_outcome_waits_in_a_file(self) -> None:
        outcome = job_runner.Outcome()
        size = job_runner.SPOOL_BYTES + 10
        outcome.feed(b"S" + size.to_bytes(8, "big"))
        outcome.feed(b"x" * (size - 3))
        outcome.feed(b"abc")
        self.assertTrue(outcome.is_complete)
        body = outcome.body()
        body.seek(-4, 2)
        self.assertEqual(body.read(), b"xabc")
        body.close()


class Principals(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, name: str, data: bytes | str) -> str:
        path = self.directory / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(path)

    def test_regions_and_their_domains(self) -> None:
        for given, region, domain in (
            ("iad", "us-ashburn-1", "oraclecloud.com"),
            ("us-phoenix-1", "us-phoenix-1", "oraclecloud.com"),
            ("tus", "us-gov-phoenix-1", "oraclegovcloud.com"),
            ("EU-FRANKFURT-2", "eu-frankfurt-2", "oraclecloud.eu"),
            ("xx-new-9", "xx-new-9", "oraclecloud.com"),
        ):
            self.assertEqual(oci_principal.region_and_domain(given), (region, domain))
        metadata = (
            '{"realmKey":"oc99","realmDomainComponent":"new.example","regionKey":"NEW","regionIdentifier":"xx-new-9"}'
        )
        self.assertEqual(oci_principal.region_and_domain("new", metadata), ("xx-new-9", "new.example"))

    def test_resource_principals_as_values_and_as_files(self) -> None:
        base = {"OCI_RESOURCE_PRINCIPAL_VERSION": "2.2", "OCI_RESOURCE_PRINCIPAL_REGION": "iad"}
        value = {**base, "OCI_RESOURCE_PRINCIPAL_RPST": "token", "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": PLAIN.decode()}
        self.assertEqual(oci_principal.from_environment(value).sign(b"x")[0], "ST$token")
        files = {
            **base,
            "OCI_RESOURCE_PRINCIPAL_RPST": self.write("rpst", "first\n"),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": self.write("key", ENCRYPTED),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE": self.write("phrase", "secret\n"),
        }
        principal = oci_principal.from_environment(files)
        self.write("rpst", "second\n")
        self.assertEqual(principal.sign(b"x")[0], "ST$first")
        principal.refresh()
        self.assertEqual(principal.sign(b"x")[0], "ST$second")
        self.assertEqual(principal.object_storage_endpoint(), "https://objectstorage.us-ashburn-1.oraclecloud.com")

    def test_what_is_missing_is_named(self) -> None:
        for environment, text in (
            ({"OCI_RESOURCE_PRINCIPAL_VERSION": "1.1"}, "version 1.1"),
            ({"OCI_RESOURCE_PRINCIPAL_VERSION": "2.2"}, "OCI_RESOURCE_PRINCIPAL_RPST"),
            ({"OCI_CONFIG_FILE": str(self.directory / "none")}, "neither a resource principal"),
        ):
            with self.assertRaises(ValueError) as told:
                oci_principal.from_environment(environment)
            self.assertIn(text, str(told.exception))

    def test_profiles_of_a_config_file(self) -> None:
        key, token = self.write("key.pem", PLAIN + b"\nOCI_API_KEY\n"), self.write("token", "TOKEN\n")
        path = self.write(
            "config",
            f"[DEFAULT]\nuser=u\ntenancy=t\nfingerprint=f\nregion=us-phoenix-1\nkey_file={key}\n"
            f"[S]\nsecurity_token_file={token}\n[OTHER]\nuser=v\n",
        )
        ids = {}
        for profile in ("DEFAULT", "S", "OTHER"):
            environment = {"OCI_CONFIG_FILE": path, "OCI_CONFIG_PROFILE": profile}
            ids[profile] = oci_principal.from_environment(environment).sign(b"x")[0]
        self.assertEqual(ids, {"DEFAULT": "t/u/f", "S": "ST$TOKEN", "OTHER": "t/v/f"})


class Retries(unittest.TestCase):
    def test_what_is_retried(self) -> None:
        for status, body, expected in (
            (429, b"", True),
            (500, b"", True),
            (501, b"", False),
            (503, b"", True),
            (404, b"", False),
            (409, b"IncorrectState", True),
            (409, b"Conflict", False),
        ):
            self.assertEqual(oci_object_storage.is_worth_retrying(status, body), expected)

    def test_pauses_are_bounded_and_retry_after_counts(self) -> None:
        for attempt in range(1, 20):
            self.assertLessEqual(oci_object_storage.pause_seconds(attempt, None), 15)
        self.assertTrue(5 <= oci_object_storage.pause_seconds(1, "5") <= 6)
        self.assertLessEqual(oci_object_storage.pause_seconds(1, "9999"), 61)

    def call_during_outage(self, seconds: float) -> float:
        """Stores an object while the service is away for so long; returns when that was over, by a clock of its own."""
        now = 0.0

        def sleep(pause: float) -> None:
            nonlocal now
            now += pause

        def exchange(*_: object) -> tuple[int, bytes, dict[str, str]]:
            if now < seconds:
                raise ConnectionRefusedError
            return 200, b"", {}

        bucket = oci_object_storage.Bucket("http://127.0.0.1:1", "n", "b", None, None)
        with (
            unittest.mock.patch("time.sleep", sleep),
            unittest.mock.patch("time.monotonic", lambda: now),
            unittest.mock.patch.object(bucket, "_exchange", exchange),
        ):
            bucket.put("name", b"result")
        return now

    def test_an_outage_of_minutes_is_sat_out(self) -> None:
        self.assertTrue(240 <= self.call_during_outage(240) <= 240 + 15)

    def test_one_without_an_end_is_not(self) -> None:
        with self.assertRaises(ConnectionRefusedError):
            self.call_during_outage(400)


if __name__ == "__main__":
    unittest.main()
