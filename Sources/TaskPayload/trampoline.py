# SPDX-License-Identifier: Apache-2.0
"""Runs one Scaler task in the container, between the job runner and the client's own serializer.

The daemon never unpickles what a client sent. It sends this source along instead; the payload's pickle compiles it,
and the runner calls ``run`` with the client's bytes just as they arrived. What comes back is one ``bytes``, which the
daemon finds in the runner's pickle without unpickling: a head of 21 bytes (``SOH1``; ``R`` or ``E``; Scaler's
ProfileResult), then the result in the client's own serialization or, for a failure, a plain pickle of the exception,
which is what a Scaler client loads. Where the client asked for the task's output, the kind is ``r`` or ``e``, and
between head and result stand 4 bytes of length, big endian, and that many bytes of output (``Output``). The image needs
Python 3.8 and cloudpickle, as the runner does, and neither Scaler nor tblib.
"""

import collections
import contextlib
import copyreg
import importlib.util
import io
import json
import opcode
import os
import pickle
import platform
import struct
import sys
import threading
import time
import traceback
import types

import cloudpickle

__name__ = "scaler_trampoline"

MARK = b"SOH1"

# The exit codes with which the runner answers SIGINT and SIGTERM: the container is being stopped, and that is the
# daemon's doing or the cloud's, not an outcome of the task.
STOPPED = (128 + 2, 128 + 15)

# Kinds of error that a text alone can make, and that every client can load.
PLAIN_KINDS = (
    AttributeError, EOFError, ImportError, MemoryError, ModuleNotFoundError, RecursionError, TypeError, ValueError,
    pickle.PicklingError, pickle.UnpicklingError,
)


# Flags of a code object: that of a function; of a generator, a coroutine, both.
OPTIMIZED, GENERATORS = 0x1, 0x2A0

# RESUME, and the empty units behind an instruction, of the versions that clients have; made of each one's `opcode`.
INLINE_UNITS = {
    "3.11": (151, {25: 4, 60: 1, 92: 1, 95: 4, 106: 4, 107: 2, 116: 5, 122: 1, 160: 10, 166: 1, 171: 4}),
    "3.12": (151, {25: 1, 60: 1, 92: 1, 93: 1, 95: 4, 106: 9, 107: 1, 116: 4, 122: 1, 123: 1, 141: 1, 171: 3}),
    "3.13": (149, {
        5: 1, 39: 1, 40: 3, 45: 1, 53: 3, 58: 1, 59: 1, 72: 1, 77: 1, 82: 9, 91: 4, 93: 1, 97: 1, 98: 1, 99: 1, 100: 1,
        104: 1, 108: 4, 117: 1,
    }),
}  # fmt: skip


class Serializer:
    """Stands in for scaler.client.serializer.mixins.Serializer."""


class DefaultSerializer(Serializer):
    """Does what scaler.client.serializer.default.DefaultSerializer does."""

    @staticmethod
    def serialize(value):
        return cloudpickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    @staticmethod
    def deserialize(data):
        return cloudpickle.loads(data)


class Output:
    """What the task prints, piece by piece, as lines of JSON: ["scaler-output", number, 1 for stdout or 2, text].

    The lines go to the container's log, where the daemon may find them while the task runs, and the last ones come
    with the result; by the numbers it tells what it has passed on already. What goes to stderr is printed plainly too:
    of a task that ends its process, the runner reports no more than that.
    """

    KEPT_BYTES = 1 << 18  # as much as OCI keeps of a container's log
    PIECE_CHARACTERS = 4096

    def __init__(self):
        self.lock = threading.RLock()
        self.count = self.size = 0
        self.lines = collections.deque()
        self.log, self.plain = sys.stdout, sys.stderr

    def add(self, stream, text):
        text = text.encode("utf-8", "replace").decode()
        with self.lock:
            for start in range(0, len(text), self.PIECE_CHARACTERS):
                piece = text[start : start + self.PIECE_CHARACTERS]
                self.keep(json.dumps(["scaler-output", self.count, stream, piece]) + "\n")
            if stream == 2:
                self.plain.write(text)
                self.plain.flush()

    def keep(self, line):
        self.count += 1
        self.size += len(line)
        self.lines.append(line)
        while self.size > self.KEPT_BYTES:
            self.size -= len(self.lines.popleft())
        self.log.write(line)
        self.log.flush()

    def record(self):
        with self.lock:
            data = "".join(self.lines).encode()
        return len(data).to_bytes(4, "big") + data

    @contextlib.contextmanager
    def taken(self):
        out, err = Printed(self, 1, self.log), Printed(self, 2, self.plain)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield


class Printed(io.TextIOBase):
    """Takes the place of sys.stdout or sys.stderr."""

    encoding, errors = "utf-8", "replace"

    def __init__(self, output, stream, original):
        self.output, self.stream, self.original = output, stream, original

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.output.add(self.stream, text)
        return len(text)

    def writable(self):
        return True

    def fileno(self):
        return self.original.fileno()


class Processor:
    """Stands in for a native worker's processor: a client made inside a task asks it whom to connect to, and for the
    priority of the task, above which it puts its own."""

    MODULE = "scaler.worker.agent.processor.processor"

    def __init__(self, context):
        self.context = context

    def current_task(self):
        return types.SimpleNamespace(metadata=self.context["flags"])

    def scheduler_address(self):
        return self.address("scheduler")

    def object_storage_address(self):
        return self.address("storage")

    def address(self, name):
        from scaler.config.types.address import AddressConfig

        return AddressConfig.from_string(self.context[name])

    def stand_in(self):
        """Waits in the list of finders for Scaler to be imported: most tasks never do, and it takes a while."""
        os.environ.setdefault("SCALER_NETWORK_BACKEND", self.context["backend"])
        if self.MODULE in sys.modules:
            sys.modules[self.MODULE]._current_processor.set(self)
        else:
            sys.meta_path.insert(0, self)

    def find_spec(self, name, path=None, target=None):
        if name != self.MODULE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                module._current_processor.set(self)

            spec.loader.exec_module = exec_module
        return spec


def run(context, serializer, function, *arguments):
    """Runs the task whose parts are given as the client's bytes; no serializer means Scaler's default one.

    `context` says what a native worker would know: the task's flags (`!?i?`: profiling, priority, stream_output), the
    addresses of scheduler and storage, and the name of the transport.
    """
    started, cpu_started, memory_started = time.monotonic(), time.process_time(), memory_bytes("VmRSS:")
    output = Output() if context["flags"][5:6] == b"\1" else None
    Processor(context).stand_in()
    try:
        kind, payload = b"R", serialized_result(serializer, function, arguments, output)
    except BaseException as error:
        if isinstance(error, SystemExit) and error.code in STOPPED:
            raise
        kind, payload = b"E", pickled_failure(error)
    profile = struct.pack(
        "!fQf",
        time.monotonic() - started,
        max(0, memory_bytes("VmHWM:") - memory_started),
        time.process_time() - cpu_started,
    )
    if output is None:
        return b"".join((MARK, kind, profile, payload))
    return b"".join((MARK, kind.lower(), profile, output.record(), payload))


def serialized_result(serializer, function, arguments, output):
    codec = DefaultSerializer if serializer is None else loaded(load_serializer, serializer, "serializer")
    call = loaded(codec.deserialize, function, "function")
    values = [loaded(codec.deserialize, data, f"argument {n}") for n, data in enumerate(arguments, 1)]
    try:
        with output.taken() if output else contextlib.nullcontext():
            result = call(*values)
    except ModuleNotFoundError as error:
        raise missing_module(error, "code") from error
    try:
        data = codec.serialize(result)
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"the serializer made a {type(data).__name__} instead of bytes")
        return data
    except Exception as error:
        text = f"the task finished, but its result, a {type(result).__qualname__}, could not be serialized"
        raise explained(error, text) from error


def loaded(deserialize, data, what):
    try:
        with CodeCheck().applied():
            return deserialize(data)
    except ModuleNotFoundError as error:
        raise missing_module(error, what) from error
    except ForeignCode as error:
        raise RuntimeError(foreign_code(error.versions, what)) from None
    except Exception as error:
        text = (
            f"the task's {what} could not be loaded in the container, which has Python {platform.python_version()} and "
            f"cloudpickle {cloudpickle.__version__}; the client needs the same minor version of Python"
        )
        raise explained(error, text) from error


class ForeignCode(Exception):
    """Another minor version of Python compiled this; `versions` are those that may have, or none that is known."""

    def __init__(self, versions):
        super().__init__(versions)
        self.versions = versions


class CodeCheck:
    """Looks at the code in what is loaded before it can run: compiled by another minor version, it may do anything,
    and as a rule crashes the interpreter.

    A pickle does not name the version that made it, so the code itself is looked at. From 3.11 on, every instruction
    is followed by as many empty units as that version caches results in (`co_code` has them as zeros), and each
    code object has a RESUME. Beside that, the container's own version knows its instructions, and from 3.12 on a
    generator has a table of exceptions. What passes all of this is not refused; of another version that is only
    some of the code in which nothing is called, read from a global name or computed.
    """

    def __init__(self):
        self.own = "{}.{}".format(*platform.python_version_tuple())
        self.table = self.own_table()
        self.known = {number for number in opcode.opmap.values() if number < 256}
        # Of a class's own body, and never of a function's.
        self.class_only = {number for name, number in opcode.opmap.items() if name.startswith("LOAD_FROM_DICT_OR_")}

    @staticmethod
    def own_table():
        """This interpreter's row, from itself: true of versions to come, too; None where the layout has changed."""
        entries = getattr(opcode, "_inline_cache_entries", None)
        if "RESUME" not in opcode.opmap or not entries:
            return None
        if isinstance(entries, dict):
            entries = {opcode.opmap[name]: count for name, count in entries.items() if name in opcode.opmap}
        else:
            entries = dict(enumerate(entries))
        return opcode.opmap["RESUME"], entries

    @contextlib.contextmanager
    def applied(self):
        """While it lasts, cloudpickle makes code objects by way of this check."""
        module = sys.modules["cloudpickle"]
        module = getattr(module, "cloudpickle", module)
        original = getattr(module, "_builtin_type", None)
        if original is None:
            yield
            return
        # A type all the same, for code that asks whether something is of it.
        made, asked = lambda _, *arguments: self.code(*arguments), lambda _, value: isinstance(value, types.CodeType)
        checked = type("CheckedCode", (type,), {"__call__": made, "__instancecheck__": asked})("CodeType", (), {})
        module._builtin_type = lambda name: checked if name == "CodeType" else original(name)
        try:
            yield
        finally:
            module._builtin_type = original

    def code(self, *arguments):
        """Makes a code object of what cloudpickle says it is made of, or raises ForeignCode."""
        if len(arguments) not in (16, 18):
            return types.CodeType(*arguments)
        modern = len(arguments) == 18
        code = next((one for one in arguments[3:8] if isinstance(one, bytes)), b"")
        if modern:
            versions = [name for name, (resume, units) in INLINE_UNITS.items() if self.fits(code, resume, units)]
        else:
            lines = next((one for one in arguments[13:14] if isinstance(one, bytes)), b"")
            # The table of lines of 3.10 covers all of the code; before, that of code with a dead end alone does.
            versions = ["3.10"] if sum(lines[::2]) == len(code) else ["3.8", "3.9"]
        if modern and self.table:
            flags, name, exceptions = arguments[5], arguments[11], arguments[15]
            known = self.known - self.class_only if flags & OPTIMIZED else self.known
            is_bare = flags & GENERATORS and name != "<lambda>" and not exceptions
            is_own = self.fits(code, *self.table, known) and not (is_bare and sys.version_info >= (3, 12))
        else:
            is_own = self.own in versions or (sys.version_info >= (3, 11) if modern else sys.version_info < (3, 10))
        if not is_own:
            raise ForeignCode(versions)
        return types.CodeType(*arguments)

    @staticmethod
    def fits(code, resume, units, known=None):
        """Whether code has a RESUME, empty units behind instructions and nowhere else, and none that is not known."""
        index, resumes = 0, False
        while index < len(code):
            number = code[index]
            if number == 0 or (known and number not in known):
                return False
            resumes = resumes or number == resume
            count = units.get(number, 0)
            index += 2
            if any(code[index : index + 2 * count]) or index + 2 * count > len(code):
                return False
            index += 2 * count
        return resumes


def foreign_code(versions, what):
    own = platform.python_version()
    client = f"Python {' or '.join(versions)}" if versions else "another minor version of Python"
    choice = versions[0] if len(versions) == 1 else "VERSION"
    return (
        f"the task's {what} was pickled by {client}, and its container has Python {own}: code that one minor version "
        "compiled does not run in another, and mostly crashes it. Build the image for the client's Python "
        f"(scaler-oci-hpc build-image --python {choice}), or use a client with Python {'.'.join(own.split('.')[:2])}"
    )


def load_serializer(data):
    """Loads a serializer; one from the client's script travels by value, yet names Scaler's base class.

    Where the image has no Scaler, stand-ins are importable while it loads, and no longer: the task's own code must
    not mistake them for the real package.
    """
    modules = {}
    if importlib.util.find_spec("scaler") is None:
        package = "scaler.client.serializer"
        names = ("scaler", "scaler.client", package, f"{package}.mixins", f"{package}.default")
        modules = {name: types.ModuleType(name) for name in names}
        modules[f"{package}.mixins"].Serializer = Serializer
        modules[f"{package}.default"].DefaultSerializer = DefaultSerializer
    sys.modules.update(modules)
    try:
        return cloudpickle.loads(data)
    finally:
        for name in modules:
            del sys.modules[name]


def missing_module(error, what):
    name = error.name or "a module"
    text = (
        f"{error}: the task's {what} needs it and the container image does not have it. Add it to the image, or have "
        f"the client send it along with cloudpickle.register_pickle_by_value({name})"
    )
    return ModuleNotFoundError(text, name=error.name)


def explained(error, text):
    """Makes an error of the same kind whose text says what was being done."""
    kind = type(error) if type(error) in PLAIN_KINDS else RuntimeError
    return kind(f"{text}: {described(error)}")


def described(error):
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - an exception's own __str__ can raise anything
        text = ""
    name = type(error).__qualname__
    return f"{name}: {text}" if text else name


def pickled_failure(error):
    """Pickles an exception so that the client gets its own type back, with the container's traceback.

    What cannot be pickled, or pickles but cannot be loaded again, degrades to a RuntimeError that says it all in text.
    """
    if not isinstance(error, Exception):
        error = ended(error)
    for shown in (error, error.__cause__):
        hide_own_frames(shown)
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    reason = ""
    for attempt in (dump_with_tblib, dump_with_text):
        try:
            data = attempt(error, text)
            if isinstance(pickle.loads(data), BaseException):
                return data
        except ImportError:
            continue
        except Exception as failure:  # noqa: BLE001 - so can its __reduce__
            reason = described(failure)
    return pickle.dumps(RuntimeError(f"{described(error)}\n(the exception could not be pickled: {reason})\n{text}"), 4)


def ended(error):
    """Replaces what is no Exception: raised again in a client, it would end the client."""
    if isinstance(error, SystemExit):
        text = f"the task called sys.exit({error.code!r}); a task ends by returning or by raising an Exception"
    else:
        text = f"the task ended with {described(error)}"
    replacement = RuntimeError(text)
    replacement.__cause__ = error
    return replacement


def hide_own_frames(error):
    """Lets a traceback start at the task's own code."""
    frames = getattr(error, "__traceback__", None)
    while frames is not None and frames.tb_frame.f_code.co_filename == hide_own_frames.__code__.co_filename:
        frames = frames.tb_next
    if error is not None:
        error.__traceback__ = frames


def dump_with_tblib(error, _text):
    """Keeps the traceback itself, as Scaler's native workers do, where the image has tblib."""
    from tblib.pickling_support import pickle_exception, pickle_traceback

    def reduced(value):
        if isinstance(value, BaseException):
            return pickle_exception(value)
        return pickle_traceback(value) if isinstance(value, types.TracebackType) else NotImplemented

    # Not tblib's install(): it would change how every exception pickles, in results too.
    return dump(error, reduced)


def dump_with_text(error, text):
    """Makes the traceback's text the cause, as the standard library does between processes."""
    from multiprocessing.pool import rebuild_exc

    def reduced(value):
        kind = type(value)
        if value is wrapper:
            return rebuild_exc, (error, f'\n"""\n{text}"""')
        if isinstance(value, Exception) and kind.__reduce__ is BaseException.__reduce__:
            # Not through __init__, whose parameters need not be the args that the stock __reduce__ keeps.
            return copyreg.__newobj__, (kind, *value.args), value.__dict__ or None
        return NotImplemented

    wrapper = types.SimpleNamespace()
    return dump(wrapper, reduced)


def dump(value, reduced):
    """Pickles with a say in how: plainly where a class is importable, by value where it is the client script's own.

    In the second case cloudpickle gives the client back the very class that its script defined.
    """

    class Pickler(cloudpickle.CloudPickler):
        def reducer_override(self, value):
            chosen = reduced(value)
            return super().reducer_override(value) if chosen is NotImplemented else chosen

    buffer = io.BytesIO()
    Pickler(buffer, 4).dump(value)
    return buffer.getvalue()


def memory_bytes(field):
    try:
        with open("/proc/self/status") as status:
            return next((int(line.split()[1]) * 1024 for line in status if line.startswith(field)), 0)
    except (OSError, ValueError, IndexError):
        return 0
