"""Every statement of every feature, on a real server; and nothing left over."""

import ast
import re
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from connector.db import parse_queries, queries

ROOT = Path(__file__).parents[2]
FEATURES = sorted(file.name.removesuffix(".sql") for file in (files("connector.sql") / "queries").iterdir())


@pytest.mark.parametrize("feature", FEATURES)
def test_every_statement_prepares(database_url: str, feature: str) -> None:
    problems: dict[str, str] = {}
    with psycopg.connect(database_url, autocommit=True) as conn:
        for name, statement in queries(feature).items():
            result = conn.pgconn.prepare(b"", _numbered(statement).encode())
            message = result.error_message.decode()
            # The driver names the types of parameters; without them the server cannot always tell.
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK and "data type of parameter" not in message:
                problems[name] = message
    assert problems == {}


@pytest.mark.parametrize("feature", FEATURES)
def test_every_statement_is_used_and_every_used_one_exists(feature: str) -> None:
    trees = [ast.parse(file.read_text("utf-8")) for file in (ROOT / "connector").rglob("*.py")]
    names = [(tree, _names_of(tree, feature)) for tree in trees]
    words = {node.value for tree, bound in names if bound for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    used = {name for tree, bound in names for name in _subscripts(tree, bound)}
    assert set(queries(feature)) - words == set(), "statements nobody uses"
    assert used - set(queries(feature)) == set(), "statements that are not in the file"


def test_a_statement_has_a_name_a_purpose_and_a_text() -> None:
    first, second = "-- name: one\n-- The first.\nselect 1;\n", "-- name: two\n-- The second.\nselect 2\n  from t\n"
    text = f"-- About the file.\n\n{first}\n{second}"
    assert parse_queries(text) == {"one": "select 1", "two": "select 2\n  from t"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("-- name: one\nselect 1\n", "expected a line '-- purpose'"),
        ("-- name: one\n-- The first.\n", "and then the statement"),
        ("-- name: one\n-- The first.\nselect 1\n-- name: one\n-- Again.\nselect 2\n", "'one' is there twice"),
    ],
    ids=["no purpose", "no statement", "a name twice"],
)
def test_a_file_that_cannot_be_read_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_queries(text)


def test_a_misspelt_name_names_the_file() -> None:
    with pytest.raises(KeyError, match=r"no statement 'lod_it' in connector/sql/queries/schema\.sql"):
        queries("schema")["lod_it"]


def _numbered(statement: str) -> str:
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    for number, name in enumerate(names, start=1):
        statement = statement.replace(f"%({name})s", f"${number}")
    return statement.replace("%%", "%")


def _names_of(tree: ast.Module, feature: str) -> set[str]:
    """Every X of `X = queries("feature")`."""
    return {
        node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and ast.unparse(node.value) == f"queries({feature!r})"
    }


def _subscripts(tree: ast.Module, names: set[str]) -> list[str]:
    """Every name of `X["name"]`."""
    return [
        node.slice.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in names
        and isinstance(node.slice, ast.Constant)
        and isinstance(node.slice.value, str)
    ]
