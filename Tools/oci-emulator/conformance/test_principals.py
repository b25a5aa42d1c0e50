# SPDX-License-Identifier: Apache-2.0
"""The SDK's signers: API key, session token, instance principal, resource principal; and the signature both ways."""

from __future__ import annotations

import json
import os
import unittest
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, cast
from unittest import mock

import cloudpickle
import harness
import oci
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from oci._vendor import requests
from oci._vendor.httpsig_cffi.verify import HeaderVerifier

from oci_emulator import signatures


def in_container() -> dict[str, Any]:
    """Runs inside a container, with its resource principal, through the SDK."""
    import os

    import oci

    signer = oci.auth.signers.get_resource_principals_signer()
    client = oci.object_storage.ObjectStorageClient({}, signer=signer, service_endpoint=os.environ["OCI_ENDPOINT"])
    client.base_client.session.verify = os.environ["OCI_CA_BUNDLE"]
    namespace, bucket = os.environ["OCI_NAMESPACE"], os.environ["OCI_BUCKET"]
    client.put_object(namespace, bucket, "from-container", b"hello")
    try:
        client.list_buckets(namespace, signer.get_claim("res_compartment"))
        status = 200
    except oci.exceptions.ServiceError as error:
        status = error.status
    return {"namespace": client.get_namespace().data, "list_buckets": status, "tenancy": signer.tenancy_id}


class Principals(unittest.TestCase):
    def setUp(self) -> None:
        self.environment = harness.emulator().environment
        self.namespace = self.environment["OCI_OBJECT_STORAGE_NAMESPACE"]

    def storage(self, **options) -> oci.object_storage.ObjectStorageClient:
        return harness.client(oci.object_storage.ObjectStorageClient, **options)

    def session(self) -> tuple[dict[str, Any], Any]:
        config = harness.config("SESSION")
        token = Path(config["security_token_file"]).read_text()
        return config, oci.auth.signers.SecurityTokenSigner(
            token, oci.signer.load_private_key_from_file(config["key_file"])
        )

    def test_a_session_token_works_and_can_be_refreshed(self) -> None:
        config, signer = self.session()
        self.assertEqual(self.storage(config=config, signer=signer).get_namespace().data, self.namespace)
        current = Path(config["security_token_file"]).read_text()
        answer = requests.post(
            self.environment["OCI_ENDPOINT"] + "/v1/authentication/refresh", json={"currentToken": current},
            auth=signer, verify=self.environment["OCI_CA_BUNDLE"], timeout=10,
        )  # fmt: skip
        renewed = oci.auth.signers.SecurityTokenSigner(answer.json()["token"], signer.private_key)
        self.assertEqual(self.storage(config=config, signer=renewed).get_namespace().data, self.namespace)

    def test_a_token_that_is_not_ours_is_refused(self) -> None:
        config, signer = self.session()
        token = Path(config["security_token_file"]).read_text()
        head, body, _ = token.split(".")
        forged = oci.auth.signers.SecurityTokenSigner(f"{head}.{body}.{'A' * 342}", signer.private_key)
        with self.assertRaises(oci.exceptions.ServiceError) as refused:
            self.storage(config=config, signer=forged).get_namespace()
        self.assertEqual((refused.exception.status, refused.exception.code), (401, "NotAuthenticated"))

    def test_the_sdk_s_instance_principal_goes_through_metadata_and_federation(self) -> None:
        base = self.environment["OCI_METADATA_BASE_URL"]
        with mock.patch.dict(os.environ, {"OCI_METADATA_BASE_URL": base}):
            signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner(
                federation_endpoint=self.environment["OCI_ENDPOINT"] + "/v1/x509",
                federation_client_cert_bundle_verify=self.environment["OCI_CA_BUNDLE"],
            )
        self.assertEqual(signer.region, self.environment["OCI_REGION"])
        self.assertEqual(signer.tenancy_id, harness.config()["tenancy"])
        storage = self.storage(config={"region": signer.region}, signer=signer)
        self.assertEqual(storage.get_namespace().data, self.namespace)
        signer.refresh_security_token()
        self.assertEqual(storage.get_namespace().data, self.namespace)

    def test_the_metadata_service_wants_its_header_and_no_proxies(self) -> None:
        url = self.environment["OCI_METADATA_BASE_URL"]
        good = {"Authorization": "Bearer Oracle"}
        self.assertEqual(requests.get(url + "/instance/region", headers=good, timeout=10).text, "iad")
        info = json.loads(requests.get(url + "/instance/regionInfo", headers=good, timeout=10).text)
        self.assertEqual(info["regionIdentifier"], self.environment["OCI_REGION"])
        for headers in ({}, {**good, "X-Forwarded-For": "10.0.0.1"}):
            self.assertGreaterEqual(
                requests.get(url + "/instance/region", headers=headers, timeout=10).status_code, 400
            )
        v1 = url.replace("/v2", "/v1") + "/instance/region"
        self.assertEqual(requests.get(v1, headers=good, timeout=10).status_code, 404)

    def test_the_sdk_s_resource_principal_works_inside_a_container(self) -> None:
        import support

        cloudpickle.register_pickle_by_value(__import__(__name__))
        client = support.Client(self.environment)
        data = cloudpickle.dumps({"task_id": "aa", "function": in_container, "arguments": []})
        made = client.create(client.create_body(client.task_variables(data, "c0"))).json
        client.wait_for(made["id"], "INACTIVE", "FAILED")
        stored = client.call("GET", client.object_path("tasks/owner/results/c0.pkl"))
        value = cloudpickle.loads(stored.body)
        self.assertEqual(
            value, {"namespace": self.namespace, "list_buckets": 404, "tenancy": harness.config()["tenancy"]}
        )
        client.call("DELETE", f"/20210415/containerInstances/{made['id']}")
        client.connection.close()


class BothWays(unittest.TestCase):
    """Their signer, our verifier; our client's signature, their verifier."""

    def setUp(self) -> None:
        config = harness.config()
        self.config = config
        key = load_pem_private_key(Path(config["key_file"]).read_bytes(), None)
        self.public = cast(RSAPublicKey, key.public_key())

    def test_what_the_sdk_signs_our_verifier_accepts(self) -> None:
        signer = oci.signer.Signer(
            self.config["tenancy"], self.config["user"], self.config["fingerprint"], self.config["key_file"]
        )
        for method, body in (("GET", None), ("DELETE", None), ("HEAD", None), ("POST", b'{"a":1}'), ("PUT", b"{}")):
            with self.subTest(method):
                request = requests.Request(method, "https://h.example:8443/a%2Fb?x=1%20y&z=", data=body).prepare()
                request.headers.setdefault("content-type", "application/json")
                signer(request)
                headers = {name.lower(): value for name, value in request.headers.items()}
                now = parsedate_to_datetime(headers["date"]).timestamp()
                header = signatures.parse(headers["authorization"])
                signatures.verify(header, self.public, method, request.path_url, headers, now)
                if body is not None:
                    signatures.check_body(headers, body)

    def test_what_our_client_signs_the_sdk_s_verifier_accepts(self) -> None:
        import support

        client = support.Client(harness.emulator().environment)
        pem = self.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        for method, body in (("GET", b""), ("POST", b'{"a":1}')):
            with self.subTest(method):
                headers = client.signed_headers(method, "/x?y=1", body, False, {}, None)
                names = signatures.parse(headers["authorization"]).headers
                headers["authorization"] = headers["authorization"].replace('version="1",', "")
                verifier = HeaderVerifier(
                    headers, secret=pem, required_headers=list(names), method=method, path="/x?y=1", host=client.host
                )
                self.assertTrue(verifier.verify())


if __name__ == "__main__":
    unittest.main()
