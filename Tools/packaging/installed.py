# SPDX-License-Identifier: Apache-2.0
"""What the program brings with it where it is installed; paths are below /usr, /usr/local or another prefix."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import sbom
from archive import File, compressed
from release import NAME, PACKAGING, Release

UNIT = f"lib/systemd/system/{NAME}@.service"
DOCUMENTS = f"share/doc/{NAME}"
EXAMPLES = f"{DOCUMENTS}/examples"


def files(release: Release) -> list[File]:
    examples = ["alerts.yml", "dashboard.json", "example.toml"]
    return [
        File(f"bin/{NAME}", release.content, 0o755),
        File(UNIT, (PACKAGING / f"{NAME}@.service").read_bytes()),
        File(f"{DOCUMENTS}/{NAME}.cdx.json", sbom.document(release)),
        File(f"{DOCUMENTS}/copyright", copyright_notes(release)),
        *(File(f"{EXAMPLES}/{name}", (PACKAGING / name).read_bytes()) for name in examples),
        *manuals(release),
    ]


def manuals(release: Release) -> list[File]:
    """The manual pages and completions, as the program prints them."""
    listed = printed(release, "--help").partition("Subcommands")[2].partition("\n\n")[0]
    pages = {"program": f"man1/{NAME}.1", "file": f"man5/{NAME}.5"}
    pages |= {name: f"man1/{NAME}-{name}.1" for name in re.findall(r"^  ([\w-]+)", listed, re.MULTILINE)}
    shells = {
        "bash": f"bash-completion/completions/{NAME}",
        "zsh": f"zsh/vendor-completions/_{NAME}",
        "fish": f"fish/vendor_completions.d/{NAME}.fish",
    }
    asked = {f"man/{path}.gz": ("--print-man", page) for page, path in pages.items()}
    asked |= {path: ("--print-completions", shell) for shell, path in shells.items()}
    files = []
    for path, words in sorted(asked.items()):
        content = printed(release, *words).encode()
        files.append(File(f"share/{path}", compressed(content, level=9) if path.endswith(".gz") else content))
    return files


def printed(release: Release, *words: str) -> str:
    """What the program prints."""
    return subprocess.run([str(release.binary), *words], check=True, capture_output=True, text=True).stdout


def copyright_notes(release: Release) -> bytes:
    """Ours, in the form of Debian's copyright files, and behind it those of what is linked in."""
    parts = [(PACKAGING / "copyright").read_text()]
    for component in release.components:
        if component.package is not None:
            notes = Path(f"/usr/share/doc/{component.package}/copyright").read_text(errors="replace")
            parts.append(f"{component.name} {component.version} is linked in. Debian says of it:\n\n{notes}")
    return f"\n{'-' * 80}\n\n".join(parts).encode()
