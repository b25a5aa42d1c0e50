# SPDX-License-Identifier: Apache-2.0
"""Every kind of credential, and everything that can be wrong with one, through the daemon's own binary.

What is wrong must be told in one line that helps, with exit code 78 when a person must mend something here, 77 when
OCI refuses, and without a word of what is secret.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from unittest import mock

import cloudpickle
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from support import BACKEND, Cluster, ClusterTestCase, Options, await_that

from cluster import DAEMON
from processes import Process

cloudpickle.register_pickle_by_value(sys.modules[__name__])

PASSPHRASE = "correct-horse-battery"
CONFIGURATION, REFUSED, UNAVAILABLE = 78, 77, 69

Change = Callable[[dict[str, str]], object]


def square(number):
    return number * number


def work(number, seconds):
    import time

    time.sleep(seconds)
    return number * number


def pem(key, passphrase: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, form, encryption)


def private_lines(text: str) -> list[str]:
    """The lines of key blocks: none of them may be seen anywhere."""
    return [line for line in text.splitlines() if len(line) > 40 and not line.startswith("-----")]


def without(name: str, values: dict[str, str]) -> None:
    del values[name]


def spoil(name: str, values: dict[str, str]) -> None:
    values[name] = "not-" + values[name].upper()[:9]


def skip_unless_first_backend() -> None:
    if BACKEND != "zmq":
        raise unittest.SkipTest("the scheduler's transport makes no difference here")


class LocalOCITestCase(unittest.TestCase):
    """A test class with a local OCI, and daemons that need no scheduler: they are done when they have seen OCI."""

    emulator = ["--fast"]
    cluster: Cluster
    oci: Path
    names: Iterator[str]

    @classmethod
    def setUpClass(cls) -> None:
        skip_unless_first_backend()
        cls.cluster = Cluster(Options(emulator=cls.emulator))
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start_emulator()
        cls.oci = cls.cluster.directory / "oci"
        cls.names = (f"daemon-{number}" for number in itertools.count())

    def file(self, content: str | bytes, mode: int = 0o600) -> str:
        """A new file that goes with the test."""
        descriptor, path = tempfile.mkstemp(dir=self.cluster.directory)
        os.write(descriptor, content if isinstance(content, bytes) else content.encode())
        os.close(descriptor)
        os.chmod(path, mode)
        return path

    def daemon(self, environment: dict[str, str], *arguments: str) -> Process:
        """Starts the daemon in the local OCI's environment, changed by `environment`; an empty value unsets."""
        variables = {**self.cluster.environment, "HOME": str(self.cluster.directory), **environment}
        command = ["env", *(f"--unset={name}" for name, value in variables.items() if value == "")]
        command += [str(DAEMON), "tcp://127.0.0.1:1", "--worker-manager-id", "wm", *arguments]
        set_variables = {name: value for name, value in variables.items() if value}
        daemon = Process(next(self.names), command, self.cluster.directory, set_variables)
        self.addCleanup(daemon.stop)
        return daemon

    def assert_refused(self, code: int, pattern: str, environment: dict[str, str], *arguments: str) -> str:
        """The daemon ends with that code and one line that matches; returns all that it said."""
        daemon = self.daemon(environment, *arguments)
        self.assertEqual(daemon.process.wait(60), code, daemon.output())
        lines = [line for line in daemon.output().splitlines() if line.startswith("scaler-oci-hpc: ")]
        self.assertEqual(len(lines), 1, daemon.output())
        self.assertRegex(lines[0], pattern)
        self.assertNotIn(PASSPHRASE, daemon.output())
        return daemon.output()

    def assert_accepted(self, environment: dict[str, str], *arguments: str) -> str:
        """The daemon gets through its first look at the cloud and stops in order; returns all that it said."""
        daemon = self.daemon(environment, *arguments)
        daemon.await_output(r"ready for the scheduler .*owner=", 60)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0, daemon.output())
        return daemon.output()


class Profiles(LocalOCITestCase):
    good: dict[str, str]
    key: bytes

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        text = (cls.oci / "config").read_text().split("[SESSION]")[0]
        cls.good = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        cls.key = (cls.oci / "api_key.pem").read_bytes()

    def config(self, change: Change | None = None, extra: str = "") -> dict[str, str]:
        """The environment for a configuration file with the good profile, changed."""
        values = dict(self.good)
        if change:
            change(values)
        lines = "\n".join(f"{name}={value}" for name, value in values.items())
        return {"OCI_CONFIG_FILE": self.file(f"[DEFAULT]\n{lines}\n{extra}")}

    def key_config(self, content: str | bytes, extra: str = "") -> dict[str, str]:
        path = self.file(content)
        return self.config(lambda values: values.update(key_file=path), extra)

    def test_a_file_that_breaks_the_rules_is_told_with_the_line(self):
        cases = [
            ("user=x\n[DEFAULT]\n", r"line 1: there is no \[SECTION\]"),
            ("[DEFAULT]\nwhat is this\n", r"line 2: expected"),
            ("[A]\n[A]\n", r"line 2: section \[A\] is there twice"),
            ("[DEFAULT]\nuser=a\nUSER=b\n", r"line 3: user is there twice"),
            ("[DEFAULT]\nkey_content=" + PASSPHRASE, r"line 2: key_content must not stand in the file"),
            ("[DEFAULT]\ndelegation_token_file=/etc/oci/token", r"line 2: delegation_token_file, as in Cloud Shell"),
        ]
        for text, pattern in cases:
            with self.subTest(pattern):
                path = self.file(text)
                self.assert_refused(CONFIGURATION, f"{path}: {pattern}", {"OCI_CONFIG_FILE": path})

    def test_a_value_that_is_missing_or_malformed_is_named(self):
        for name in ("user", "tenancy", "fingerprint", "key_file"):
            with self.subTest(name):
                self.assert_refused(CONFIGURATION, f"{name} is missing", self.config(partial(without, name)))
        for name in ("user", "tenancy", "fingerprint"):
            with self.subTest(name):
                environment = self.config(partial(spoil, name))
                self.assert_refused(CONFIGURATION, rf"{name} is malformed \(line \d\): expected", environment)

    def test_a_file_that_is_not_there_is_named(self):
        nowhere = {"OCI_CONFIG_FILE": "/nonexistent/config"}
        self.assert_refused(CONFIGURATION, r"no OCI configuration file at \S+ or /nonexistent/config: run", nowhere)
        asked = {"OCI_CLI_CONFIG_FILE": str(self.cluster.directory)}
        self.assert_refused(CONFIGURATION, f"{self.cluster.directory}.*Is a directory", asked)
        environment = self.config(lambda v: v.update(key_file="/nonexistent/key"))
        self.assert_refused(CONFIGURATION, "key_file /nonexistent/key: .*No such file", environment)
        self.assert_refused(
            CONFIGURATION, r"no profile \[NONE\]; there is \[DEFAULT\]", self.config(), "--oci-profile", "NONE"
        )

    def test_a_key_that_cannot_sign_is_told_apart(self):
        other, curve = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP256R1())
        public = other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        cases = [
            (pem(other, PASSPHRASE), "", "encrypted and needs a passphrase"),
            (pem(other, "another"), f"pass_phrase={PASSPHRASE}", "passphrase does not open"),
            (pem(other, "another", PrivateFormat.TraditionalOpenSSL), f"pass_phrase={PASSPHRASE}", "does not open"),
            (public, "", "a private key is required, but a public key"),
            (pem(curve), "", "not an RSA key"),
            (b"hello", "", "not a private key in PEM form"),
            (pem(other)[:-900], "", "not a private key in PEM form"),
            (pem(other), "", r"fingerprint in the profile is \S+, but that of the private key is \S+: name the key"),
        ]
        for content, extra, pattern in cases:
            with self.subTest(pattern):
                output = self.assert_refused(CONFIGURATION, pattern, self.key_config(content, extra))
                for line in private_lines(content.decode()):
                    self.assertNotIn(line, output)

    def test_a_good_key_is_good_in_every_form(self):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        key = load_pem_private_key(self.key, None)
        forms = [
            (pem(key, form=PrivateFormat.TraditionalOpenSSL) + b"OCI_API_KEY\n", ""),
            (b"\n\ntext before\n" + pem(key, PASSPHRASE), f"pass_phrase={PASSPHRASE}"),
            (pem(key, PASSPHRASE, PrivateFormat.TraditionalOpenSSL), f"passphrase={PASSPHRASE}"),
            (pem(key), "pass_phrase=needless"),
        ]
        for content, extra in forms:
            with self.subTest(content.splitlines()[0], extra=extra):
                self.assert_accepted(self.key_config(content, extra))
        self.assert_accepted(
            {
                "OCI_CONFIG_FILE": "",
                "OCI_CLI_USER": self.good["user"],
                "OCI_CLI_TENANCY": self.good["tenancy"],
                "OCI_CLI_FINGERPRINT": self.good["fingerprint"],
                "OCI_CLI_KEY_CONTENT": self.key.decode(),
            }
        )

    def test_a_profile_inherits_and_is_chosen_by_flag_or_variable(self):
        environment = self.config(lambda v: v.pop("user"), f"[MINE]\nuser={self.good['user']}\n")
        self.assert_refused(CONFIGURATION, "user is missing", environment)
        self.assert_accepted(environment, "--oci-profile", "MINE")
        self.assert_accepted({**environment, "OCI_CONFIG_PROFILE": "MINE"})
        self.assert_accepted({**environment, "OCI_CLI_PROFILE": "MINE"})

    def test_a_key_that_oci_does_not_know_is_refused_with_77(self):
        key = rsa.generate_private_key(65537, 2048)
        path = self.file(pem(key))
        refused = self.assert_refused(CONFIGURATION, "fingerprint", self.config(lambda v: v.update(key_file=path)))
        # Among the log's lines, which go on until the daemon has ended.
        (actual,) = re.findall(r"(?m)^scaler-oci-hpc: .*that of the private key is ([0-9a-f:]{47})", refused)
        environment = self.config(lambda v: v.update(key_file=path, fingerprint=actual))
        self.assert_refused(REFUSED, "401 NotAuthenticated.*check that the API key's fingerprint", environment)

    def test_permissions_that_are_too_open_are_a_warning(self):
        path = self.file(self.key, mode=0o644)
        environment = self.config(lambda v: v.update(key_file=path))
        os.chmod(environment["OCI_CONFIG_FILE"], 0o640)
        output = self.assert_accepted(environment)
        for file in (path, environment["OCI_CONFIG_FILE"]):
            self.assertRegex(output, rf"(?i)warning.*permissions on {file} are too open.*chmod 600 {file}")

    def test_where_and_how_to_call_is_checked_too(self):
        cases = [
            (CONFIGURATION, "OCI_ENDPOINT: '127.0.0.1' is no base URL", {"OCI_ENDPOINT": "127.0.0.1"}),
            (CONFIGURATION, "--ca-bundle /nonexistent/ca.pem: .*No such", {"OCI_CA_BUNDLE": "/nonexistent/ca.pem"}),
            (CONFIGURATION, "no certificate in PEM form", {"OCI_CA_BUNDLE": str(self.oci / "config")}),
            (CONFIGURATION, "only http:// proxies", {"HTTPS_PROXY": f"socks5://u:{PASSPHRASE}@h"}),
            (UNAVAILABLE, "certificate of 127.0.0.1 refused.*--ca-bundle", {"OCI_CA_BUNDLE": ""}),
        ]
        for code, pattern, environment in cases:
            with self.subTest(pattern):
                self.assert_refused(code, pattern, environment)


class Sessions(LocalOCITestCase):
    def session(self, *changes: tuple[str, str]) -> dict[str, str]:
        text = (self.oci / "config").read_text()
        for old, new in changes:
            text = re.sub(old, new, text)
        return {"OCI_CONFIG_FILE": self.file(text), "OCI_AUTH_TYPE": "security_token", "OCI_CONFIG_PROFILE": "SESSION"}

    def test_a_session_is_accepted_by_name_and_by_its_profile(self):
        self.assert_accepted(self.session())
        # As the Go SDK decides: a token and no user make a session.
        environment = self.session((r"(?s)\[DEFAULT\].*?\n\n", "[DEFAULT]\n"))
        self.assert_accepted({**environment, "OCI_AUTH_TYPE": ""})

    def test_what_is_wrong_with_a_session_is_told(self):
        garbage = self.file("no token\n")
        cases = [
            (r"security_token_file=.*", "", "security_token_file is missing"),
            (
                r"security_token_file=.*",
                "security_token_file=/nonexistent/t",
                "security_token_file /nonexistent/t: .*No such",
            ),
            (
                r"security_token_file=.*",
                f"security_token_file={garbage}",
                f"security_token_file {garbage} holds no token",
            ),
            (r"key_file=.*session.*", "key_file=/nonexistent/k", "key_file /nonexistent/k"),
        ]
        for old, new, pattern in cases:
            with self.subTest(pattern):
                self.assert_refused(CONFIGURATION, pattern, self.session((old, new)))

    def test_a_token_that_the_service_did_not_issue_is_refused_with_77(self):
        # The claims of an honest one; whoever it was forged by did not have the service's key.
        head, claims, _ = (self.oci / "session_token").read_text().split(".")
        forged = self.file(f"{head}.{claims}.AAAA")
        environment = self.session((r"security_token_file=.*", f"security_token_file={forged}"))
        self.assert_refused(REFUSED, "oci session authenticate", environment)


class EndedSessions(LocalOCITestCase):
    emulator = ["--fast", "--token-seconds", "0"]

    def test_a_session_that_has_ended_says_what_to_do_with_77(self):
        environment = {"OCI_AUTH_TYPE": "security_token", "OCI_CONFIG_PROFILE": "SESSION"}
        self.assert_refused(
            REFUSED, r"session token in \S+ has expired or was revoked: run `oci session auth", environment
        )


class Principals(LocalOCITestCase):
    def resource(self, **changes: str) -> dict[str, str]:
        return {
            "OCI_AUTH_TYPE": "resource_principal",
            "OCI_CONFIG_FILE": "",
            "OCI_REGION": "",
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_REGION": "iad",
            "OCI_RESOURCE_PRINCIPAL_RPST": str(self.oci / "session_token"),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(self.oci / "session_key.pem"),
            **changes,
        }

    def test_a_resource_principal_is_accepted_as_files_as_values_and_encrypted(self):
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        self.assert_accepted(self.resource())
        token, key = (self.oci / "session_token").read_text(), (self.oci / "session_key.pem").read_text()
        values = {"OCI_RESOURCE_PRINCIPAL_RPST": token, "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": key}
        self.assert_accepted(self.resource(**values))
        encrypted = self.file(pem(load_pem_private_key(key.encode(), None), PASSPHRASE))
        values = {
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": encrypted,
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM_PASSPHRASE": self.file(PASSPHRASE + "\n"),
        }
        self.assert_accepted(self.resource(**values))

    def test_what_is_missing_of_a_resource_principal_is_named(self):
        for name in ("VERSION", "RPST", "PRIVATE_PEM", "REGION"):
            with self.subTest(name):
                variable = f"OCI_RESOURCE_PRINCIPAL_{name}"
                self.assert_refused(CONFIGURATION, f"{variable} is not set", self.resource(**{variable: ""}))
        cases = [
            ("VERSION", "1.1", "has a value that is not supported"),
            ("RPST", "/nonexistent/t", "/nonexistent/t: .*No such file"),
            ("RPST", "x", "holds no token"),
            ("PRIVATE_PEM", "/nonexistent/k", "/nonexistent/k: .*No such file"),
            ("PRIVATE_PEM", "x", "not a private key in PEM form"),
        ]
        for name, value, pattern in cases:
            with self.subTest(name, value=value):
                variable = f"OCI_RESOURCE_PRINCIPAL_{name}"
                self.assert_refused(CONFIGURATION, f"{variable}.*{pattern}", self.resource(**{variable: value}))

    def test_an_instance_principal_is_accepted_and_finds_its_region(self):
        environment = {"OCI_AUTH_TYPE": "instance_principal", "OCI_CONFIG_FILE": "", "OCI_REGION": ""}
        self.assert_accepted(environment)
        # Without an endpoint, the region that the metadata service names is the one that is called.
        environment |= {"OCI_ENDPOINT": "", "HTTPS_PROXY": self.cluster.environment["OCI_EMULATOR_PROXY"]}
        self.assert_accepted(environment)
        bad = {**environment, "OCI_METADATA_BASE_URL": "nowhere"}
        self.assert_refused(CONFIGURATION, "OCI_METADATA_BASE_URL is no URL", bad)


class Regions(LocalOCITestCase):
    """Host names of real regions, which the local OCI's proxy leads to itself; its certificate is for one region."""

    emulator = ["--fast", "--region", "xx-hidden-1"]

    def environment(self, **changes: str) -> dict[str, str]:
        proxy = self.cluster.environment["OCI_EMULATOR_PROXY"]
        return {"OCI_ENDPOINT": "", "HTTPS_PROXY": proxy, "OCI_REGION": "", **changes}

    def test_a_region_is_found_by_its_identifier_as_anything_unknown_is(self):
        self.assert_accepted(self.environment(), "--oci-region", "XX-Hidden-1")

    def test_a_region_is_described_by_the_environment_or_by_the_file(self):
        region = {
            "realmKey": "OC1",
            "realmDomainComponent": "oraclecloud.com",
            "regionKey": "XXH",
            "regionIdentifier": "xx-hidden-1",
        }
        environment = self.environment(OCI_REGION_METADATA=json.dumps(region))
        self.assert_accepted(environment, "--oci-region", "xxh")
        home = Path(tempfile.mkdtemp(dir=self.cluster.directory))
        (home / ".oci").mkdir()
        (home / ".oci" / "regions-config.json").write_text(json.dumps([region]))
        self.assert_accepted(self.environment(HOME=str(home)), "--oci-region", "xxh")

    def test_another_region_is_not_believed_by_the_certificate(self):
        # The proxy leads any of OCI's names here; the host name is verified all the same.
        daemon = self.daemon(self.environment(), "--oci-region", "fra")
        daemon.process.wait(60)
        self.assertRegex(daemon.output(), r"eu-frankfurt-1\.(oci\.)?oraclecloud\.com")
        self.assertEqual(daemon.process.returncode, UNAVAILABLE, daemon.output())


class Skew(LocalOCITestCase):
    emulator = ["--fast", "--fault", "* skew seconds=4000"]

    def test_a_clock_that_is_off_is_corrected_once_and_reported(self):
        output = self.assert_accepted({})
        self.assertEqual(len(re.findall(r"clock is (?:399\d|400\d) s behind", output)), 1, output)


class Refusals(LocalOCITestCase):
    """One answer that refuses good credentials, with a time of its own, ends no start."""

    def refuse_once(self, seconds: int) -> str:
        before = self.refusal_count()
        self.cluster.set_faults(f"* skew seconds={seconds} first=1")
        self.addCleanup(self.cluster.set_faults)
        output = self.assert_accepted({})
        self.assertEqual(self.refusal_count(), before + 1)
        return output

    def refusal_count(self) -> int:
        return sum(self.cluster.report()["faults"].values())

    def test_one_refusal_with_a_time_hours_off_ends_no_start(self):
        self.assertNotIn("clock is", self.refuse_once(4000))

    def test_one_refusal_with_a_time_years_off_ends_no_start(self):
        self.assertNotIn("clock is", self.refuse_once(-400_000_000))


class Secrets(LocalOCITestCase):
    def test_keys_stay_out_of_core_files(self):
        other = Process("sleep", ["env", f"--chdir={self.cluster.directory}", "sleep", "60"], self.cluster.directory)
        if not self.dumps_core(other):
            self.skipTest("this machine writes no core files at all")
        daemon = self.daemon({})
        daemon.await_output(r"ready for the scheduler .*owner=", 60)
        self.assertFalse(self.dumps_core(daemon))

    def dumps_core(self, process: Process) -> bool:
        """Ends a process in a way that leaves a core file where that is allowed, and says whether it did."""
        limit = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.prlimit(process.pid, resource.RLIMIT_CORE, (limit, limit))
        os.kill(process.pid, signal.SIGSEGV)
        _, status = os.waitpid(process.pid, 0)
        process.process.returncode = -signal.SIGSEGV
        process.stop()
        self.assertTrue(os.WIFSIGNALED(status), status)
        return os.WCOREDUMP(status)


class Lost(ClusterTestCase):
    """Access that is lost while tasks are at work is waited for, and no task is failed for it."""

    options = {"emulator": ["--fast", "--runtime", "pool"]}

    @classmethod
    def setUpClass(cls) -> None:
        skip_unless_first_backend()
        super().setUpClass()

    def setUp(self) -> None:
        # A daemon tells of it once a minute, and that of the test before may not be over. It leaves in order, for the
        # scheduler gives tasks to the workers of one that was killed for another minute.
        self.cluster.daemon.stop()
        self.cluster.start_daemon()

    def lose(self, seconds: float, *rules: str) -> None:
        """Tasks in every phase of their lives while OCI refuses; all have their results when it accepts again."""
        client = self.client()
        created = self.cluster.report()["instances"]["created"]
        started = [client.submit(work, number, 0.5) for number in range(8)]
        await_that(lambda: self.cluster.report()["instances"]["created"] >= created + 4, 30, "tasks at work")
        before = self.cluster.daemon.output().count("OCI refuses what it allowed before")
        self.cluster.set_faults(*rules)
        later = [client.submit(work, number, 0) for number in range(8, 20)]
        self.cluster.daemon.await_output("OCI refuses what it allowed before", count=before + 1)
        time.sleep(seconds)
        self.cluster.set_faults()
        futures = started + later
        self.assertEqual([future.result(timeout=90) for future in futures], [n * n for n in range(20)])
        self.cluster.await_nothing_left()
        log = self.cluster.daemon.output()
        self.assertEqual(log.count("OCI refuses what it allowed before"), before + 1, "one line in a minute")
        self.assertNotIn("task failed", log)
        self.assertEqual(self.cluster.doubled_count(), 0)

    def test_every_signature_is_refused_for_a_while(self):
        self.lose(4, "* unauthenticated by=user")
        self.assertRegex(self.cluster.daemon.output(), "OCI refuses what it allowed before.*fingerprint is registered")

    def test_a_policy_is_taken_away_for_a_while(self):
        operations = ("CreateContainerInstance", "PutObject", "GetObject", "BatchDeleteObjects", "ListObjects")
        self.lose(2, *(f"{operation} 404 by=user" for operation in operations))


class TokenTestCase(ClusterTestCase):
    """Tasks under tokens that live so briefly that they are renewed in the middle."""

    @classmethod
    def setUpClass(cls) -> None:
        skip_unless_first_backend()
        super().setUpClass()

    def work_until(self, condition: Callable[[], bool]) -> None:
        """Runs tasks until the condition holds, and some more; nothing secret may be in the log."""
        client = self.client()
        is_met = False
        end = time.monotonic() + 60
        while not is_met:
            self.assertLess(time.monotonic(), end, "waited in vain")
            is_met = condition()
            self.assertEqual(client.map(square, range(5)), [number * number for number in range(5)])
        self.cluster.await_nothing_left()
        output = self.cluster.daemon.output()
        for name in ("api_key.pem", "session_key.pem", "session_token"):
            for line in private_lines((self.cluster.directory / "oci" / name).read_text()):
                self.assertNotIn(line, output)
        self.assertNotIn("Signature algorithm", output)
        self.assertNotIn("ST$", output)


class WorkInASession(TokenTestCase):
    options = {
        "emulator": ["--fast", "--token-seconds", "16"],
        "daemon": ["--auth-type", "security_token", "--oci-profile", "SESSION", "--logging-level", "DEBUG"],
    }

    def test_tasks_run_under_a_session_token_that_is_renewed(self):
        path = self.cluster.directory / "oci" / "session_token"
        before = path.read_text()
        self.work_until(lambda: path.read_text() != before)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)


class WorkOnAnInstance(TokenTestCase):
    options = {
        "emulator": ["--fast", "--token-seconds", "4"],
        "daemon": ["--auth-type", "instance_principal", "--logging-level", "DEBUG"],
    }

    def test_tasks_run_under_an_instance_principal_that_is_renewed_by_one_flight_at_a_time(self):
        begin = time.monotonic()
        self.work_until(lambda: self.exchanges() >= 3)
        # Renewed at three quarters of its life; not once for every call that waits.
        self.assertLessEqual(self.exchanges(), 3 + (time.monotonic() - begin) / 3)

    def exchanges(self) -> int:
        return self.cluster.report()["requests"]["by_operation"].get("ExchangeX509", 0)


class WorkAsAResource(TokenTestCase):
    options = {"daemon": ["--auth-type", "resource_principal", "--logging-level", "DEBUG"]}

    @classmethod
    def setUpClass(cls) -> None:
        directory = Path(tempfile.mkdtemp(prefix="scaler-oci-hpc-"))
        # A user's token: what the local OCI gives its containers may do nothing but use objects.
        variables = {
            "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
            "OCI_RESOURCE_PRINCIPAL_REGION": "us-ashburn-1",
            "OCI_RESOURCE_PRINCIPAL_RPST": str(directory / "oci" / "session_token"),
            "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(directory / "oci" / "session_key.pem"),
        }
        cls.options = {**cls.options, "directory": directory}
        cls.enterClassContext(mock.patch.dict(os.environ, variables))
        super().setUpClass()

    def test_tasks_run_under_a_resource_principal(self):
        self.work_until(lambda: True)


if __name__ == "__main__":
    unittest.main()
