"""A token for a file without a contract: what is measured is the delivery, with a client of our choice."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psycopg

from catalog.model import Offering
from connector.app import KEY_FILE
from connector.dataplane.flows import open_flow_statement
from connector.dataplane.routes import endpoint_of
from connector.dataplane.tokens import issue_data_token
from connector.demo.space import DataSpace
from connector.identity.keys import load_or_create_key
from connector.settings import PREFIX

GRANTED_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Grant:
    """Where a file is, and the token for it."""

    url: str
    token: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The fields that a request needs."""
        return {"Authorization": f"Bearer {self.token}"}


def grant(space: DataSpace, offering: Offering) -> Grant:
    """Open a flow in the provider's database, as starting a transfer does."""
    provider, consumer = space["provider"], space["consumer"]
    transfer, agreement, jti = (f"urn:uuid:{uuid.uuid4()}" for _ in range(3))
    endpoint, now = endpoint_of(provider.url, transfer), datetime.now(UTC)
    token = issue_data_token(
        load_or_create_key(provider.home / KEY_FILE, provider.did),
        endpoint=endpoint,
        agreement=agreement,
        transfer=transfer,
        consumer=consumer.did,
        now=now,
        jti=jti,
        expires_at=now + GRANTED_FOR,
    )
    statement, parameters = open_flow_statement(
        transfer=transfer,
        agreement=agreement,
        offering=offering.id,
        version=offering.version,
        kind=offering.kind,
        consumer=consumer.did,
        endpoint=endpoint,
        jti=jti,
        expires_at=now + GRANTED_FOR,
    )
    with psycopg.connect(provider.environment[f"{PREFIX}DATABASE_URL"]) as conn:
        conn.execute(statement, parameters)
    return Grant(endpoint, token)
