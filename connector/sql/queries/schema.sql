-- What the migration runner itself needs.

-- name: create_schema_migration
-- The record of what was applied.
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text NOT NULL,
    sha256     text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schema_migration_pkey PRIMARY KEY (name)
)

-- name: find_table
-- Whether a table is there.
SELECT to_regclass(%(table)s) IS NOT NULL

-- name: find_migration
-- Digest of an applied migration.
SELECT sha256 FROM schema_migration WHERE name = %(name)s

-- name: list_migrations
-- All that was applied.
SELECT name FROM schema_migration ORDER BY name

-- name: record_migration
-- In the migration's own transaction.
INSERT INTO schema_migration (name, sha256) VALUES (%(name)s, %(sha256)s)

-- name: lock_schema
-- One runner at a time; released with the transaction.
SELECT pg_advisory_xact_lock(%(key)s)

-- name: limit_waiting
-- A migration must not stand in the way of running processes for long.
SELECT set_config('lock_timeout', '4s', true), set_config('statement_timeout', '5s', true)

-- name: server_facts
-- What makes a server unfit.
SELECT pg_is_in_recovery(), current_setting('server_encoding')

-- name: delete_moves
-- Moves the protocol tables no longer have.
DELETE FROM move
 WHERE (kind, source, message, sender, target) NOT IN (
       SELECT * FROM unnest(%(kinds)s::text[], %(sources)s::text[], %(messages)s::text[], %(senders)s::text[], %(targets)s::text[]))

-- name: insert_moves
-- Moves the table does not have yet.
INSERT INTO move (kind, source, message, sender, target)
SELECT * FROM unnest(%(kinds)s::text[], %(sources)s::text[], %(messages)s::text[], %(senders)s::text[], %(targets)s::text[])
    ON CONFLICT DO NOTHING
