"""Blocks that are not run by their story, each with the reason and with how it is looked at instead."""

from __future__ import annotations

import functools
import inspect
import itertools
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import threelo
from blocks import EXAMPLES, ROOT, Block, blocks
from threelo import _options
from threelo.testing import Sandbox

Look = Callable[[Block], None]
Key = tuple[str, str, str]
"""Page, language, and how the block begins."""


def look_at(block: Block) -> Look | None:
    return next((look for key, look in LOOKS.items() if fits(key, block)), None)


def fits(key: Key, block: Block) -> bool:
    return key[:2] == (block.page, block.language) and block.text.lstrip().startswith(key[2])


def words(block: Block) -> list[str]:
    return block.text.split()


# Commands of developers. They build or test all of threelo, so that running them here would take as long as
# `make test`; what they name has to be there.


def developers_commands(block: Block) -> None:
    told = words(block)
    members = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["members"]
    manifests = {folder: tomllib.loads((ROOT / folder / "Cargo.toml").read_text()) for folder in members}
    packages = {manifest["package"]["name"]: folder for folder, manifest in manifests.items()}
    for option, value in itertools.pairwise(told):
        if option == "-p":
            assert value in packages, f"{block}: no package {value}"
        if option == "--test" and not value.startswith("-"):
            names = [path.stem for path in ROOT.glob("*/tests/*.*s")]
            assert value.removesuffix(".mjs") in names or (ROOT / value).exists(), value
        if option == "-k" or option.startswith(("THREELO_VECTOR=", "--test-name-pattern=")):
            name = value if option == "-k" else option.partition("=")[2].strip("'^$")
            assert (ROOT / "tests" / "conformance" / "vectors" / f"{name}.json").exists(), name
    for path in told:
        if "/" in path and not path.startswith((".venv/", "http")):
            assert (ROOT / path).exists(), f"{block}: no {path}"


# Installing takes the packages that `make dist` builds and tests/packages installs, without a toolchain and
# without the network; here the names have to be those that are tested.


def installing(block: Block) -> None:
    tested = (ROOT / "tests" / "packages" / "conftest.py").read_text()
    for line in block.text.splitlines():
        packages = [word for word in line.split() if "dist/" in word]
        kind = ".whl" if "pip" in line else ".tgz"
        assert all(package.endswith(kind) for package in packages), f"{block}: {line}"
        assert packages or line in ("make dist", "python3 -m venv .venv"), f"{block}: {line}"
    assert 'only("*.whl")' in tested
    assert '"threelo-[0-9]*.tgz"' in tested


# Rust is compiled and run by cargo, with the other tests of the core (core/tests/quickstart.rs); here
# the page has to show that program.


def the_example(block: Block) -> None:
    program = (ROOT / "core" / "examples" / "quickstart.rs").read_text()
    head, _, rest = program.partition("\n\n")
    assert block.text == rest
    assert head.startswith("//!")


def dependencies(block: Block) -> None:
    told = tomllib.loads(block.text)["dependencies"]
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    assert told.pop("threelo-core")["git"] == workspace["package"]["repository"]
    for name, wanted in told.items():
        version, features = (
            (wanted, []) if isinstance(wanted, str) else (wanted["version"], wanted["features"])
        )
        ours = workspace["dependencies"][name]
        assert ours["version"].split(".")[0] == version
        assert set(features) <= set(ours["features"])


# A file of settings for a tool that threelo does not bring; it is read as that tool reads it.


def settings_of_next(block: Block) -> None:
    told = subprocess.run(
        ["node", "-e", f"const module = {{}}; {block.text} console.log(JSON.stringify(module.exports));"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert json.loads(told.stdout) == {"serverExternalPackages": ["threelo"]}


# Diagrams are for eyes; what they are about has its names from the code.


def steps_of_a_rotation(block: Block) -> None:
    source = (ROOT / "core" / "src" / "grant" / "protocol.rs").read_text()
    nodes = set(
        re.findall(
            r"\b([A-Z]\w+)(?=\(|\[| --| -\.|$)",
            re.sub(r'"[^"]*"|\|[^|]*\|', "", block.text.partition("\n")[2]),
            re.M,
        )
    )
    # Both exchanges and both renewals are one step each; the letter tells the places apart.
    names = {re.sub(r"^(Renew|Exchange)[A-Z]$", r"\1", node) for node in nodes} - {"Over"}
    assert len(names) > 10
    missing = [name for name in names if not re.search(rf"^    {name}\b", source, re.M)]
    assert missing == [], f"{block}: {missing}"


# Signatures are no programs. They are written by scripts/generate from api.toml; here they are held to the
# class.


SIGNATURE = re.compile(r"(?P<language>Python|Node) +client\.(?P<verb>\w+)\((?P<arguments>.*)\)")


def signatures(block: Block) -> None:
    told = [found for line in block.text.splitlines() if (found := SIGNATURE.fullmatch(line))]
    assert [one["language"] for one in told] == ["Python", "Node"], f"{block}: no signatures"
    assert len(block.text.splitlines()) == len(told), f"{block}: more than signatures"
    in_python, in_node = told
    verb, arguments = in_python["verb"], named(in_python["arguments"])
    taken = inspect.signature(getattr(threelo.Client, verb)).parameters.values()
    by_place = [one.name for one in taken if one.kind is one.POSITIONAL_OR_KEYWORD and one.name != "self"]
    assert arguments[: arguments.index("*")] == by_place, f"{block}: {verb} takes {by_place}"
    by_name = options_of(verb)
    assert sorted(arguments[arguments.index("*") + 1 :]) == by_name, (
        f"{block}: {verb} takes {by_name} by name"
    )

    verb, declared = in_node["verb"], in_declarations()
    assert verb in declared, f"{block}: Node has no {verb}"
    by_place, _, options = in_node["arguments"].partition("{")
    assert named(by_place) == declared[verb]["leading"], f"{block}: {verb} takes {declared[verb]['leading']}"
    assert sorted(named(options.removesuffix("}"))) == declared[verb]["options"], (
        f"{block}: {verb} has the options {declared[verb]['options']}"
    )


def named(arguments: str) -> list[str]:
    return [one.strip() for one in arguments.split(",") if one.strip()]


def options_of(verb: str) -> list[str]:
    """A verb's keywords, as the page writes them."""
    annotation = str(inspect.signature(getattr(threelo.Client, verb)).parameters["options"].annotation)
    taken = getattr(_options, annotation.removeprefix("Unpack[given.").removesuffix("]"))
    return sorted([*taken.__required_keys__, *(f"{one}=…" for one in taken.__optional_keys__)])


@functools.cache
def in_declarations() -> dict[str, dict[str, list[str]]]:
    """What the declarations of Node's package say of each method."""
    program = Path(__file__).parent / "signatures.mjs"
    told = subprocess.run(
        ["node", str(program)], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    return dict(json.loads(told.stdout))


# What READMEs beside the code show of forms that programs read.


def usage_of_the_sandbox(block: Block) -> None:
    source = (ROOT / "sandbox" / "src" / "main.rs").read_text()
    flags = re.findall(r"--[a-z]+", block.text)
    assert flags
    assert [flag for flag in flags if flag not in source] == []


def a_world(block: Block) -> None:
    with Sandbox(json.loads(block.text)) as atlassian:
        assert atlassian.control("GET", "/world")["sites"][0]["subdomain"] == "acme"


def a_fault(block: Block) -> None:
    with Sandbox() as atlassian:
        atlassian.control("POST", "/faults", json.loads(block.text))
        assert len(atlassian.control("GET", "/faults")) == 1


def a_log(block: Block) -> None:
    shown = json.loads(block.text)
    with Sandbox() as atlassian, atlassian.client() as client:
        atlassian.connect(client, "user-42")
        client.refresh("user-42")
        log = atlassian.control("GET", "/log")
    rotation = next(one for one in log["requests"] if one.get("outcome") == "rotated")
    assert shown["requests"][0].keys() <= rotation.keys()
    assert shown["counts"].keys() <= log["counts"].keys()


def the_listings(block: Block) -> None:
    shown = json.loads(block.text)
    with Sandbox() as atlassian:
        told = atlassian.control("GET", "/listings")
    assert shown.keys() <= told.keys()
    assert shown["listings"][0].keys() <= told["listings"][0].keys()


def a_vector(block: Block) -> None:
    used = {key for path in vectors() for key in json.loads(path.read_text())}
    assert json.loads(block.text).keys() >= used


def vectors() -> list[Path]:
    return sorted((ROOT / "tests" / "conformance" / "vectors").glob("*.json"))


# The foreign authority has packages of its own, which `make test-interop` installs and runs it with.


def interop(block: Block) -> None:
    folder = ROOT / "tests" / "interop"
    for line in block.text.splitlines():
        if line.startswith("node "):
            program = folder / line.split()[1]
            assert [flag for flag in re.findall(r"--[a-z-]+", line) if flag not in program.read_text()] == []
        elif line.startswith("{"):
            assert [key for key in json.loads(line) if key not in (folder / "main.mjs").read_text()] == []
        else:
            assert line in ("npm ci", "npm test")


# Web frameworks have packages of their own, which `make test-examples` installs and runs examples with. What
# the page shows are parts of them.


# `make test-examples` starts each example with the commands of its README, and uses it. What installs comes
# before those; the packages are those that are tested (tests/examples/test_apps.py).

INSTALLS = (
    "python -m pip install -r requirements.txt",
    "npm install",
    "npm install ../../dist/threelo-[0-9]*.tgz ../../dist/threelo-linux-*.tgz",
)


def an_example(block: Block) -> None:
    install, *starts = block.text.splitlines()
    assert install in INSTALLS, f"{block}: {install}"
    assert (ROOT / block.page).with_name("requirements.txt").exists() == install.startswith("python"), block
    assert starts, f"{block}: nothing starts"
    assert [block.text] == [one.text for one in blocks(block.page)], f"{block}: not the only one"


def lines(text: str) -> list[str]:
    """Without indentation and the quotes' kind, which formatters decide."""
    return [line.strip().replace("'", '"') for line in text.splitlines() if line.strip()]


def part_of(*places: str) -> Look:
    """Every line of the block stands there, in this order."""

    def look(block: Block) -> None:
        told = [line for place in places for line in lines((ROOT / place).read_text())]
        at = 0
        for line in lines(block.text):
            assert line in told[at:], f"{block}: not in {places}: {line}"
            at = told.index(line, at) + 1

    return look


LOOKS: dict[Key, Look] = {
    ("CONTRIBUTING.md", "text", "cargo test -p"): developers_commands,
    ("CONTRIBUTING.md", "text", "python3 scripts/catalogue"): lambda block: developers_commands(
        block._replace(text=" ".join(words(block)[:2]))  # Atlassian's documents are not part of the project.
    ),
    ("docs/quickstart-python.md", "sh", "make dist"): installing,
    ("docs/quickstart-node.md", "sh", "make dist"): installing,
    ("docs/quickstart-rust.md", "rust", "use std::error::Error;"): the_example,
    ("docs/quickstart-rust.md", "toml", "[dependencies]"): dependencies,
    ("docs/running.md", "js", "// next.config.js"): settings_of_next,
    ("docs/architecture.md", "mermaid", "flowchart"): steps_of_a_rotation,
    ("docs/frameworks.md", "python", ""): part_of("examples/fastapi/app.py"),
    ("docs/frameworks.md", "js", "app."): part_of("examples/express/app.mjs"),
    ("docs/frameworks.md", "js", "const STATUS"): part_of("examples/express/app.mjs"),
    ("docs/frameworks.md", "js", "/** @type"): part_of("examples/nextjs/next.config.mjs"),
    ("docs/frameworks.md", "js", "/**"): part_of("examples/nextjs/lib/jira.js"),
    ("docs/api.md", "text", "Python  client."): signatures,
    **{(page, "sh", ""): an_example for page in EXAMPLES},
    ("sandbox/README.md", "", "threelo-sandbox"): usage_of_the_sandbox,
    ("sandbox/README.md", "json", '{\n  "seed"'): a_world,
    ("sandbox/README.md", "json", '{ "method"'): a_fault,
    ("sandbox/README.md", "json", '{ "requests"'): a_log,
    ("sandbox/README.md", "json", '{ "site"'): the_listings,
    ("tests/conformance/README.md", "json", "{"): a_vector,
    ("tests/interop/README.md", "", "n"): interop,
    ("tests/interop/README.md", "json", "{"): interop,
}
