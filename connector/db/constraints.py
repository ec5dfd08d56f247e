"""What PostgreSQL refuses, in our words."""

from collections.abc import Mapping

import psycopg

from connector.errors import ConnectorError, InvalidInput, MalformedMessage, NotAuthenticated, StorageError

# By the names in connector/sql/migrations. Any other tells of a lost race or a fault of ours: StorageError.
CONSTRAINTS: Mapping[str, tuple[type[ConnectorError], str]] = {
    "used_token_pkey": (NotAuthenticated, "the token was used before"),
    "used_token_jti_check": (NotAuthenticated, "the token's jti must have 1 to 128 characters"),
    "agreement_pkey": (MalformedMessage, "the agreement's @id is that of another agreement"),
    "authority_member_did_check": (InvalidInput, "a member is named by its did:web, of at most 512 characters"),
}


def translate(error: Exception) -> ConnectorError:
    """The error of ours for what psycopg raised. The text of a row never gets into it."""
    name = error.diag.constraint_name if isinstance(error, psycopg.Error) else None
    if name is not None and name in CONSTRAINTS:
        kind, message = CONSTRAINTS[name]
        return kind(message)
    if name is not None:
        return StorageError(f"the database refused the write: constraint {name}")
    if isinstance(error, psycopg.Error) and error.sqlstate is not None:
        reason = error.diag.message_primary or type(error).__name__
        return StorageError(f"the database refused the statement: {reason} ({error.sqlstate})")
    return StorageError(
        f"the database is not available ({type(error).__name__})",
        hint="see TIDEGATE_DATABASE_URL; work resumes by itself when the database is back",
    )
