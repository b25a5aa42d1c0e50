# SPDX-License-Identifier: Apache-2.0
"""Plays Scaler's client for one task: prints its parts, reads what it came to, prints what a user would see.

Usage: client.py CASE. One line of JSON each way; both halves run in one process, because cloudpickle only gives a
client its own classes back if it was the one to send them.
"""

import json
import os
import pickle
import random
import struct
import sys
import threading
import traceback
import types
import zlib
from typing import Any, Callable, Dict, List, Tuple

import cloudpickle

# What DefaultSerializer of Scaler 2.9.0 pickles to, so that only one case here needs Scaler itself.
DEFAULT_SERIALIZER = (
    b"\x80\x05\x95\x3d\0\0\0\0\0\0\0\x8c\x20scaler.client.serializer.default"
    b"\x94\x8c\x11DefaultSerializer\x94\x93\x94)\x81\x94."
)


class OwnError(Exception):
    """Has parameters that differ from its args, which plain pickling cannot restore."""

    def __init__(self, code: int, detail: Dict[str, int]) -> None:
        super().__init__(f"code {code}")
        self.code, self.detail = code, detail


class LockError(Exception):
    """Cannot be pickled at all."""

    def __init__(self) -> None:
        super().__init__("held")
        self.lock = threading.Lock()


class UnloadableArgument:
    def __reduce__(self) -> Tuple[Callable[..., Any], Tuple[str]]:
        return int, ("no number",)


class TextlessError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text either")


def add(a: int, b: int) -> int:
    return a + b


def raise_own() -> None:
    raise OwnError(7, {"a": 1})


def raise_from_cause() -> None:
    try:
        {}["missing key"]  # type: ignore[index]
    except KeyError as error:
        raise FileNotFoundError(2, "No such file or directory", "f.txt") from error


def raise_lock() -> None:
    raise LockError


def raise_textless() -> None:
    raise TextlessError


def return_lock() -> Any:
    return threading.Lock()


def return_lookalike() -> Dict[str, Any]:
    return {"_scaler_container_error": True, "error": "only a value", "traceback": ""}


def call_exit() -> None:
    sys.exit(3)


def interrupt() -> None:
    raise KeyboardInterrupt


def import_missing() -> None:
    import a_module_nobody_has.part  # type: ignore[import-not-found]  # noqa: F401


def length(value: bytes) -> int:
    return len(value)


def nothing(*_values: Any) -> None:
    return None


def count_scaler_modules() -> int:
    return sum(name.split(".")[0] == "scaler" for name in sys.modules)


def speak(number: int) -> int:
    print("out")
    sys.stderr.write("erré\n")
    # Half of a pair, which no encoding has.
    sys.stdout.write("\ud83d")
    return number


def speak_then_fail() -> None:
    speak(1)
    raise KeyError("spoken")


def surroundings() -> str:
    try:
        from scaler.worker.agent.processor.processor import Processor
    except ImportError:
        return "no Scaler " + os.environ["SCALER_NETWORK_BACKEND"]
    processor = Processor.get_current_processor()
    flags = struct.unpack("!?i?", processor.current_task().metadata)
    addresses = f"{processor.scheduler_address()} {processor.object_storage_address()}"
    return f"{addresses} {flags[1]} {os.environ['SCALER_NETWORK_BACKEND']}"


def from_missing_module() -> Callable[[], None]:
    """A function that travels by reference to a module which only the client has."""
    module = types.ModuleType("only_the_client_has_this")
    sys.modules[module.__name__] = module
    exec("def work(): pass", module.__dict__)
    return module.work


def compressing_serializer(bad_result: bool = False) -> Any:
    from scaler.client.serializer.mixins import Serializer

    class Compressing(Serializer):
        @staticmethod
        def serialize(value: Any) -> Any:
            return "text" if bad_result and value is None else b"Z!" + zlib.compress(cloudpickle.dumps(value))

        @staticmethod
        def deserialize(data: bytes) -> Any:
            assert data[:2] == b"Z!"
            return cloudpickle.loads(zlib.decompress(data[2:]))

    return Compressing()


CASES: Dict[str, Tuple[Callable[..., Any], List[Any]]] = {
    "add": (add, [1, 2]),
    "large": (length, [random.Random(1).randbytes(60_000)]),
    "own-error": (raise_own, []),
    "cause": (raise_from_cause, []),
    "lock-error": (raise_lock, []),
    "textless-error": (raise_textless, []),
    "lock-result": (return_lock, []),
    "lookalike": (return_lookalike, []),
    "exit": (call_exit, []),
    "interrupt": (interrupt, []),
    "missing-at-run": (import_missing, []),
    "missing-at-load": (nothing, []),
    "bad-argument": (nothing, [1, UnloadableArgument()]),
    "own-serializer": (add, [1, 2]),
    "own-serializer-no-bytes": (nothing, []),
    "stand-in-leaves": (count_scaler_modules, []),
    "speak": (speak, [3]),
    "speak-then-fail": (speak_then_fail, []),
    "surroundings": (surroundings, []),
}


def main() -> None:
    case = sys.argv[1]
    function, arguments = CASES[case]
    if case == "missing-at-load":
        function = from_missing_module()
    serializer = None
    if case.startswith("own-serializer") or case == "stand-in-leaves":
        serializer = compressing_serializer(bad_result=case.endswith("no-bytes"))
    serialize = serializer.serialize if serializer else lambda value: cloudpickle.dumps(value, protocol=5)
    parts = {
        "serializer": (cloudpickle.dumps(serializer, protocol=5) if serializer else DEFAULT_SERIALIZER).hex(),
        "function": serialize(function).hex(),
        "arguments": [serialize(value).hex() for value in arguments],
    }
    print(json.dumps(parts), flush=True)

    outcome = json.loads(sys.stdin.readline())
    payload = bytes.fromhex(outcome["payload"])
    if outcome["kind"] == "result":
        value = serializer.deserialize(payload) if serializer else cloudpickle.loads(payload)
        print(json.dumps({"value": value}), flush=True)
        return
    error = pickle.loads(payload)
    try:
        text = str(error)
    except ValueError:
        text = ""
    report = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    print(
        json.dumps(
            {
                "type": type(error).__name__,
                "text": text,
                "report": report,
                "isOwnClass": type(error) is OwnError,
                "detail": getattr(error, "detail", None),
                "moduleName": getattr(error, "name", None),
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
