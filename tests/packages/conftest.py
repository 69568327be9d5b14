"""What `make dist` built, installed as a user would: a clean virtual environment and a clean folder, with no
compiler, no cargo and nothing of the checkout within reach.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
SANDBOX = os.environ.get("THREELO_SANDBOX", str(ROOT / "target" / "debug" / "threelo-sandbox"))
TOOLCHAIN = ("cargo", "rustc", "cc", "gcc", "clang", "ld", "maturin")
# What starting programs takes, and what the vectors use.
KEPT = ("node", "npm", "sh", "env", "openssl")


def only(pattern: str) -> Path:
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"`make dist` leaves one dist/{pattern}; there are {found}"
    return found[0]


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment without a toolchain, and with nothing that points to the checkout."""
    programs = tmp_path_factory.mktemp("bin")
    for name in KEPT:
        if found := shutil.which(name):
            (programs / name).symlink_to(found)
    assert not [name for name in TOOLCHAIN if shutil.which(name, path=str(programs))]
    kept = {
        key: value for key, value in os.environ.items() if key.startswith(("LANG", "LC_", "SSL_", "PIP_"))
    }
    home = str(tmp_path_factory.mktemp("home"))
    return kept | {"PATH": str(programs), "HOME": home, "THREELO_SANDBOX": SANDBOX}


@pytest.fixture(scope="session")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vectors and their runners, away from the checkout."""
    folder = tmp_path_factory.mktemp("proofs")
    for name in ("python", "node", "conformance"):
        shutil.copytree(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(ROOT / "api.toml", folder)
    return folder


@pytest.fixture(scope="session")
def python(tmp_path_factory: pytest.TempPathFactory, clean: dict[str, str]) -> Path:
    """The interpreter of a virtual environment with the wheel and what the runner of the vectors imports."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=True)
    interpreter = place / "bin" / "python"
    wanted = (ROOT / "tests" / "python" / "requirements.txt").read_text().splitlines()
    runner = [line for line in wanted if line.startswith("pytest")]
    # The runner's packages come from wherever pip finds them; threelo needs none and comes from dist/.
    run([interpreter, "-m", "pip", "install", "--quiet", *runner], clean, inherit=True)
    run([interpreter, "-m", "pip", "install", "--quiet", "--no-index", only("*.whl")], clean)
    return interpreter


@pytest.fixture(scope="session")
def node_folder(proofs: Path, clean: dict[str, str]) -> Path:
    """A folder with both npm packages installed, and without the network."""
    (proofs / "package.json").write_text('{"private": true, "type": "commonjs"}')
    archives = [only("threelo-[0-9]*.tgz"), only("threelo-linux-*.tgz")]
    run(["npm", "install", "--offline", "--no-audit", "--no-fund", *archives], clean, cwd=proofs)
    return proofs


def run(
    command: list[str | Path], env: dict[str, str], cwd: Path | None = None, *, inherit: bool = False
) -> str:
    # `inherit`: with the settings of the surroundings, such as where pip finds packages.
    surroundings = os.environ | env if inherit else env
    done = subprocess.run(
        [str(part) for part in command],
        env=surroundings,
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout
