"""The types tell the truth: strictly checked, from a user's side too, and against the native module."""

from __future__ import annotations

import subprocess
import sys

from support import ROOT


def check(*command: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_package_and_its_users() -> None:
    check("mypy")


def test_the_native_module_is_as_its_stub_says() -> None:
    check("mypy.stubtest", "threelo._native")
