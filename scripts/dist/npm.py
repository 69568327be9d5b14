"""The npm packages: one with the face, and one with the native half for each platform.

The checkout's own `package.json` names no platform package, because `npm ci` would look for versions that are not
published yet; the one that is packed does.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from common import DIST, LICENSE, ROOT, platforms

NATIVE = ROOT / "bindings-node"
STAGE = DIST / "stage"


def pack(platform: str) -> list[Path]:
    """Both tarballs, from what `npm run build` left in the checkout."""
    shutil.rmtree(STAGE, ignore_errors=True)
    return [_pack(_stage_native(platform)), _pack(_stage_face())]


def package() -> dict[str, Any]:
    """The checkout's `package.json`."""
    return json.loads((ROOT / "package.json").read_text(encoding="utf-8"))


def native_name(platform: str) -> str:
    """As `bindings-node/src-ts/loader.ts` looks for it."""
    return f"@threelo/{platform}"


def _stage_native(platform: str) -> Path:
    described = next(entry for entry in platforms() if entry["npm"] == platform)
    face = package()
    binary = f"threelo.{platform}.node"
    return _stage(
        platform,
        {
            "name": native_name(platform),
            "version": face["version"],
            "description": f"The native half of threelo for {platform}",
            "license": face["license"],
            "repository": face["repository"],
            "engines": face["engines"],
            "os": [described["os"]],
            "cpu": [described["cpu"]],
            **({"libc": [described["libc"]]} if "libc" in described else {}),
            "main": binary,
            "files": [binary],
        },
        [NATIVE / binary],
    )


def _stage_face() -> Path:
    face = package()
    for only_here in ("scripts", "devDependencies"):
        face.pop(only_here, None)
    face["optionalDependencies"] = {native_name(entry["npm"]): face["version"] for entry in platforms()}
    stage = _stage("threelo", face, [ROOT / "README.md"])
    for folder in ("lib", "bin"):
        shutil.copytree(NATIVE / folder, stage / "bindings-node" / folder)
    return stage


def _stage(name: str, described: dict[str, Any], files: list[Path]) -> Path:
    stage = STAGE / name
    stage.mkdir(parents=True)
    (stage / "package.json").write_text(json.dumps(described, indent=2) + "\n")
    for file in [LICENSE, *files]:
        shutil.copy(file, stage)
    return stage


def _pack(stage: Path) -> Path:
    # On Windows it is `npm.cmd`, which only a search finds.
    npm = shutil.which("npm") or "npm"
    told = subprocess.run(
        [npm, "pack", "--json", "--pack-destination", str(DIST)],
        cwd=stage,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    packed = json.loads(told.stdout)
    # A list up to npm 11, an object by package name after it.
    entry = packed[0] if isinstance(packed, list) else next(iter(packed.values()))
    return DIST / entry["filename"]
