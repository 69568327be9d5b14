"""What `make dist` built, installed as a user would: a clean virtual environment and a clean folder, with no
compiler, no cargo and nothing of the checkout within reach. The vectors of tests/conformance run there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "dist"
SANDBOX = os.environ.get("THREELO_SANDBOX", str(ROOT / "target" / "debug" / "threelo-sandbox"))
TOOLCHAIN = ("cargo", "rustc", "cc", "gcc", "clang", "ld", "maturin")
# What starting programs takes, and what the vectors use.
KEPT = ("node", "npm", "sh", "env", "openssl")

pytestmark = pytest.mark.timeout(600)


def _only(pattern: str) -> Path:
    found = sorted(DIST.glob(pattern))
    assert len(found) == 1, f"`make dist` leaves one dist/{pattern}; there are {found}"
    return found[0]


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def proofs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The vectors and their runners, away from the checkout."""
    folder = tmp_path_factory.mktemp("proofs")
    for name in ("python", "node", "conformance"):
        shutil.copytree(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(ROOT / "api.toml", folder)
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory, clean: dict[str, str]) -> Path:
    """The interpreter of a virtual environment with the wheel and what the runner of the vectors imports."""
    place = tmp_path_factory.mktemp("venv")
    venv.create(place, with_pip=True)
    interpreter = place / "bin" / "python"
    wanted = (ROOT / "tests" / "python" / "requirements.txt").read_text().splitlines()
    runner = [line for line in wanted if line.startswith("pytest")]
    # The runner's packages come from wherever pip finds them; threelo needs none and comes from dist/.
    _run([interpreter, "-m", "pip", "install", "--quiet", *runner], clean, inherit=True)
    _run([interpreter, "-m", "pip", "install", "--quiet", "--no-index", _only("*.whl")], clean)
    return interpreter


@pytest.fixture(scope="module")
def node_folder(proofs: Path, clean: dict[str, str]) -> Path:
    """A folder with both npm packages installed, and without the network."""
    (proofs / "package.json").write_text('{"private": true, "type": "commonjs"}')
    archives = [_only("threelo-[0-9]*.tgz"), _only("threelo-linux-*.tgz")]
    _run(["npm", "install", "--offline", "--no-audit", "--no-fund", *archives], clean, cwd=proofs)
    return proofs


def _run(
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


def test_the_wheel_runs_the_vectors_without_a_toolchain(
    python: Path, proofs: Path, clean: dict[str, str]
) -> None:
    where = _run([python, "-c", "import threelo; print(threelo.__file__)"], clean, cwd=proofs).strip()
    assert where.startswith(str(python.parents[1])), "the wheel is tested, not the checkout"
    vectors = "tests/python/test_conformance.py"
    told = _run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", vectors, "-k", "test_vector"],
        clean,
        cwd=proofs,
    )
    assert " passed" in told
    assert "skipped" not in told


def test_the_npm_packages_run_the_vectors_without_a_toolchain(
    node_folder: Path, clean: dict[str, str]
) -> None:
    program = "console.log(require.resolve('threelo'))"
    where = _run(["node", "-e", program], clean, cwd=node_folder).strip()
    assert where.startswith(str(node_folder / "node_modules" / "threelo")), "the package is tested"
    told = _run(["node", "--test", "tests/node/conformance.test.mjs"], clean, cwd=node_folder)
    assert "# fail 0" in told
    assert "# skipped 0" in told


def test_both_module_systems_load_the_installed_package(node_folder: Path, clean: dict[str, str]) -> None:
    program = """
        const { Client } = require('threelo');
        import('threelo').then((esm) => console.log(esm.Client === Client));
    """
    assert _run(["node", "-e", program], clean, cwd=node_folder).strip() == "true"


def test_the_wheel_is_for_every_python_from_3_11(python: Path) -> None:
    assert sys.implementation.name == "cpython"
    assert "-cp311-abi3-" in _only("*.whl").name


def test_nothing_but_the_package_is_in_the_packages() -> None:
    with zipfile.ZipFile(_only("*.whl")) as wheel:
        strays = [name for name in wheel.namelist() if not name.startswith(("threelo/", "threelo-"))]
        native = [name for name in wheel.namelist() if name.endswith(".so")]
    assert strays == []
    assert native == ["threelo/_native.abi3.so"], "one extension, and nothing ships twice"
    with tarfile.open(_only("threelo-[0-9]*.tgz")) as face:
        names = face.getnames()
    assert [name for name in names if name.endswith((".node", ".rs"))] == []
    with tarfile.open(_only("threelo-linux-*.tgz")) as half:
        assert sorted(half.getnames())[0] == "package/LICENSE"
        assert len([name for name in half.getnames() if name.endswith(".node")]) == 1


@pytest.mark.parametrize("kind", ["*.whl", "threelo-[0-9]*.tgz", "threelo-[0-9]*.tar.gz"])
def test_every_package_carries_its_licence(kind: str) -> None:
    package = _only(kind)
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            names = wheel.namelist()
    else:
        with tarfile.open(package) as archive:
            names = archive.getnames()
    assert [name for name in names if name.endswith("/LICENSE")]


def test_the_packages_are_within_their_budgets(
    python: Path, node_folder: Path, clean: dict[str, str]
) -> None:
    """Sizes only: what loading costs is told by `make dist-loading`; time is not asserted in tests."""
    sys.path.insert(0, str(ROOT / "scripts" / "dist"))
    import budgets

    over = [str(one) for one in budgets.sizes(_only("*.whl"), _only("threelo-linux-*.tgz")) if not one.held]
    assert over == []
