# SPDX-License-Identifier: Apache-2.0
"""Every operation of oci.object_storage that the emulator has, and the SDK's upload manager."""

from __future__ import annotations

import io
import os
import unittest
from typing import Any

import harness
import oci
from oci.object_storage import ObjectStorageClient, UploadManager, models


class ObjectStorage(unittest.TestCase):
    environment: dict[str, str]
    client: Any
    namespace: str
    bucket: str

    @classmethod
    def setUpClass(cls) -> None:
        cls.environment = harness.emulator().environment
        cls.client = harness.client(ObjectStorageClient)
        cls.namespace = cls.client.get_namespace().data
        cls.bucket = cls.environment["OCI_OBJECT_STORAGE_BUCKET"]

    def put(self, name: str, body: object, **options) -> oci.response.Response:
        return self.client.put_object(self.namespace, self.bucket, name, body, **options)

    def get(self, name: str, **options) -> oci.response.Response:
        return self.client.get_object(self.namespace, self.bucket, name, **options)

    def refused(self, call, *arguments, **options) -> oci.exceptions.ServiceError:
        with self.assertRaises(oci.exceptions.ServiceError) as caught:
            call(*arguments, **options)
        return caught.exception

    def test_the_namespace_is_the_announced_one(self) -> None:
        self.assertEqual(self.namespace, self.environment["OCI_OBJECT_STORAGE_NAMESPACE"])

    def test_objects_come_back_whatever_their_names(self) -> None:
        for name in ("plain", "a/b c", "é~+#?%", "x*()'!$,;:@&=", "a/../b"):
            with self.subTest(name):
                self.put(name, b"body of " + name.encode(), opc_meta={"owner": "me"}, content_type="text/x")
                got = self.get(name)
                self.assertEqual(got.data.content, b"body of " + name.encode())
                self.assertEqual((got.headers["opc-meta-owner"], got.headers["content-type"]), ("me", "text/x"))
                head = self.client.head_object(self.namespace, self.bucket, name)
                self.assertEqual(head.headers["etag"], got.headers["etag"])
                self.client.delete_object(self.namespace, self.bucket, name)
                self.assertEqual(self.refused(self.get, name).status, 404)

    def test_streams_ranges_and_conditions(self) -> None:
        data = os.urandom(3_000_000)
        mark = self.put("stream", io.BytesIO(data)).headers["etag"]
        self.assertEqual(self.get("stream").data.content, data)
        part = self.get("stream", range="bytes=10-19")
        self.assertEqual((part.status, part.data.content), (206, data[10:20]))
        self.assertEqual(self.refused(self.put, "stream", b"", if_none_match="*").code, "IfNoneMatchFailed")
        self.assertEqual(self.refused(self.put, "stream", b"", if_match="other").status, 412)
        self.assertEqual(self.refused(self.get, "stream", if_none_match=mark).status, 304)
        self.assertEqual(self.put("stream", b"new", if_match=mark).status, 200)
        self.client.delete_object(self.namespace, self.bucket, "stream")

    def test_listing(self) -> None:
        names = [f"listing/{number:02}" for number in range(12)]
        for name in names:
            self.put(name, b"x")
        seen = []
        start = None
        while True:
            page = self.client.list_objects(
                self.namespace, self.bucket, prefix="listing/", start=start, limit=5,
                fields="name,size,etag,timeCreated,md5,timeModified,storageTier,archivalState",
            ).data  # fmt: skip
            seen += page.objects
            start = page.next_start_with
            if start is None:
                break
        self.assertEqual([item.name for item in seen], names)
        self.assertTrue(all(item.size == 1 and item.md5 and item.time_created for item in seen))
        grouped = self.client.list_objects(self.namespace, self.bucket, prefix="listing", delimiter="/").data
        self.assertEqual(grouped.prefixes, ["listing/"])
        details = models.BatchDeleteObjectsDetails(
            objects=[models.BatchDeleteObjectIdentifier(object_name=name) for name in [*names, "listing/absent"]]
        )
        answer = self.client.batch_delete_objects(self.namespace, self.bucket, details).data
        self.assertEqual([item.object_name for item in answer.deleted], names)
        self.assertEqual([item.object_name for item in answer.failed], ["listing/absent"])

    def test_the_upload_manager_s_multipart_upload(self) -> None:
        data = os.urandom(5_000_000)
        manager = UploadManager(self.client, allow_parallel_uploads=True, parallel_process_count=3)
        path = harness.emulator().state / "upload"
        path.write_bytes(data)
        manager.upload_file(self.namespace, self.bucket, "uploaded", str(path), part_size=1 << 20, metadata={"a": "b"})
        got = self.get("uploaded")
        self.assertEqual((got.data.content, got.headers["opc-meta-a"]), (data, "b"))
        self.assertTrue(got.headers["opc-multipart-md5"].endswith("-5"))
        self.client.delete_object(self.namespace, self.bucket, "uploaded")

    def test_multipart_uploads_step_by_step(self) -> None:
        details = models.CreateMultipartUploadDetails(object="steps", content_type="text/x")
        upload = self.client.create_multipart_upload(self.namespace, self.bucket, details).data
        listed = self.client.list_multipart_uploads(self.namespace, self.bucket).data
        self.assertIn(upload.upload_id, [item.upload_id for item in listed])
        self.client.upload_part(self.namespace, self.bucket, "steps", upload.upload_id, 1, b"one")
        parts = self.client.list_multipart_upload_parts(self.namespace, self.bucket, "steps", upload.upload_id).data
        self.assertEqual([(part.part_number, part.size) for part in parts], [(1, 3)])
        self.client.abort_multipart_upload(self.namespace, self.bucket, "steps", upload.upload_id)
        error = self.refused(
            self.client.commit_multipart_upload, self.namespace, self.bucket, "steps", upload.upload_id,
            models.CommitMultipartUploadDetails(parts_to_commit=[]),
        )  # fmt: skip
        self.assertEqual(error.status, 404)

    def test_buckets_and_lifecycle_policies(self) -> None:
        details = models.CreateBucketDetails(name="sdk", compartment_id=self.environment["OCI_COMPARTMENT_ID"])
        self.client.create_bucket(self.namespace, details)
        self.assertEqual(self.refused(self.client.create_bucket, self.namespace, details).status, 409)
        self.client.update_bucket(self.namespace, "sdk", models.UpdateBucketDetails(freeform_tags={"a": "b"}))
        fields = ["approximateCount", "approximateSize"]
        bucket = self.client.get_bucket(self.namespace, "sdk", fields=fields).data
        self.assertEqual((bucket.freeform_tags, bucket.approximate_count), ({"a": "b"}, 0))
        self.assertIn("etag", self.client.head_bucket(self.namespace, "sdk").headers)
        names = [one.name for one in self.client.list_buckets(self.namespace, details.compartment_id).data]
        self.assertIn("sdk", names)
        rule = models.ObjectLifecycleRule(
            name="old", target="objects", action="DELETE", time_amount=7, time_unit="DAYS", is_enabled=True,
            object_name_filter=models.ObjectNameFilter(inclusion_prefixes=["scaler-tasks/"]),
        )  # fmt: skip
        policy = models.PutObjectLifecyclePolicyDetails(items=[rule])
        self.client.put_object_lifecycle_policy(self.namespace, "sdk", policy)
        got = self.client.get_object_lifecycle_policy(self.namespace, "sdk").data
        self.assertEqual(got.items[0].object_name_filter.inclusion_prefixes, ["scaler-tasks/"])
        self.client.delete_object_lifecycle_policy(self.namespace, "sdk")
        self.client.delete_bucket(self.namespace, "sdk")
        self.assertEqual(self.refused(self.client.get_bucket, self.namespace, "sdk").code, "BucketNotFound")


if __name__ == "__main__":
    unittest.main()
