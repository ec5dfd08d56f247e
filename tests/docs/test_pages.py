"""What the pages point at exists: other pages, headings, commands with their options, tests."""

import re
from functools import cache

import pytest
from typer.main import get_command

from tests.support.documents import ROOT, Page, pages, slug

PAGES = pages()
each_page = pytest.mark.parametrize("page", PAGES, ids=str)
# Stands for any command.
PLACEHOLDER = re.compile(r"[A-Z]+$|\.\.\.$|…$")


@each_page
def test_every_relative_link_leads_somewhere(page):
    assert [target for target in page.links() if not leads_somewhere(page, target)] == []


def leads_somewhere(page, target):
    """Whether a link on `page` has a file at its end, and in it the heading. Other sites are not asked."""
    if re.match(r"[a-z]+:", target):
        return True
    name, _, fragment = target.partition("#")
    path = (page.path.parent / name).resolve() if name else page.path
    if not path.exists() or not path.is_relative_to(ROOT):
        return False
    return not fragment or fragment in Page(path).anchors()


@pytest.mark.parametrize(
    ("target", "leads"),
    [
        ("docs/index.md", True),
        ("docs/glossary.md#agreement", True),
        ("https://example.org/anything", True),
        ("docs/nothing.md", False),
        ("docs/glossary.md#no-such-term", False),
        ("../outside.md", False),
    ],
)
def test_the_check_of_links_tells_good_from_bad(target, leads):
    assert leads_somewhere(PAGES[0], target) is leads


@each_page
def test_every_command_that_is_named_exists(page):
    assert [f"tidegate {' '.join(words)}: {wrong}" for words in page.commands() if (wrong := problem(words))] == []


@cache
def problem(words):
    """What is wrong with a command: an unknown word or option; None if nothing is. Arguments are not judged."""
    from connector.cli.main import app

    command = get_command(app)
    names = list(words)
    while names and not names[0].startswith("-") and hasattr(command, "commands"):
        name = names.pop(0)
        if PLACEHOLDER.match(name):
            return None
        if name not in command.commands:
            return f"there is no command {name}"
        command = command.commands[name]
    known = {flag for param in command.params for flag in (*param.opts, *param.secondary_opts)} | {"--help"}
    if hasattr(command, "commands") and "list" in command.commands:
        known |= {flag for param in command.commands["list"].params for flag in param.opts}
    unknown = [word for word in names if word.startswith("-") and word.partition("=")[0] not in known]
    return f"there is no option {unknown[0]}" if unknown else None


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("publish", "FOLDER", "--policy", "open"), None),
        (("offerings",), None),
        (("offerings", "--json"), None),
        (("offerings", "withdraw", "run-1"), None),
        (("offerings", "destroy", "run-1"), "there is no command destroy"),
        (("publsh", "FOLDER"), "there is no command publsh"),
        (("publish", "--polcy", "open"), "there is no option --polcy"),
    ],
)
def test_the_check_of_commands_tells_good_from_bad(words, wrong):
    assert problem(words) == wrong


@each_page
def test_every_test_that_is_named_exists(page):
    missing = []
    for line in page.text.splitlines():
        names = re.findall(r"`(test_[a-z0-9_]+)`", line)
        files = re.findall(r"`(tests/[a-z0-9_/]+\.py)`", line)
        missing += [(name, files) for name in names if not any(name in found_in(file) for file in files)]
    assert missing == []


@cache
def found_in(file):
    """The names of the tests in a file, given as in the documentation; empty if there is no such file."""
    path = ROOT / file
    source = path.read_text(encoding="utf-8") if path.exists() else ""
    return frozenset(re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE))


@each_page
def test_no_code_span_is_broken_over_two_lines(page):
    """The checks above, and readers who search, see code line by line."""
    assert [line for line in page.prose.splitlines() if line.count("`") % 2] == []


def test_the_glossary_is_sorted_and_names_each_term_once():
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    terms = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert len(terms) > 20
    assert terms == sorted(terms, key=str.casefold)
    assert len({slug(term) for term in terms}) == len(terms)


def test_every_page_can_be_reached_from_the_start_page():
    start = ROOT / "docs/index.md"
    seen, waiting = set(), [start]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        targets = [target.partition("#")[0] for target in Page(path).links() if not re.match(r"[a-z]+:", target)]
        waiting += [(path.parent / name).resolve() for name in targets if name.endswith(".md")]
    assert [str(page) for page in PAGES if page.path.is_relative_to(start.parent) and page.path not in seen] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.path.parent.name == "decisions"], ids=str)
def test_a_decision_is_dated_and_has_context_options_and_consequences(page):
    if page.path.name == "index.md":
        return
    assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", page.path.name)
    assert re.search(r"^Date: \d{4}-\d{2}-\d{2}$", page.text, re.MULTILINE)
    assert {"context", "options-considered", "consequences"} <= page.anchors()
