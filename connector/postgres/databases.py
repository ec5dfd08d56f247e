"""One database and one role for each participant; no role can read another's database."""

import secrets
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql


def create_database(admin_url: str, *, name: str, password: str | None = None) -> str:
    """Gives the address of database `name`, owned by the role `name`; both are created if absent, the data is kept.

    The role's password is set anew each time (random unless given), so that none has to be stored.
    """
    password = password or secrets.token_urlsafe(32)
    with psycopg.connect(admin_url, autocommit=True) as admin:
        # The verifier, not the password: a statement can end up in the server's log.
        verifier = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        role, secret = sql.Identifier(name), sql.Literal(verifier)
        if admin.execute("select from pg_roles where rolname = %s", [name]).fetchone() is None:
            admin.execute(sql.SQL("create role {} nosuperuser nocreatedb nocreaterole").format(role))
        admin.execute(sql.SQL("alter role {} login password {}").format(role, secret))
        if admin.execute("select from pg_database where datname = %s", [name]).fetchone() is None:
            admin.execute(sql.SQL("create database {} owner {}").format(role, role))
        # By default every role may connect to every database.
        for database in (name, "postgres", "template1"):
            admin.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(database)))
    return _address(admin_url, name, password)


def _address(admin_url: str, name: str, password: str) -> str:
    parts = urlsplit(admin_url)
    host = parts.netloc.rpartition("@")[2]
    user = f"{quote(name, safe='')}:{quote(password, safe='')}"
    return urlunsplit((parts.scheme, f"{user}@{host}", "/" + quote(name, safe=""), parts.query, ""))
