# SPDX-License-Identifier: Apache-2.0
"""Runs the fuzz targets under libFuzzer and AddressSanitizer, each beginning with its corpus.

What a target imports is compiled for it as modules of their own, with the fuzzer's counters inside; they are kept under
.build and made again when a source changes. An input that fails is printed and left in .build/fuzz/found: once
mended, move it to Tools/Fuzzing/Corpus/TARGET under a name that says what it is. Every run of the unit tests feeds it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TARGETS = ROOT / "Tools" / "Fuzzing" / "Targets"
CORPUS = ROOT / "Tools" / "Fuzzing" / "Corpus"
INSIST = ROOT / "Tools" / "Fuzzing" / "Insist.swift"
BUILD = ROOT / ".build" / "fuzz"
PROFILES = BUILD / "profiles"
#: Where each module of ours lies: under Tests those that only tests need, such as the scheduler's end of the protocol.
MODULES = {path.name: path for place in ("Sources", "Tests") for path in (ROOT / place).iterdir() if path.is_dir()}
#: Swift's own handler would read all of the memory of a process that traps, and trip over the sanitizer.
ENVIRONMENT = {**os.environ, "SWIFT_BACKTRACE": "enable=no"}

FEATURES = ("ExistentialAny", "MemberImportVisibility", "InternalImportsByDefault", "NonisolatedNonsendingByDefault")
COMPILE = ["swiftc", "-O", "-swift-version", "6", "-parse-as-library", "-enable-testing", "-package-name", "fuzz"]
COMPILE += ["-sanitize=fuzzer,address", "-I", str(BUILD)]
#: For the coverage of lines, which llvm-cov reads from the programs and from what they write when they end.
COMPILE += ["-profile-generate", "-profile-coverage-mapping"]
for feature in FEATURES:
    COMPILE += ["-enable-upcoming-feature", feature]
for headers in sorted((ROOT / "CHeaders").iterdir()):
    COMPILE += ["-I", str(headers)]

#: The entry that libFuzzer calls. A target itself has no such name, so that all of them fit into one test bundle.
ENTRY = """
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    %sFuzz.feed([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}
"""


class Failure(Exception):
    """A target that does not compile, or failed; the text is for the user."""


def sources(module: str) -> list[Path]:
    return sorted(MODULES[module].rglob("*.swift"))


def imports(files: list[Path]) -> list[str]:
    """The modules of ours that the files import, in order of name."""
    text = "\n".join(file.read_text() for file in files)
    names = set(re.findall(r"^(?:@testable )?(?:internal |package )?import (\w+)$", text, re.MULTILINE))
    return sorted(name for name in names if name in MODULES)


@cache
def closure(module: str) -> tuple[str, ...]:
    """The module after all that it imports."""
    found: list[str] = []
    for name in imports(sources(module)):
        found += [inner for inner in closure(name) if inner not in found]
    return (*found, module)


@cache
def compiler_version() -> bytes:
    return subprocess.run(["swiftc", "--version"], check=True, capture_output=True).stdout


def fingerprint(files: list[Path], modules: list[str], extra: str = "") -> str:
    """Changes with whatever the outcome of a compilation depends on."""
    digest = hashlib.sha256(compiler_version() + " ".join(COMPILE).encode() + extra.encode())
    headers = sorted(path for path in (ROOT / "CHeaders").rglob("*") if path.is_file())
    for path in headers + files + [source for module in modules for source in sources(module)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def compile_unless_kept(product: Path, mark: str, command: list[str]) -> None:
    """Runs the command unless the product of the same mark is there."""
    stamp = product.with_suffix(".mark")
    if product.exists() and stamp.exists() and stamp.read_text() == mark:
        return
    stamp.unlink(missing_ok=True)
    result = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{product.name} does not compile:\n{result.stderr}")
    stamp.write_text(mark)


class Build:
    """Compiles modules and targets, each once, as many at a time as there are cores."""

    def __init__(self, workers: ThreadPoolExecutor) -> None:
        self._workers = workers
        self._modules: dict[str, Future[None]] = {}

    def start(self, modules: list[str]) -> None:
        """Begins with the modules; their order is that of the imports, so nobody waits for one that waits itself."""
        for module in modules:
            if module not in self._modules:
                self._modules[module] = self._workers.submit(self._module, module)

    def _module(self, module: str) -> None:
        below = [name for name in closure(module) if name != module]
        for name in below:
            self._modules[name].result()
        files = sources(module)
        embedded = [path for path in MODULES[module].iterdir() if path.suffix == ".py"]
        if embedded:
            files = [*files, self._resources(module, embedded)]
        command = [*COMPILE, "-wmo", "-c", "-emit-module", "-emit-module-path", str(BUILD / f"{module}.swiftmodule")]
        command += ["-module-name", module, *map(str, files), "-o", str(BUILD / f"{module}.o")]
        compile_unless_kept(BUILD / f"{module}.o", fingerprint(files, below), command)

    def _resources(self, module: str, embedded: list[Path]) -> Path:
        """What the package manager writes for a resource that is embedded in code."""
        lines = [f"static let {path.name.replace('.', '_')}: [UInt8] = {list(path.read_bytes())}" for path in embedded]
        file = BUILD / f"{module}Resources.swift"
        file.write_text("struct PackageResources {\n" + "\n".join(lines) + "\n}\n")
        return file

    def target(self, target: str) -> Path:
        """The program of a target."""
        source = TARGETS / f"{target}.swift"
        modules = target_modules(target)
        for module in modules:
            self._modules[module].result()
        entry = BUILD / f"{target}Entry.swift"
        entry.write_text(ENTRY % target)
        program = BUILD / target
        objects = [str(BUILD / f"{module}.o") for module in modules]
        command = [*COMPILE, "-module-name", "Fuzz", str(source), str(INSIST), str(entry), *objects, "-o", str(program)]
        compile_unless_kept(program, fingerprint([source, INSIST], modules, ENTRY), command)
        return program


@cache
def target_modules(target: str) -> list[str]:
    """The modules that a target needs, each after those it imports."""
    found: list[str] = []
    for name in imports([TARGETS / f"{target}.swift"]):
        found += [inner for inner in closure(name) if inner not in found]
    return found


def run(program: Path, seconds: int) -> str:
    """Runs a target and returns what it did in a line; raises Failure with the input that failed."""
    target = program.name
    found, grown = BUILD / "found", BUILD / "corpus" / target
    for directory in (found, grown, PROFILES):
        directory.mkdir(parents=True, exist_ok=True)
    command = [str(program), f"-max_total_time={seconds}", "-max_len=4096", "-timeout=5", "-rss_limit_mb=1024"]
    command += ["-print_final_stats=1", f"-artifact_prefix={found}/{target}-", str(grown)]
    kept = CORPUS / target
    command += [str(kept)] if kept.is_dir() else []
    environment = {**ENVIRONMENT, "LLVM_PROFILE_FILE": str(PROFILES / f"{target}.profraw")}
    result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, errors="replace")
    if result.returncode != 0:
        lines = result.stderr.splitlines()
        first = next((index for index, line in enumerate(lines) if "rror:" in line or "ERROR" in line), 0)
        tail = "\n".join(lines[first : first + 30])
        raise Failure(f"{target} failed; the input is in {found.relative_to(ROOT)}:\n{tail}")
    inputs = re.search(r"stat::number_of_executed_units:\s*(\d+)", result.stderr)
    covered = re.findall(r"cov: (\d+)", result.stderr)
    return f"{target}: {inputs[1] if inputs else '?'} inputs, {covered[-1] if covered else '?'} branches reached"


def tool(name: str) -> str:
    """A program of the compiler's own release: another release does not read what it writes."""
    compiler = shutil.which("swiftc")
    assert compiler is not None
    return str(Path(compiler).resolve().parent / name)


def coverage(targets: list[str]) -> str:
    """Which share of the lines of each module the targets reached together, the corpus included; a line each."""
    ran = [target for target in targets if (PROFILES / f"{target}.profraw").exists()]
    if not ran:
        return ""
    merged = PROFILES / "all.profdata"
    raw = [str(PROFILES / f"{target}.profraw") for target in ran]
    subprocess.run([tool("llvm-profdata"), "merge", "-sparse", *raw, "-o", str(merged)], check=True)
    programs = [str(BUILD / ran[0])] + [word for target in ran[1:] for word in ("-object", str(BUILD / target))]
    command = [tool("llvm-cov"), "export", "-summary-only", f"-instr-profile={merged}", *programs]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for file in report["data"][0]["files"]:
        path = Path(file["filename"])
        if path.is_relative_to(ROOT / "Sources"):
            module = lines[path.relative_to(ROOT / "Sources").parts[0]]
            module[0] += file["summary"]["lines"]["covered"]
            module[1] += file["summary"]["lines"]["count"]
    shares = sorted(lines.items(), key=lambda item: -item[1][0] / item[1][1])
    return "".join(f"{covered / count:4.0%} of {count} lines of {name}\n" for name, (covered, count) in shares)


def find_the_planted_bug(program: Path) -> None:
    """Proves that a failure would be seen: the canary has one, a few bytes deep."""
    command = [str(program), "-max_total_time=60", "-max_len=16", f"-artifact_prefix={BUILD}/canary-"]
    environment = {**ENVIRONMENT, "LLVM_PROFILE_FILE": os.devnull}
    result = subprocess.run(command, env=environment, check=False, capture_output=True, text=True, errors="replace")
    if result.returncode == 0 or "AddressSanitizer" not in result.stderr:
        raise Failure("the bug that was planted in Canary was not found: the fuzzing itself is broken")


def fuzz(targets: list[str], seconds: int) -> int:
    """Builds and runs the targets; returns how many failed."""
    lock = threading.Lock()
    failures: list[str] = []

    def one(target: str) -> None:
        try:
            program = build.target(target)
            if target == "Canary":
                find_the_planted_bug(program)
                return
            line = run(program, seconds)
            with lock:
                print(line, flush=True)
        except Failure as failure:
            with lock:
                failures.append(str(failure))

    with ThreadPoolExecutor(os.cpu_count()) as workers:
        build = Build(workers)
        # All modules first: a target waits for its own, and one that waits keeps a worker.
        for target in targets:
            build.start(target_modules(target))
        list(workers.map(one, targets))
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return len(failures)


def main() -> int:
    parser = argparse.ArgumentParser(prog="Tools/fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("seconds", type=int, metavar="SECONDS", help="how long each target runs")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="files of Tools/Fuzzing/Targets; default: all")
    options = parser.parse_args()
    known = sorted(path.stem for path in TARGETS.glob("*.swift"))
    unknown = [target for target in options.targets if target not in known]
    if unknown:
        parser.error(f"there is no target {' '.join(unknown)}; there is {' '.join(known)}")
    BUILD.mkdir(parents=True, exist_ok=True)
    targets = options.targets or known
    shutil.rmtree(PROFILES, ignore_errors=True)
    failed = fuzz(targets, options.seconds)
    print(coverage(targets), end="")
    print(f"{len(targets) - failed} targets passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
