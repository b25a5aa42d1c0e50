# SPDX-License-Identifier: Apache-2.0
"""A local OCI: Container Instances, Object Storage and what surrounds them, over signed HTTPS."""

__version__ = "1.0.0"
