# SPDX-License-Identifier: Apache-2.0
"""Submits a few tasks to a scheduler through Scaler's own client; says of each, in a line of JSON, how it went.

Run as: python - ADDRESS SECONDS TEST,TEST... The functions travel with their code, since they stand in __main__.
"""

import json
import math
import os
import platform
import sys
import threading


def say(check, ok, detail):
    print(json.dumps({"check": check, "ok": ok, "detail": detail}), flush=True)


def double(number):
    return number * 2


def weigh(count):
    total = 0.0
    for number in range(count):
        total += number * number * 0.01
    return total


def submissions():
    """What each test submits, and what must come back."""
    return {
        "sqrt": ([(math.sqrt, 16)], [4.0]),
        "simple": ([(double, 21)], [42]),
        "map": ([(double, number) for number in range(5)], [0, 2, 4, 6, 8]),
        "compute": ([(weigh, 1000)], [weigh(1000)]),
    }


def run(client, name, seconds):
    calls, expected = submissions()[name]
    try:
        futures = [client.submit(*call) for call in calls]
        results = [future.result(timeout=seconds) for future in futures]
    except Exception as error:  # noqa: BLE001 - a task's exception can be anything
        text = f"{type(error).__name__}: {error}".strip().rstrip(":")
        say(name, False, text if str(error) else f"no result within {seconds} s")
        return
    say(name, results == expected, f"{results}" if results == expected else f"{results} in place of {expected}")


def compare_python(client, seconds):
    """Asks a task for its Python, by a function that travels by name: code does not run in another minor version."""
    own = platform.python_version()
    try:
        found = client.submit(platform.python_version).result(timeout=seconds)
    except Exception as error:  # noqa: BLE001 - as above
        say("python", False, f"no task said which Python it has: {type(error).__name__}: {error}".rstrip(": "))
        return
    is_same = found.split(".")[:2] == own.split(".")[:2]
    say("python", is_same, f"the client has Python {own}, and its tasks {found}")


def main():
    address, seconds, names = sys.argv[1], int(sys.argv[2]), sys.argv[3].split(",")
    try:
        import scaler
        from scaler import Client
    except Exception as error:  # noqa: BLE001 - a broken installation can raise anything
        say("client", False, f"{sys.executable} has no usable opengris-scaler: {type(error).__name__}: {error}")
        return
    # A client whose scheduler never answers would wait for ever.
    alarm = threading.Timer(30, lambda: (say("client", False, "the scheduler did not answer a client"), os._exit(1)))
    alarm.daemon = True
    alarm.start()
    client = Client(address=address)
    alarm.cancel()
    say("client", True, f"opengris-scaler {getattr(scaler, '__version__', '')} connected".replace("  ", " "))
    for name in names:
        run(client, name, seconds)
    compare_python(client, seconds)
    # Leaving in order may wait for a dead scheduler; everything has been said.
    sys.stdout.flush()
    leaving = threading.Thread(target=client.disconnect, daemon=True)
    leaving.start()
    leaving.join(5)
    os._exit(0)


main()
