-- name: use_token
-- Marks a token as used; no row comes back if it was used before.
INSERT INTO used_token (iss, jti, expires_at) VALUES (%(iss)s, %(jti)s, %(expires_at)s)
    ON CONFLICT DO NOTHING
RETURNING jti

-- name: purge_used_tokens
-- Forgets tokens that are refused for their age by now.
DELETE FROM used_token WHERE expires_at < %(now)s

-- name: keep_member_list
-- Stores a list unless it is older than the stored one, or has its version but other members; then no row comes back.
INSERT INTO member_list AS kept (authority, version, members, expires_at)
VALUES (%(authority)s, %(version)s, %(members)s, %(expires_at)s)
    ON CONFLICT (authority) DO UPDATE
   SET version = excluded.version, members = excluded.members, expires_at = excluded.expires_at, fetched_at = now()
 WHERE excluded.version > kept.version OR (excluded.version = kept.version AND excluded.members = kept.members)
RETURNING version

-- name: find_member_list
-- The last list of an authority that was believed.
SELECT version, members, expires_at FROM member_list WHERE authority = %(authority)s
