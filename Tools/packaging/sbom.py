# SPDX-License-Identifier: Apache-2.0
"""The list of components (SBOM) of a release, as CycloneDX 1.6 has it (cyclonedx.org/docs/1.6/json)."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from release import LICENCES, NAME, SUMMARY, Component, Release


def document(release: Release) -> bytes:
    main = {
        "type": "application",
        "bom-ref": NAME,
        "name": NAME,
        "version": release.version,
        "description": SUMMARY,
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(release.content).hexdigest()}],
        "licenses": [{"expression": "Apache-2.0"}],
    }
    components = [described(component) for component in release.components]
    bom = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": datetime.fromtimestamp(release.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": main,
        },
        "components": components,
        "dependencies": [{"ref": NAME, "dependsOn": [component["bom-ref"] for component in components]}],
    }
    return json.dumps(bom, indent=2).encode() + b"\n"


def described(component: Component) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": component.url,
        "name": component.name,
        "version": component.version,
        "licenses": [{"expression": LICENCES[re.sub(r"^gcc-\d+$", "gcc", component.name)]}],
        "purl": component.url,
    }
