# SPDX-License-Identifier: Apache-2.0
"""Finds the program scaler-oci-hpc where pip has put it."""

import sys
import sysconfig
from pathlib import Path


def find_program() -> str:
    """The path of the program; FileNotFoundError where it is in none of the places that pip uses."""
    places = [
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
        # pip install --target
        str(Path(__file__).resolve().parents[1] / "bin"),
    ]
    for place in places:
        program = Path(place) / "scaler-oci-hpc"
        if program.is_file():
            return str(program)
    raise FileNotFoundError(f"{sys.executable} has no scaler-oci-hpc in {', '.join(places)}")
