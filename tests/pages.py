"""The README and the other pages: their text, and their code blocks with what is said of them.

A comment on the line above a block says what the tests do with it:

- ``<!-- tested with --depth=3 -->``: these flags are added to its commands, so that it takes less;
- ``<!-- not run: why -->``: nothing;
- ``<!-- run by .ci/run -->``: nothing, as .ci/run does it.

In results, ``<!-- commands on this page are not run: why -->`` says it once for the page.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
    )
)
COMMENTS = {
    "smaller": re.compile(r"<!-- tested with (--.+) -->"),
    "not_run": re.compile(r"<!-- not run: (.+) -->"),
    "by_ci": re.compile(r"<!-- (run by \.ci/run) -->"),
    "page_not_run": re.compile(r"<!-- commands on this page are not run: (.+) -->"),
}


@dataclass(frozen=True)
class Block:
    """A fenced block of code, and what the comment above it says."""

    page: str
    line: int
    language: str
    code: str
    comments: dict[str, str]
    shows: str  # the block of language text right after it, its output

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def file(self) -> str:
        """The file that it is, if its first line names one: ``# my_module.py``."""
        found = re.match(r"# (\S+\.py)\n", self.code)
        return found[1] if found else ""

    @property
    def is_run(self) -> bool:
        return not self.comments.keys() & {"not_run", "by_ci", "page_not_run"}

    def commands(self) -> Iterator[list[str]]:
        """Words of each command of a shell block."""
        for line in self.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while "&&" in words:
                end = words.index("&&")
                yield words[:end]
                words = words[end + 1 :]
            if words:
                yield words


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def comments(lines: str) -> dict[str, str]:
    return {
        name: found[1] for name, pattern in COMMENTS.items() if (found := pattern.search(lines))
    }


def blocks(page: str) -> list[Block]:
    content = text(page)
    of_page = {key: why for key, why in comments(content).items() if key == "page_not_run"}
    fenced = re.compile(r"^(<!-- [^\n]+ -->\n)?^```(\w*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
    output = re.compile(r"\n```text\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
    found = []
    for block in fenced.finditer(content):
        shown = output.match(content, block.end())
        found.append(
            Block(
                page=page,
                line=content[: block.start(2)].count("\n") + 1,
                language=block[2],
                code=block[3],
                comments=of_page | comments(block[1] or ""),
                shows=shown[1] if shown else "",
            )
        )
    return found


BLOCKS = [block for page in PAGES for block in blocks(page)]
