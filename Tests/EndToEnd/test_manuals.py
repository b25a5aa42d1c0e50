# SPDX-License-Identifier: Apache-2.0
"""The manual, as man and mandoc read it, and the completions, as bash, zsh and fish make use of them.

What must be there is read from the help, which is made from the same table by other code.
"""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from support import BACKEND  # puts the cluster tools on the path

from cluster import DAEMON

assert BACKEND


def printed(*arguments: str) -> str:
    return subprocess.check_output([str(DAEMON), *arguments], text=True)


SUBCOMMANDS = re.findall(
    r"^  ([\w-]+) ", printed("--help").partition("its own --help):\n")[2].partition("\n\n")[0], re.MULTILINE
)
#: The program's own command line, which has no name, and those of the subcommands.
CONTEXTS = ["", *SUBCOMMANDS]


def flags(context: str) -> dict[str, tuple[list[str], str]]:
    """Each flag that the help of a command line lists, with its spellings and what stands for its value."""
    text = printed(*([context] if context else []), "--help")
    found = re.findall(r"^  (--[\w-]+)(?:, (-\w+))?(?: (\S.*))?$", text, re.MULTILINE)
    return {flag: ([flag, short] if short else [flag], value) for flag, short, value in found}


FLAGS = {context: flags(context) for context in CONTEXTS}
# The help of `up` says that it takes those of the program, too.
FLAGS["up"] = {**FLAGS[""], **FLAGS["up"]}


def choices(value: str) -> list[str]:
    """The words among which a flag chooses; those that name a kind of value are in capitals."""
    words = value.split("|")
    if len(words) < 2:
        return []
    return [one for word in words if word not in ("PATH", "FILE") for one in expanded(word)]


def expanded(word: str) -> list[str]:
    return SUBCOMMANDS if word == "SUBCOMMAND" else [word]


class Manual(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="manual-"))
        self.addCleanup(shutil.rmtree, self.directory)

    def page(self, name: str) -> Path:
        path = self.directory / f"{name}.{5 if name == 'file' else 1}"
        path.write_text(printed("--print-man", name))
        return path

    def faults(self, path: Path) -> str:
        """What mandoc and groff have to say about a page."""
        lint = subprocess.run(["mandoc", "-T", "lint", str(path)], capture_output=True, text=True, check=False)
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"}
        command = ["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", str(path)]
        man = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        return lint.stdout + lint.stderr + man.stderr

    def test_neither_reader_of_manual_pages_has_anything_to_say(self):
        for name in ["program", "file", *SUBCOMMANDS]:
            with self.subTest(name):
                self.assertEqual(self.faults(self.page(name)), "")

    def test_a_page_that_is_not_right_would_be_found(self):
        path = self.directory / "bad.1"
        path.write_text(".TH bad\n.BLA\n.SH\n")
        self.assertIn("unknown macro", self.faults(path))

    def test_what_is_shown_holds_every_flag_whole(self):
        for context in CONTEXTS:
            with self.subTest(context):
                path = self.page(context or "program")
                # So wide that nothing is broken.
                shown = subprocess.check_output(["mandoc", "-O", "width=900", "-T", "ascii", str(path)], text=True)
                shown = re.sub(r".\x08", "", shown)
                # What means a short flag stands beside it.
                tags = {re.split("  +| Print ", line.strip())[0] for line in shown.splitlines() if line[:7].isspace()}
                expected = FLAGS[""] if not context else flags(context)
                for spellings, value in expected.values():
                    self.assertIn(f"{', '.join(spellings)} {value}".strip(), tags)


class Completion(unittest.TestCase):
    """Each shell is given the same command lines, and is asked for what it offers."""

    #: Ends one answer.
    MARK = "--done--"

    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="completion-"))
        self.addCleanup(shutil.rmtree, self.directory)
        for name in ("one.toml", "other.txt"):
            (self.directory / name).write_text("")
        (self.directory / "folder").mkdir()

    def script(self, shell: str) -> Path:
        path = self.directory / f"scaler-oci-hpc.{shell}"
        path.write_text(printed("--print-completions", shell))
        return path

    def bash(self, lines: list[list[str]]) -> list[set[str]]:
        """The words of each line are those that bash makes of it; the last one is being written."""
        program = [f"source {self.script('bash')}"]
        for line in lines:
            words = " ".join(f"'{word}'" for word in ["scaler-oci-hpc", *line])
            program.append(f"COMP_WORDS=({words}); COMP_CWORD={len(line)}; COMPREPLY=(); _scaler_oci_hpc")
            program.append(f"printf '%s\\n' \"${{COMPREPLY[@]}}\" {self.MARK}")
        command = ["bash", "--norc", "-u", "-c", "\n".join(program)]
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return self.answers(done.stdout)

    def fish(self, lines: list[list[str]]) -> list[set[str]]:
        program = [f"source {self.script('fish')}"]
        for line in lines:
            program += [f"complete -C 'scaler-oci-hpc {' '.join(line)}'", f"echo {self.MARK}"]
        home = {**os.environ, "HOME": str(self.directory.with_suffix(".home"))}
        self.addCleanup(shutil.rmtree, home["HOME"], ignore_errors=True)
        command = ["fish", "--no-config", "-c", "\n".join(program)]
        done = subprocess.run(command, cwd=self.directory, env=home, capture_output=True, text=True, check=False)
        self.assertEqual(done.stderr, "")
        return self.answers(re.sub(r"\t.*", "", done.stdout))

    def zsh(self, lines: list[list[str]]) -> list[set[str]]:
        """Only a line editor on a terminal completes, so it gets one; what is added to its matches goes to a file."""
        found = self.directory / "found"
        found.unlink(missing_ok=True)
        setup = self.directory / "setup.zsh"
        table = "\n".join("'scaler-oci-hpc " + " ".join(line) + "'" for line in lines)
        setup.write_text(ZSH.format(script=self.script("zsh"), found=found, lines=table, mark=self.MARK))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.directory)
            environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "TERM": "dumb", "LC_ALL": "C.UTF-8"}
            os.execvpe("zsh", ["zsh", "-f", "-i"], environment)
        output = b""
        try:
            os.write(terminal, f"source {setup}\n".encode())
            deadline = time.monotonic() + 60
            # The terminal is closed once zsh has ended.
            while time.monotonic() < deadline:
                if select.select([terminal], [], [], 1)[0]:
                    try:
                        output += os.read(terminal, 1 << 16)
                    except OSError:
                        break
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
        self.assertTrue(found.exists(), output.decode(errors="replace"))
        return self.answers(found.read_text())

    def answers(self, output: str) -> list[set[str]]:
        return [{word.strip() for word in one.splitlines()} - {""} for one in output.split(self.MARK)][:-1]

    def check(self, shell: str) -> None:
        """Offers every flag, choice and subcommand, and nothing where a value of the user's own is due."""
        cases: list[tuple[list[str], set[str]]] = [([""], {*SUBCOMMANDS, "one.toml"})]
        for context in CONTEXTS:
            words = [context] if context else []
            names = {one for spellings, _ in FLAGS[context].values() for one in spellings}
            # fish offers no short flags to who has begun a long one, and zsh neither.
            cases.append(([*words, "--"], {name for name in names if name.startswith("--")}))
            if shell == "bash":
                cases.append(([*words, "-"], names))
            for flag, (spellings, value) in FLAGS[context].items():
                if not value:
                    continue
                offered = {*choices(value)}
                if any(word in ("FILE", "PATH", "PATH ...") for word in value.split("|")):
                    offered |= {"one.toml", "other.txt"}
                cases += [([*words, spelling, ""], offered) for spelling in spellings]
                if context and choices(value):
                    # A flag may stand before the subcommand's name, too.
                    cases.append(([context, "--help", flag, ""], offered))
        answers = getattr(self, shell)([line for line, _ in cases])
        self.assertEqual(len(answers), len(cases))
        for (line, expected), answer in zip(cases, answers, strict=True):
            ours = {word.rstrip("/") for word in answer} - {"folder", "found", "setup.zsh", f"scaler-oci-hpc.{shell}"}
            with self.subTest(shell=shell, line=line):
                self.assertEqual(ours, expected)

    def test_bash(self):
        self.check("bash")
        cut = [["--on-exit", "=", "l"], ["--on-exit", "="], ["rea"], ["list", "--all"]]
        cut.append(["--owner-id", "list", "--on-e"])
        expected = [{"leave"}, {"delete", "leave"}, {"reap"}, {"--all-owners"}, {"--on-exit"}]
        self.assertEqual(self.bash(cut), expected)
        self.assertEqual(self.bash([["build-image", "--context", ""]]), [{"folder"}])

    def test_zsh(self):
        self.check("zsh")
        cut = [["--on-exit=l"], ["--on-exit="], ["rea"], ["list", "--all"], ["--owner-id", "list", "--on-e"]]
        expected = [{"leave"}, {"delete", "leave"}, {"reap"}, {"--all-owners"}, {"--on-exit"}]
        self.assertEqual(self.zsh(cut), expected)

    def test_fish(self):
        self.check("fish")
        cut = [["--on-exit=l"], ["rea"], ["list", "--all"]]
        self.assertEqual(self.fish(cut), [{"--on-exit=leave"}, {"reap"}, {"--all-owners"}])


#: `compadd` is what every completion of zsh ends in: asked with -O, -A or -D it only fills an array.
ZSH = """
autoload -Uz compinit && compinit -D -u
source {script}
compadd () {{
    if [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
    local -a hits
    builtin compadd -A hits "$@"
    (( $#hits )) && print -rl -- $hits >>{found}
    builtin compadd "$@"
}}
all-lines () {{
    local line
    local -a lines=(
{lines}
    )
    for line in $lines; do
        BUFFER=$line CURSOR=$#line
        zle list-choices
        print -r -- {mark} >>{found}
    done
    exit
}}
zle -N all-lines
LISTMAX=100000
bindkey '^X' all-lines
# Pressed from within, once the editor has begun.
zle-line-init () {{ zle all-lines }}
zle -N zle-line-init
"""


if __name__ == "__main__":
    unittest.main()
