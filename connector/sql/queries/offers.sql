-- name: register_offering
-- Take an id for a source that was never published; no row if the source has one, or if the id is another source's.
INSERT INTO offering (id, source, variant, version)
VALUES (%(id)s, %(source)s, %(variant)s, 1)
ON CONFLICT DO NOTHING
RETURNING id

-- name: lock_source
-- The offering of a source, locked until commit. Nothing is joined: after a wait a joined row would be the one from before it.
SELECT id, version, withdrawn_at FROM offering
WHERE source = %(source)s AND variant = %(variant)s
FOR UPDATE

-- name: find_digest
-- The digest of what a version says; no row for an offering that was only just registered.
SELECT digest FROM offering_version WHERE offering_id = %(offering_id)s AND version = %(version)s

-- name: append_version
-- One more version of an offering; the chain without gaps and the unique offer id are the database's business.
INSERT INTO offering_version (offering_id, version, offer_id, digest, document)
VALUES (%(offering_id)s, %(version)s, %(offer_id)s, %(digest)s, %(document)s)

-- name: set_current_version
-- Make a version the current one and open it for search; a withdrawn offering is offered again.
UPDATE offering SET
    version = %(version)s,
    withdrawn_at = NULL,
    words = to_tsvector('simple', %(words)s::text),
    area = %(area)s::box,
    during = CASE WHEN coalesce(%(start)s::timestamptz, %(end)s::timestamptz) IS NOT NULL THEN tstzrange(%(start)s::timestamptz, %(end)s::timestamptz, '[]') END
WHERE id = %(offering_id)s

-- name: append_file
-- One file of a version.
INSERT INTO offering_file (offering_id, version, path, absolute_path, bytes, sha256, mtime_ns, inode, media_type)
VALUES (%(offering_id)s, %(version)s, %(path)s, %(absolute_path)s, %(bytes)s, %(sha256)s, %(mtime_ns)s, %(inode)s,
        %(media_type)s)

-- name: refresh_file
-- The same content was read again: note where it lies and how the file system names it now.
UPDATE offering_file SET absolute_path = %(absolute_path)s, mtime_ns = %(mtime_ns)s, inode = %(inode)s
WHERE offering_id = %(offering_id)s AND version = %(version)s AND path = %(path)s AND sha256 = %(sha256)s

-- name: list_files
-- The files of one version, by path.
SELECT path, absolute_path, bytes, sha256, mtime_ns, inode, media_type
FROM offering_file
WHERE offering_id = %(offering_id)s AND version = %(version)s
ORDER BY path

-- name: withdraw_offering
-- Offer it no longer; no row if there is no such offering. A second withdrawal keeps the first one's time.
UPDATE offering SET withdrawn_at = coalesce(withdrawn_at, now())
WHERE id = %(offering_id)s
RETURNING withdrawn_at

-- name: find_entry
-- One offering in its current version, withdrawn or not.
SELECT v.document, o.source, o.variant, o.withdrawn_at, v.published_at
FROM offering o JOIN offering_version v ON v.offering_id = o.id AND v.version = o.version
WHERE o.id = %(offering_id)s

-- name: find_version
-- One version of an offering, current or not: what an agreement was about.
SELECT document FROM offering_version WHERE offering_id = %(offering_id)s AND version = %(version)s

-- name: find_offer
-- An offer of any version, with what is current and whether it is withdrawn.
SELECT v.offer_id, v.offering_id, v.version, v.document ->> 'title' AS title, v.document -> 'policy' AS policy,
       o.version AS current_version, o.withdrawn_at
FROM offering_version v JOIN offering o ON o.id = v.offering_id
WHERE v.offer_id = %(offer_id)s

-- name: list_offered
-- A page of what is offered, by id, after a given id.
SELECT v.document
FROM offering o JOIN offering_version v ON v.offering_id = o.id AND v.version = o.version
WHERE o.withdrawn_at IS NULL AND o.id > %(after)s
ORDER BY o.id
LIMIT %(limit)s

-- name: search_offered
-- A page of what is offered and matches: words (a tsquery), an area and a time range, each optional.
SELECT v.document
FROM offering o JOIN offering_version v ON v.offering_id = o.id AND v.version = o.version
WHERE o.withdrawn_at IS NULL AND o.id > %(after)s
  AND (%(words)s::text IS NULL OR o.words @@ to_tsquery('simple', %(words)s::text))
  AND (%(area)s::box IS NULL OR o.area && %(area)s::box)
  AND (coalesce(%(start)s::timestamptz, %(end)s::timestamptz) IS NULL OR o.during && tstzrange(%(start)s::timestamptz, %(end)s::timestamptz, '[]'))
ORDER BY o.id
LIMIT %(limit)s

-- name: list_entries
-- A page of all offerings of this participant, withdrawn ones included, by id, after a given id.
SELECT v.document, o.source, o.variant, o.withdrawn_at, v.published_at
FROM offering o JOIN offering_version v ON v.offering_id = o.id AND v.version = o.version
WHERE o.id > %(after)s
ORDER BY o.id
LIMIT %(limit)s
