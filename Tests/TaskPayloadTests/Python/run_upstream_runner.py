# SPDX-License-Identifier: Apache-2.0
"""Runs Scaler's own job runner, unmodified, with a directory in place of Object Storage.

Usage: run_upstream_runner.py RUNNER DIRECTORY, with the runner's environment. Only the OCI SDK is stood in for.
"""

import pathlib
import runpy
import sys
import types
from typing import Any


class DirectoryClient:
    """The three calls that the runner makes."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self._directory = pathlib.Path(sys.argv[2])

    def _path(self, object_name: str) -> pathlib.Path:
        return self._directory / object_name.replace("/", "%2F")

    def get_object(self, namespace_name: str, bucket_name: str, object_name: str) -> Any:
        content = self._path(object_name).read_bytes()
        return types.SimpleNamespace(data=types.SimpleNamespace(content=content))

    def put_object(self, namespace_name: str, bucket_name: str, object_name: str, put_object_body: bytes) -> None:
        self._path(object_name).write_bytes(put_object_body)

    def delete_object(self, namespace_name: str, bucket_name: str, object_name: str) -> None:
        self._path(object_name).unlink()


def main() -> None:
    oci: Any = types.ModuleType("oci")
    oci.auth = types.SimpleNamespace(signers=types.SimpleNamespace(get_resource_principals_signer=lambda: None))
    oci.object_storage = types.SimpleNamespace(ObjectStorageClient=DirectoryClient)
    sys.modules["oci"] = oci
    runpy.run_path(sys.argv[1], run_name="__main__")


if __name__ == "__main__":
    main()
