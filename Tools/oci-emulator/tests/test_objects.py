# SPDX-License-Identifier: Apache-2.0
"""Object Storage over the wire."""

from __future__ import annotations

import base64
import hashlib
import time
import unittest
from email.utils import formatdate
from typing import Any

from support import Client, EmulatorProcess


class ObjectTests(unittest.TestCase):
    emulator: EmulatorProcess
    client: Client

    @classmethod
    def setUpClass(cls) -> None:
        cls.emulator = EmulatorProcess("--fast")
        cls.client = cls.emulator.client()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.client.connection.close()
        cls.emulator.close()

    def put(self, name: str, body: bytes, **headers: str):
        renamed = {key.replace("_", "-"): value for key, value in headers.items()}
        return self.client.call("PUT", self.client.object_path(name), body, renamed)

    def test_the_namespace_is_a_json_string(self) -> None:
        self.assertEqual(self.client.call("GET", "/n").json, "emulatedns")
        self.assertEqual(self.client.call("GET", "/n/").json, "emulatedns")

    def test_an_object_comes_back_with_its_bytes_headers_and_metadata(self) -> None:
        for size in (0, 1, 100_000, 3_000_000):
            with self.subTest(size):
                body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
                stored = self.put("a/b c é~+#%", body, opc_meta_owner="me", content_encoding="gzip")
                self.assertEqual(stored.status, 200)
                md5 = base64.b64encode(hashlib.md5(body).digest()).decode()
                self.assertEqual(stored.headers["opc-content-md5"], md5)
                got = self.client.call("GET", self.client.object_path("a/b c é~+#%"))
                self.assertEqual((got.status, got.body), (200, body))
                self.assertEqual(got.headers["etag"], stored.headers["etag"])
                self.assertEqual(got.headers["opc-meta-owner"], "me")
                self.assertEqual(got.headers["content-encoding"], "gzip")
                self.assertEqual(got.headers["content-md5"], md5)
                head = self.client.call("HEAD", self.client.object_path("a/b c é~+#%"))
                self.assertEqual((head.status, head.headers["content-length"]), (200, str(size)))

    def test_ranges(self) -> None:
        self.put("ranged", b"0123456789")
        path = self.client.object_path("ranged")
        for text, body, shown in (
            ("bytes=0-3", b"0123", "bytes 0-3/10"),
            ("bytes=4-", b"456789", "bytes 4-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
            ("bytes=8-100", b"89", "bytes 8-9/10"),
        ):
            with self.subTest(text):
                got = self.client.call("GET", path, headers={"range": text})
                self.assertEqual((got.status, got.body, got.headers["content-range"]), (206, body, shown))
        self.assertEqual(self.client.call("GET", path, headers={"range": "bytes=10-"}).status, 416)

    def test_conditions(self) -> None:
        mark = self.put("conditional", b"1").headers["etag"]
        path = self.client.object_path("conditional")
        self.assertEqual(self.put("conditional", b"2", if_none_match="*").status, 412)
        self.assertEqual(self.put("conditional", b"2", if_match="other").status, 412)
        self.assertEqual(self.client.call("GET", path, headers={"if-none-match": mark}).status, 304)
        self.assertEqual(self.client.call("GET", path, headers={"if-match": mark}).body, b"1")
        self.assertEqual(self.client.call("DELETE", path, headers={"if-match": "other"}).status, 412)
        self.assertEqual(self.client.call("DELETE", path, headers={"if-match": mark}).status, 204)
        self.assertEqual(self.client.call("DELETE", path).status, 404)
        self.assertEqual(self.put("conditional", b"3", if_none_match="*").status, 200)

    def test_a_damaged_body_is_refused_and_not_stored(self) -> None:
        wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
        self.assertEqual(self.put("damaged", b"body", content_md5=wrong).status, 400)
        self.assertEqual(self.client.call("GET", self.client.object_path("damaged")).json["code"], "ObjectNotFound")

    def test_listing_pages_by_next_start_with(self) -> None:
        names = [f"list/{number:03}" for number in range(25)]
        for name in reversed(names):
            self.put(name, b"x")
        seen, start = [], ""
        while True:
            page = self.client.call("GET", f"{self.client.bucket}/o?prefix=list/&limit=10&fields=name,size,etag{start}")
            seen += page.json["objects"]
            if "nextStartWith" not in page.json:
                break
            start = "&start=" + page.json["nextStartWith"]
        self.assertEqual([item["name"] for item in seen], names)
        self.assertEqual(set(seen[0]), {"name", "size", "etag"})
        after = self.client.call("GET", f"{self.client.bucket}/o?prefix=list/&startAfter=list/022")
        self.assertEqual([item["name"] for item in after.json["objects"]], names[23:])
        self.put("list2/a/b", b"")
        self.put("list2/a/c", b"")
        self.put("list2/d", b"")
        grouped = self.client.call("GET", f"{self.client.bucket}/o?prefix=list2/&delimiter=/").json
        self.assertEqual((grouped["prefixes"], grouped["objects"]), (["list2/a/"], [{"name": "list2/d"}]))

    def test_batch_delete_tells_what_failed(self) -> None:
        self.put("batch/1", b"")
        body = {"objects": [{"objectName": "batch/1"}, {"objectName": "batch/absent"}]}
        answer = self.client.call("POST", f"{self.client.bucket}/actions/batchDeleteObjects", body).json
        self.assertEqual([item["objectName"] for item in answer["deleted"]], ["batch/1"])
        self.assertEqual([item["statusCode"] for item in answer["failed"]], [404])
        many = {"objects": [{"objectName": "x"}] * 1001}
        self.assertEqual(self.client.call("POST", f"{self.client.bucket}/actions/batchDeleteObjects", many).status, 400)

    def test_a_multipart_upload_is_its_parts_in_order(self) -> None:
        bucket = self.client.bucket
        upload = self.client.call("POST", f"{bucket}/u", {"object": "big", "metadata": {"opc-meta-a": "b"}}).json
        query = f"uploadId={upload['uploadId']}"
        parts = []
        for number, body in ((2, b"second"), (1, b"first"), (7, b"unused")):
            part = self.client.call("PUT", f"{bucket}/u/big?{query}&uploadPartNum={number}", body)
            parts.append({"partNum": number, "etag": part.headers["etag"]})
        listed = self.client.call("GET", f"{bucket}/u/big?{query}").json
        self.assertEqual([part["partNumber"] for part in listed], [1, 2, 7])
        commit: dict[str, Any] = {"partsToCommit": parts[:2]}
        self.assertEqual(self.client.call("POST", f"{bucket}/u/big?{query}", commit).status, 400)
        commit["partsToExclude"] = [7]
        self.assertEqual(self.client.call("POST", f"{bucket}/u/big?{query}", commit).status, 200)
        got = self.client.call("GET", f"{bucket}/o/big")
        self.assertEqual((got.body, got.headers["opc-meta-a"]), (b"firstsecond", "b"))
        self.assertTrue(got.headers["opc-multipart-md5"].endswith("-2"))

    def test_expect_100_continue_is_answered_before_the_body(self) -> None:
        path = self.client.object_path("expected")
        headers = self.client.signed_headers("PUT", path, b"body", True, {"expect": "100-continue"}, None)
        connection = self.client.connection
        connection.close()
        connection.connect()
        head = f"PUT {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        connection.sock.sendall(head.encode())
        self.assertTrue(connection.sock.recv(100).startswith(b"HTTP/1.1 100 Continue"))
        connection.sock.sendall(b"body")
        self.assertTrue(connection.sock.recv(1000).startswith(b"HTTP/1.1 200 "))
        connection.close()

    def test_a_body_that_ends_too_early_stores_nothing(self) -> None:
        path = self.client.object_path("cut")
        files = set((self.emulator.state / "objects").iterdir())
        body = b"x" * 3_000_000  # beyond what is kept in memory
        headers = self.client.signed_headers("PUT", path, body, True, {}, None)
        connection = self.client.connection
        connection.close()
        connection.connect()
        head = f"PUT {path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers.items()) + "\r\n"
        connection.sock.sendall(head.encode() + body[:2_000_000])
        connection.close()
        self.assertEqual(self.client.call("GET", path).status, 404)
        ends = time.monotonic() + 10
        while (left := set((self.emulator.state / "objects").iterdir()) - files) and time.monotonic() < ends:
            time.sleep(0.01)
        self.assertEqual(left, set(), "a part of the body was left behind")
        self.assertEqual(self.emulator.report()["refusals"].get("bug in the emulator, see its stderr"), None)

    def test_requests_without_a_valid_signature_are_401(self) -> None:
        old = formatdate(time.time() - 400, usegmt=True)
        cases: dict[str, dict[str, Any]] = {
            "none": {"change": lambda headers: headers.pop("authorization")},
            "skew": {"date": old},
            "unknown key": {"change": lambda h: h.update(authorization=h["authorization"].replace("user", "usor"))},
            "token": {"change": lambda h: h.update(authorization=h["authorization"].replace('keyId="', 'keyId="ST$'))},
        }
        for name, bent in cases.items():
            with self.subTest(name):
                answer = self.client.call("GET", f"{self.client.bucket}/o", **bent)
                self.assertEqual((answer.status, answer.json["code"]), (401, "NotAuthenticated"))
                self.assertIn("opc-request-id", answer.headers)
        forged = self.client.call(
            "POST",
            f"{self.client.bucket}/u",
            b'{"object":"x"}',
            headers={"x-content-sha256": base64.b64encode(bytes(32)).decode()},
        )
        self.assertEqual(forged.status, 401)

    def test_buckets_and_their_lifecycle_policy(self) -> None:
        base = f"/n/{self.client.environment['OCI_OBJECT_STORAGE_NAMESPACE']}/b"
        compartment = self.client.environment["OCI_COMPARTMENT_ID"]
        details = {"name": "second", "compartmentId": compartment}
        self.assertEqual(self.client.call("POST", base, details).status, 200)
        self.assertEqual(self.client.call("POST", base, details).status, 409)
        rule = {"name": "r", "action": "DELETE", "timeAmount": 7, "timeUnit": "DAYS", "isEnabled": True}
        self.assertEqual(self.client.call("PUT", f"{base}/second/l", {"items": [rule]}).status, 200)
        self.assertEqual(self.client.call("GET", f"{base}/second/l").json["items"], [rule])
        self.assertEqual(self.client.call("PUT", f"{base}/second/o/x", b"1").status, 200)
        self.assertEqual(self.client.call("DELETE", f"{base}/second").json["code"], "BucketNotEmpty")
        self.client.call("DELETE", f"{base}/second/o/x")
        self.assertEqual(self.client.call("DELETE", f"{base}/second").status, 204)
        self.assertEqual(self.client.call("HEAD", f"{base}/second").status, 404)
        self.assertEqual(self.client.call("GET", f"{base}/second").json["code"], "BucketNotFound")
        names = [item["name"] for item in self.client.call("GET", f"{base}?compartmentId={compartment}").json]
        self.assertEqual(names, ["scaler-tasks"])


if __name__ == "__main__":
    unittest.main()
