"""The release workflow cannot be run here; what can be read off it is held to."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text()
CONTAINER = (ROOT / "scripts" / "dist" / "container.sh").read_text()

# npm's name, Rust's target, the wheel's tag: all that is published.
PUBLISHED = {
    "linux-x64-gnu": ("x86_64-unknown-linux-gnu", "manylinux_2_28_x86_64"),
    "linux-arm64-gnu": ("aarch64-unknown-linux-gnu", "manylinux_2_28_aarch64"),
    "linux-x64-musl": ("x86_64-unknown-linux-musl", "musllinux_1_2_x86_64"),
    "linux-arm64-musl": ("aarch64-unknown-linux-musl", "musllinux_1_2_aarch64"),
    "darwin-x64": ("x86_64-apple-darwin", "macosx_10_12_x86_64"),
    "darwin-arm64": ("aarch64-apple-darwin", "macosx_11_0_arm64"),
    "win32-x64-msvc": ("x86_64-pc-windows-msvc", "win_amd64"),
    "win32-arm64-msvc": ("aarch64-pc-windows-msvc", "win_arm64"),
}


@pytest.fixture(scope="module")
def matrix() -> list[dict[str, str]]:
    command = [sys.executable, str(ROOT / "scripts" / "dist"), "--matrix"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["include"]


def job(name: str) -> str:
    """The text of one job."""
    found = re.search(rf"^  {name}:\n(.*?)(?=^  [\w-]+:\n|\Z)", RELEASE, re.MULTILINE | re.DOTALL)
    assert found, name
    return found[1]


def test_every_action_is_pinned_to_a_commit_and_says_its_version() -> None:
    used = [line for path in WORKFLOWS for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    pinned = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
    assert [line for line in used if not pinned.search(line)] == []


def test_the_matrix_is_every_platform_with_its_target_and_tag(matrix: list[dict[str, str]]) -> None:
    assert [entry["npm"] for entry in matrix] == list(PUBLISHED)
    assert {entry["npm"]: (entry["rust"], entry["wheel"]) for entry in matrix} == PUBLISHED


def test_a_platform_package_is_for_the_system_processor_and_c_library_of_its_name(
    matrix: list[dict[str, str]],
) -> None:
    libc = {"gnu": "glibc", "musl": "musl"}
    for entry in matrix:
        system, cpu, *abi = entry["npm"].split("-")
        told = (entry["os"], entry["cpu"], entry.get("libc"))
        assert told == (system, cpu, libc.get(abi[0]) if abi else None)


def test_every_runner_is_of_the_architecture_it_builds_for(matrix: list[dict[str, str]]) -> None:
    # What is built is also installed there, which a cross build could not be.
    for entry in matrix:
        runner, arm = entry["runner"], entry["cpu"] == "arm64"
        apple = entry["os"] == "darwin"
        assert ("intel" not in runner if apple else "arm" in runner) == arm, runner


def test_images_are_those_of_the_wheels_tag_and_pinned_to_a_day(matrix: list[dict[str, str]]) -> None:
    for entry in matrix:
        if entry["os"] == "linux":
            assert re.fullmatch(rf"quay\.io/pypa/{entry['wheel']}:20\d\d\.\d\d\.\d\d-\d+", entry["image"])
        else:
            assert "image" not in entry
    assert re.search(r"NODE_ON_ALPINE: node:\d+\.\d+\.\d+-alpine\d+\.\d+$", RELEASE, re.MULTILINE)


def test_the_compiler_and_what_installs_it_are_pinned(matrix: list[dict[str, str]]) -> None:
    pinned = re.search(r'RUSTUP_TOOLCHAIN: "(\d+)\.(\d+)\.\d+"', RELEASE)
    assert pinned
    wanted = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["rust-version"]
    assert (int(pinned[1]), int(pinned[2])) >= tuple(int(part) for part in wanted.split("."))
    sums = dict(re.findall(r"^    (\S+)\) sum=([0-9a-f]{64}) ;;$", CONTAINER, re.MULTILINE))
    assert list(sums) == [entry["rust"] for entry in matrix if entry["os"] == "linux"]
    assert len(set(sums.values())) == len(sums)
    for text in (RELEASE, CONTAINER):
        assert "sh.rustup.rs" not in text
        assert ":latest" not in text


def test_maturin_comes_in_the_version_the_tests_use() -> None:
    wanted = (ROOT / "tests" / "python" / "requirements.txt").read_text()
    assert re.search(r"^maturin==\d+\.\d+\.\d+$", wanted, re.MULTILINE)
    line = """-m pip install --quiet "$(grep '^maturin==' tests/python/requirements.txt)\""""
    for text in (job("wheel"), job("sdist"), CONTAINER):
        assert text.count(line) == 1
    assert RELEASE.count("pip install") == 2


def test_every_job_installs_what_it_built_before_it_hands_it_on() -> None:
    for name, installs in {"wheel": 2, "sdist": 1, "addon": 2}.items():
        steps = job(name)
        kind = "npm" if name == "addon" else "wheel"
        assert steps.count(f"scripts/dist/smoke.sh {kind}") == installs, name
        assert steps.rindex("smoke.sh") < steps.index("upload-artifact"), name
    # One for each half of the matrix, so that no platform is left out.
    halves = [("wheel", "os", "linux"), ("addon", "libc", "musl")]
    for name, key, value in halves:
        for sign in ("==", "!="):
            step = rf"if: matrix\.{key} {sign} '{value}'\n\s+run: (?:\|\n\s+)?[^#]*?smoke\.sh"
            assert re.search(step, job(name)), (name, sign)


def test_files_have_the_same_line_ends_on_windows() -> None:
    assert "* -text" in (ROOT / ".gitattributes").read_text().splitlines()
