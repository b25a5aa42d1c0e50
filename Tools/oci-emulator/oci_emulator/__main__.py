# SPDX-License-Identifier: Apache-2.0
"""`python -m oci_emulator` is the same as the executable `oci-emulator`."""

import sys

from oci_emulator.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
