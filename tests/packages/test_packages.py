"""What `make dist` built, installed as a user would, runs the vectors of tests/conformance, and
holds nothing that nobody needs.
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from conftest import ROOT, only, run

pytestmark = pytest.mark.timeout(600)


def test_the_wheel_runs_the_vectors_without_a_toolchain(
    python: Path, proofs: Path, clean: dict[str, str]
) -> None:
    where = run([python, "-c", "import threelo; print(threelo.__file__)"], clean, cwd=proofs).strip()
    assert where.startswith(str(python.parents[1])), "the wheel is tested, not the checkout"
    vectors = "tests/python/test_conformance.py"
    told = run(
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
    where = run(["node", "-e", program], clean, cwd=node_folder).strip()
    assert where.startswith(str(node_folder / "node_modules" / "threelo")), "the package is tested"
    told = run(["node", "--test", "tests/node/conformance.test.mjs"], clean, cwd=node_folder)
    assert "# fail 0" in told
    assert "# skipped 0" in told


def test_both_module_systems_load_the_installed_package(node_folder: Path, clean: dict[str, str]) -> None:
    program = """
        const { Client } = require('threelo');
        import('threelo').then((esm) => console.log(esm.Client === Client));
    """
    assert run(["node", "-e", program], clean, cwd=node_folder).strip() == "true"


def test_the_wheel_is_for_every_python_from_3_11(python: Path) -> None:
    assert sys.implementation.name == "cpython"
    assert "-cp311-abi3-" in only("*.whl").name


def test_nothing_but_the_package_is_in_the_packages() -> None:
    with zipfile.ZipFile(only("*.whl")) as wheel:
        strays = [name for name in wheel.namelist() if not name.startswith(("threelo/", "threelo-"))]
        native = [name for name in wheel.namelist() if name.endswith(".so")]
    assert strays == []
    assert native == ["threelo/_native.abi3.so"], "one extension, and nothing ships twice"
    with tarfile.open(only("threelo-[0-9]*.tgz")) as face:
        names = face.getnames()
    assert [name for name in names if name.endswith((".node", ".rs"))] == []
    with tarfile.open(only("threelo-linux-*.tgz")) as half:
        assert sorted(half.getnames())[0] == "package/LICENSE"
        assert len([name for name in half.getnames() if name.endswith(".node")]) == 1


@pytest.mark.parametrize("kind", ["*.whl", "threelo-[0-9]*.tgz", "threelo-[0-9]*.tar.gz"])
def test_every_package_carries_its_licence(kind: str) -> None:
    package = only(kind)
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
    sys.path.insert(0, str(ROOT / "scripts" / "dist"))
    import budgets

    # Of the times the least of fifteen: what else the machine does may add to it, and never takes away. The
    # median, on a machine that does nothing else, is told by `make dist-loading`.
    told = budgets.sizes(only("*.whl"), only("threelo-linux-*.tgz"))
    told += budgets.loading(python, node_folder, min)
    assert [str(one) for one in told if not one.held] == []
