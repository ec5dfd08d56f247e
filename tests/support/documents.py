"""The documentation as its readers see it: pages, links, headings, and the commands that are named."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(r"^(```|~~~)(?P<kind>\w*)[^\n]*\n(?P<body>.*?)^\1\s*$", re.MULTILINE | re.DOTALL)
SHELL = frozenset({"", "sh", "bash", "console"})
_CODE = re.compile(r"`+[^`\n]+`+")
_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6}\s+(?P<text>.+?)\s*$", re.MULTILINE)
# A command ends at a pipe, a comment, the end of its line or of its code span; a backslash continues the line.
_COMMAND = re.compile(r"(?<![\w/])(?:\.venv/bin/)?tidegate(?P<rest>(?: (?![#|>&])[^\s`]+)*)")


@dataclass(frozen=True)
class Page:
    """One Markdown file of the project."""

    path: Path

    def __str__(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """The text without blocks of code."""
        return _FENCE.sub("", self.text)

    def shell_lines(self) -> list[str]:
        """What a reader would type, line by line, without comments; a backslash continues a line."""
        blocks = [match["body"].replace("\\\n", " ") for match in _FENCE.finditer(self.text) if match["kind"] in SHELL]
        lines = [re.sub(r"(^|\s+)# .*$", "", line).strip() for block in blocks for line in block.splitlines()]
        return [line for line in lines if line]

    def links(self) -> list[str]:
        """Targets of links outside code."""
        return [match["target"] for match in _LINK.finditer(_CODE.sub("", self.prose))]

    def anchors(self) -> set[str]:
        """What a `#fragment` can name: the headings, as GitHub and MkDocs write them."""
        return {slug(match["text"]) for match in _HEADING.finditer(self.prose)}

    def commands(self) -> list[tuple[str, ...]]:
        """Every `tidegate ...` in code, as its words after `tidegate`."""
        spans = [match[0].strip("`") for match in _CODE.finditer(self.prose)]
        found = [match["rest"].split() for part in spans + self.shell_lines() for match in _COMMAND.finditer(part)]
        return [tuple(words) for words in found if words]


def slug(heading: str) -> str:
    """The anchor of a heading."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower())
    return plain.replace(" ", "-")


def pages() -> list[Page]:
    """All pages, the README first."""
    return [Page(ROOT / "README.md"), Page(ROOT / "CHANGELOG.md"), *map(Page, sorted((ROOT / "docs").rglob("*.md")))]
