# SPDX-License-Identifier: Apache-2.0
"""The verifier against requests that Oracle's SDK signed, whole and bent."""

from __future__ import annotations

import base64
import json
import sys
import unittest
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from oci_emulator import credentials, signatures  # noqa: E402

DATA = json.loads((HERE / "vectors" / "oci-signing.json").read_text())
KEY = cast(RSAPublicKey, load_pem_public_key(DATA["public_key_pem"].encode()))
LEAF = cast(RSAPublicKey, x509.load_pem_x509_certificate(DATA["leaf_certificate_pem"].encode()).public_key())


def check(vector: dict[str, Any], now_offset: float = 0.0, **changes) -> None:
    headers = {**vector["expected_headers_out"], **changes.pop("headers", {})}
    now = parsedate_to_datetime(vector["expected_headers_out"]["date"]).timestamp() + now_offset
    is_federation = vector["name"].startswith("federation")
    header = signatures.parse(changes.pop("authorization", headers["authorization"]))
    target = changes.pop("target", vector["request_target"].split(" ", 1)[1])
    signatures.verify(
        header,
        LEAF if is_federation else KEY,
        changes.pop("method", vector["method"]),
        target,
        headers,
        now,
        is_body_exempt=vector["exclude_body"],
        is_federation=is_federation,
    )
    if "x-content-sha256" in headers:
        signatures.check_body(headers, base64.b64decode(changes.pop("body", vector["body_base64"])))


class GoldenVectors(unittest.TestCase):
    def test_every_request_signed_by_the_sdk_is_accepted(self) -> None:
        for vector in DATA["vectors"]:
            with self.subTest(vector["name"]):
                check(vector)

    def test_the_signing_string_is_the_sdk_s(self) -> None:
        for vector in DATA["vectors"]:
            with self.subTest(vector["name"]):
                headers = vector["expected_headers_out"]
                names = signatures.parse(headers["authorization"]).headers
                target = vector["request_target"].split(" ", 1)[1]
                text = signatures.signing_string(names, vector["method"], target, headers)
                self.assertEqual(text, vector["expected_signing_string"])

    def test_a_fingerprint_is_the_md5_of_the_public_key(self) -> None:
        self.assertEqual(credentials.fingerprint(KEY), DATA["fingerprint"])


class BentRequests(unittest.TestCase):
    def setUp(self) -> None:
        by_name = {vector["name"]: vector for vector in DATA["vectors"]}
        self.get, self.post = by_name["get-simple"], by_name["post-json"]

    def refused(self, vector: dict[str, Any], reason: str, **changes) -> None:
        with self.assertRaises(signatures.Refusal) as caught:
            check(vector, **changes)
        self.assertIn(reason, str(caught.exception))

    def test_another_target_method_or_host_is_refused(self) -> None:
        self.refused(self.get, "does not match", target="/20210415/containerInstances/other")
        self.refused(self.get, "does not match", method="DELETE")
        self.refused(self.get, "does not match", headers={"host": "elsewhere.example"})

    def test_a_changed_body_is_refused(self) -> None:
        self.refused(self.post, "x-content-sha256", body=base64.b64encode(b"{}").decode())

    def test_a_changed_signed_header_is_refused(self) -> None:
        self.refused(self.post, "does not match", headers={"content-type": "text/plain"})

    def test_more_than_five_minutes_of_skew_are_refused_both_ways(self) -> None:
        check(self.get, now_offset=300)
        check(self.get, now_offset=-300)
        self.refused(self.get, "clock skew", now_offset=301)
        self.refused(self.get, "clock skew", now_offset=-301)

    def test_x_date_wins_over_date_and_then_must_be_signed(self) -> None:
        self.refused(self.get, "x-date is not signed", headers={"x-date": self.get["expected_headers_out"]["date"]})

    def test_every_header_that_must_be_signed_is_missed(self) -> None:
        for vector, names in (
            (self.get, ("date", "(request-target)", "host")),
            (self.post, ("content-length", "content-type", "x-content-sha256")),
        ):
            text = vector["expected_headers_out"]["authorization"]
            header = signatures.parse(text)
            for name in names:
                with self.subTest(name):
                    left = " ".join(other for other in header.headers if other != name)
                    bent = text.replace(f'headers="{" ".join(header.headers)}"', f'headers="{left}"')
                    self.refused(vector, f"{name} is not signed", authorization=bent)

    def test_malformed_headers_are_refusals_and_nothing_worse(self) -> None:
        text = self.get["expected_headers_out"]["authorization"]
        bent = [
            "",
            "Basic abc",
            "Signature",
            "Signature x",
            text.replace("rsa-sha256", "hmac-sha1"),
            text.replace('version="1"', 'version="2"'),
            text.replace('signature="', 'signature="*'),
            text + ',keyId="b"',
            text.replace("keyId", "nokey"),
            text.replace('headers="date', 'headers="Date'),
        ]
        for case in bent:
            with self.subTest(case[:40]), self.assertRaises(signatures.Refusal):
                check(self.get, authorization=case)

    def test_a_request_cut_at_any_byte_of_its_authorization_is_refused(self) -> None:
        text = self.get["expected_headers_out"]["authorization"]
        # The version parameter is optional and comes last, so the cut right before it is a valid header.
        optional = text.index(',version="1"')
        for length in range(len(text)):
            if length in (optional, optional + 1):
                continue
            with self.subTest(length), self.assertRaises(signatures.Refusal):
                check(self.get, authorization=text[:length])


if __name__ == "__main__":
    unittest.main()
