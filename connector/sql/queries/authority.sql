-- name: add_member
-- Admits a participant or changes its title and address; the new version of the list, or no row if nothing changed.
WITH changed AS (
    INSERT INTO authority_member AS present (did, title, url) VALUES (%(did)s, %(title)s, %(url)s)
        ON CONFLICT (did) DO UPDATE SET title = excluded.title, url = excluded.url
     WHERE (present.title, present.url) IS DISTINCT FROM (excluded.title, excluded.url)
    RETURNING did
)
UPDATE authority_list SET version = version + 1 WHERE EXISTS (SELECT FROM changed)
RETURNING version

-- name: remove_member
-- Removes a participant; the new version of the list, or no row if it was no member.
WITH changed AS (
    DELETE FROM authority_member WHERE did = %(did)s RETURNING did
)
UPDATE authority_list SET version = version + 1 WHERE EXISTS (SELECT FROM changed)
RETURNING version

-- name: list_members
-- All members, by DID.
SELECT did, title, url, added_at FROM authority_member ORDER BY did

-- name: load_list
-- The version and the members it stands for, in one look.
SELECT l.version,
       coalesce(jsonb_agg(jsonb_build_object('did', m.did, 'title', m.title, 'url', m.url) ORDER BY m.did)
                FILTER (WHERE m.did IS NOT NULL), '[]') AS members
  FROM authority_list l LEFT JOIN authority_member m ON true
 GROUP BY l.version
