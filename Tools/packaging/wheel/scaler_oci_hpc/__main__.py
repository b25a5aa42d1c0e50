# SPDX-License-Identifier: Apache-2.0
"""Becomes the program: python -m scaler_oci_hpc."""

import os
import sys

from scaler_oci_hpc import find_program

if __name__ == "__main__":
    program = find_program()
    os.execv(program, [program, *sys.argv[1:]])
