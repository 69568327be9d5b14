"""The types tell the truth: strictly checked, from a user's side too, and against the native module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import resources

from support import ROOT

# Comes with the packages of Node: pip's package of this name fetches it from there when it is first run.
PYRIGHT = ROOT / "node_modules" / ".bin" / "pyright"


def check(*command: str) -> str:
    surroundings = os.environ | {"PATH": f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=surroundings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert resources.files("threelo").joinpath("py.typed").is_file()


def test_the_package_and_its_users() -> None:
    check(sys.executable, "-m", "mypy")


def test_its_users_with_another_checker() -> None:
    told = json.loads(check(str(PYRIGHT), "--pythonpath", sys.executable, "--outputjson"))
    assert told["summary"]["filesAnalyzed"] == 1
    assert told["generalDiagnostics"] == []


def test_everything_public_has_a_known_type() -> None:
    told = json.loads(check(str(PYRIGHT), "--verifytypes", "threelo", "--ignoreexternal", "--outputjson"))
    assert told["typeCompleteness"]["completenessScore"] == 1


def test_the_native_module_is_as_its_stub_says() -> None:
    check(sys.executable, "-m", "mypy.stubtest", "threelo._native")
