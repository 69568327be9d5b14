"""A page is a story: its blocks run in the order they stand in, in one folder and with one sandbox, so that
what an earlier one connected is there for a later one.

What is put in place of what a reader has:

- A program that names the callback `http://localhost:3000/callback` is told the sandbox's hosts beside it,
  because that line is where a reader's program says who it is.
- A program of a page that shows parts of programs has the file of that page in `before/` put in front of
  it, and commands of a page the files that its script there makes.
- `make` is that of the checkout, and `.venv` is the checkout's.
- Stores in `/var/lib/app` are in the page's folder. Where a page names THREELO_ENCRYPTION_KEY, there is
  one.
- `threelo sandbox` runs in the background, as it would in another terminal, with the callback on a free
  port; the lines that it prints to be copied are what later commands have in their environment.
- The browser that `threelo connect` opens, and who pastes the address that a program asks for, are
  `browser.py`.
- Where data says REFRESH_TOKEN or CLOUD_ID, such of the sandbox's are put.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import browser
from blocks import ROOT, Block
from threelo.testing import Sandbox

PATIENCE = 60.0
BEFORE = Path(__file__).parent / "before"
SUFFIXES = {"python": ".py", "js": ".mjs"}
CALLBACK = {
    "python": ('redirect_uri="http://localhost:3000/callback",', ' endpoints={"auth": "URL", "api": "URL"},'),
    "js": ('redirectUri: "http://localhost:3000/callback",', ' endpoints: { auth: "URL", api: "URL" },'),
}
TOGETHER = {
    "python": [sys.executable, "-c", "import runpy, sys\nfor part in sys.argv[1:]: runpy.run_path(part)"],
    "js": ["node", "-e", "(async () => { for (const part of process.argv.slice(1)) await import(part); })()"],
}
SERVES = re.compile(r"(\.venv/bin/)?threelo sandbox\b")
ASKS = re.compile(r"Open (\S+) and paste")


def what_stands_before(block: Block) -> Path:
    return BEFORE / f"{Path(block.page).stem}{SUFFIXES.get(block.language, '')}"


class Story:
    LANGUAGES: ClassVar = {
        "python": "_program",
        "js": "_program",
        "sh": "_shell",
        "toml": "_data",
        "json": "_data",
        "text": "_shown",
    }

    def __init__(self, folder: Path, *, keyed: bool = False) -> None:
        self.folder = folder
        self.sandbox = Sandbox()
        self.said: str | None = None
        """What the last program wrote, until a block of text shows it."""
        self._prepared = False
        self._background: list[subprocess.Popen[str]] = []
        (folder / "node_modules").mkdir()
        (folder / "node_modules" / "threelo").symlink_to(ROOT, target_is_directory=True)
        # Jira clients of other people, which `make test-examples` installs too.
        for package in (ROOT / "tests" / "examples" / "node_modules").glob("jira.js*"):
            (folder / "node_modules" / package.name).symlink_to(package, target_is_directory=True)
        (folder / "Makefile").write_text(f"%:\n\t$(MAKE) --directory {ROOT} $@\n")
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        programs = folder / ".bin"
        programs.mkdir()
        opener = programs / "xdg-open"
        opener.write_text(f"#!{sys.executable}\n{Path(browser.__file__).read_text()}")
        opener.chmod(0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.callback = f"http://localhost:{free.getsockname()[1]}/callback"
        self.sandbox.control("PUT", "/world", {"apps": [self._app()]})
        options = self.sandbox.options()
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("THREELO_", "NODE_"))
        } | {
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "PYTHONUNBUFFERED": "1",
            "PERSON_SITES": "acme",
            "JIRA_CLIENT_ID": options["client_id"],
            "JIRA_CLIENT_SECRET": options["client_secret"],
            "THREELO_CLIENT_ID": options["client_id"],
            "THREELO_CLIENT_SECRET": options["client_secret"],
            "THREELO_REDIRECT_URI": self.callback,
            "THREELO_SCOPES": ",".join(options["scopes"]),
            "THREELO_ENDPOINTS": f"auth={self.sandbox.url},api={self.sandbox.url}",
        }
        if keyed:
            self.environment["THREELO_ENCRYPTION_KEY"] = base64.b64encode(os.urandom(32)).decode()

    def _app(self) -> dict[str, Any]:
        app: dict[str, Any] = self.sandbox.control("GET", "/world")["apps"][0]
        return app | {"redirect_uris": [*app["redirect_uris"], self.callback]}

    def close(self) -> None:
        for running in self._background:
            running.terminate()
            running.wait(PATIENCE)
            assert running.stdout is not None
            running.stdout.close()
        self.sandbox.close()

    def run(self, block: Block) -> None:
        """Runs a block of one of LANGUAGES, or lays it where the next one finds it."""
        getattr(self, self.LANGUAGES[block.language])(block)

    # ------------------------------------------------------------------------------------------ programs

    def _program(self, block: Block) -> None:
        path = self._written(block)
        if not block.file:
            self._play([sys.executable if block.language == "python" else "node", path.name], str(block))

    def _written(self, block: Block) -> Path:
        text = block.text
        line, hosts = CALLBACK[block.language]
        text = text.replace(line, line + hosts.replace("URL", self.sandbox.url))
        text = text.replace('"/var/lib/app/', f'"{self.folder}/')
        before = what_stands_before(block)
        if before.exists():
            text = f"{before.read_text()}\n{text}"
        path = self.folder / (block.file or f"line-{block.line}{SUFFIXES[block.language]}")
        path.write_text(text)
        return path

    def run_parts(self, blocks: list[Block]) -> None:
        """Runs parts of programs, each with what stands before it and a world of its own. Those of a language
        run in one process, because starting it is what takes the time.
        """
        for language, command in TOGETHER.items():
            parts = [self._written(block) for block in blocks if block.language == language]
            if parts:
                self._play(
                    [*command, *(f"./{part.name}" for part in parts)], f"{language} of {blocks[0].page}"
                )

    def _play(self, command: list[str], name: str) -> None:
        """Runs a program, and pastes the address it asks for."""
        running = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        clock = threading.Timer(PATIENCE, running.kill)
        clock.start()
        assert running.stdout is not None
        try:
            said = ""
            while letter := running.stdout.read(1):
                said += letter
                if said.endswith(": ") and (asked := ASKS.search(said)):
                    break
            answer = f"{browser.consent(asked[1], ['acme'])}\n" if letter and asked else None
            rest, complained = running.communicate(answer, timeout=PATIENCE)
        finally:
            clock.cancel()
            running.kill()
        self.said = rest if answer else said + rest
        assert running.returncode == 0, f"{name}: {said}{rest}{complained}"

    # ------------------------------------------------------------------------------------------ commands

    def _shell(self, block: Block) -> None:
        """Runs commands, and stops at the first that fails."""
        before = BEFORE / f"{Path(block.page).stem}.sh"
        if before.exists() and not self._prepared:
            self._prepared = True
            self._script([before.read_text()], block)
        waiting: list[str] = []
        self.said = ""
        for line in block.text.splitlines():
            if SERVES.match(line):
                self._script(waiting, block)
                waiting = []
                self._serve(line)
            else:
                waiting.append(line)
        self._script(waiting, block)

    def _script(self, lines: list[str], block: Block) -> None:
        if not any(lines):
            return
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", "\n".join(lines)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        self.said = f"{self.said or ''}{done.stdout}"
        assert done.returncode == 0, f"{block}: {done.stdout}{done.stderr}"

    def _serve(self, line: str) -> None:
        command = [*shlex.split(line, comments=True), "--callback", self.callback]
        running = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, text=True
        )
        self._background.append(running)
        assert running.stdout is not None
        for told in running.stdout:
            if told.startswith("export "):
                settings = dict(one.split("=", 1) for one in shlex.split(told)[1:])
                self.environment |= settings
            if told.startswith("Ctrl-C"):
                return
        raise AssertionError(f"`{line}` ended")

    # ------------------------------------------------------------------------------------------ data

    def _data(self, block: Block) -> None:
        """Reads as what it says it is; where it has a file, later blocks use it."""
        text = block.text
        if "REFRESH_TOKEN" in text:
            text = text.replace("REFRESH_TOKEN", self._foreign_token())
        text = text.replace("CLOUD_ID", self._cloud_id())
        if block.language == "toml":
            tomllib.loads(text)
        elif block.file and block.file.endswith(".jsonl"):
            for line in text.splitlines():
                json.loads(line)
        else:
            json.loads(text)
        if block.file:
            (self.folder / block.file).write_text(text)

    def _shown(self, block: Block) -> None:
        """What a program before it said; … stands for anything."""
        assert self.said is not None, f"{block}: no program before it"
        pattern = ".*?".join(map(re.escape, block.text.strip().split("…")))
        assert re.fullmatch(pattern, self.said.strip(), re.DOTALL), f"{block}: it said\n{self.said}"

    def _cloud_id(self) -> str:
        sites = self.sandbox.control("GET", "/world")["sites"]
        return next(str(site["cloud_id"]) for site in sites if site["subdomain"] == "acme")

    def _foreign_token(self) -> str:
        """A refresh token that somebody else's code got for the same app."""
        options = self.sandbox.options()
        with self.sandbox.client() as client:
            address = client.connect("of another system", binding=None).url
        callback = browser.consent(address, ["acme"])
        wanted = {name: options[name] for name in ("client_id", "client_secret", "redirect_uri")}
        wanted |= {"grant_type": "authorization_code", "code": parse_qs(urlsplit(callback).query)["code"][0]}
        place, kind = f"{self.sandbox.url}/oauth/token", {"content-type": "application/json"}
        answer, body = browser.ask("POST", place, json.dumps(wanted).encode(), kind)
        assert answer.status == 200, body
        return str(json.loads(body)["refresh_token"])
