"""Whatever the documentation shows in a block of code works: programs and commands run, data is used,
output is what is put out. A block that cannot be run is looked at in another way, which `otherwise.py`
has with its reason; a block that nothing looks at fails here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import otherwise
from blocks import PAGES, ROOT, Block, blocks, parse
from story import Story, what_stands_before

WITH_BLOCKS = [page for page in PAGES if blocks(page)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WITH_BLOCKS)
def test_every_block_of_a_page_is_looked_at_and_works(page: str, tmp_path: Path) -> None:
    story = Story(tmp_path, keyed="THREELO_ENCRYPTION_KEY" in (ROOT / page).read_text())
    try:
        found = [block for block in blocks(page) if otherwise.look_at(block) is None]
        parts = [block for block in found if what_stands_before(block).is_file()]
        story.run_parts(parts)
        for block in (block for block in blocks(page) if block not in parts):
            look = otherwise.look_at(block)
            if look is None and block.language not in Story.LANGUAGES:
                pytest.fail(f"{block}: no test looks at a block in {block.language or 'no language'}")
            (look or story.run)(block)
    finally:
        story.close()


def test_four_commands_of_the_readme_lead_from_a_checkout_to_a_request(tmp_path: Path) -> None:
    """With nothing in the environment but what `threelo sandbox` prints to be pasted."""
    first = next(block for block in blocks("README.md") if block.language == "sh")
    commands = [line.partition("#")[0].split() for line in first.text.splitlines()]
    assert len(commands) < 5
    assert (commands[0][0], commands[-1][1]) == ("make", "request")
    story = Story(tmp_path)
    try:
        known = ("THREELO_", "JIRA_")
        story.environment = {
            name: value for name, value in story.environment.items() if not name.startswith(known)
        }
        story.run(first)
        assert '"Ada Lovelace"' in str(story.said)
        pasted = sum(name.startswith("THREELO_") for name in story.environment)
        assert pasted > 3, "the settings are those that were pasted"
    finally:
        story.close()


def test_no_block_is_overlooked() -> None:
    text = "a\n```python\n1\n```\n- b\n  ~~~\n  ```\n  ~~~\n"
    text += "<!-- file: c.json -->\n````json title\n{}\n```\n````\n"
    found = parse("x.md", text)
    assert found == [
        Block("x.md", 2, "python", "1\n", None),
        Block("x.md", 6, "", "```\n", None),
        Block("x.md", 10, "json title", "{}\n```\n", "c.json"),
    ]
    with pytest.raises(AssertionError, match=r"x\.md:1: the block is not closed"):
        parse("x.md", "```sh\nls\n")


def test_what_is_looked_at_otherwise_is_there() -> None:
    """A block that was taken out of a page leaves nothing behind."""
    shown = [block for page in PAGES for block in blocks(page)]
    assert [key for key in otherwise.LOOKS if not any(otherwise.fits(key, block) for block in shown)] == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "assert atlassian.url == ''\n"),
        ("js", "if (atlassian.url) throw new Error('Assertion');\n"),
    ],
)
def test_a_part_of_a_program_that_does_not_work_is_noticed(language: str, text: str, tmp_path: Path) -> None:
    story = Story(tmp_path)
    try:
        with pytest.raises(AssertionError, match=r"line-7\.\w+"):
            story.run_parts([Block("docs/api.md", 7, language, text, None)])
    finally:
        story.close()


@pytest.mark.parametrize(
    ("language", "text", "complaint"),
    [
        ("python", "raise SystemExit(3)\n", "t.md:1"),
        ("js", "import 'nowhere';\n", "nowhere"),
        ("sh", "false\necho done\n", "t.md:1"),
        ("toml", "a = \n", "Invalid"),
        ("json", "{]\n", "Expecting"),
        ("text", "said\n", "no program before it"),
    ],
)
def test_a_block_that_does_not_work_is_noticed(
    language: str, text: str, complaint: str, tmp_path: Path
) -> None:
    story = Story(tmp_path)
    try:
        with pytest.raises((AssertionError, ValueError), match=complaint):
            story.run(Block("t.md", 1, language, text, None))
    finally:
        story.close()
