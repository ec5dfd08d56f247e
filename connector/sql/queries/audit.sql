-- name: list_agreement_leaves
-- The leaves of all processes of an agreement, in the order of writing.
SELECT l.id, l.process, l.seq, l.at, l.leaf, l.hash, o.openings
  FROM audit_leaf l LEFT JOIN audit_opening o ON o.leaf_id = l.id
 WHERE l.process IN (SELECT pid FROM process WHERE agreement = %(agreement)s)
 ORDER BY l.process, l.id

-- name: list_process_leaves
-- The leaves of these processes, in the order of writing.
SELECT l.id, l.process, l.seq, l.at, l.leaf, l.hash, o.openings
  FROM audit_leaf l LEFT JOIN audit_opening o ON o.leaf_id = l.id
 WHERE l.process = ANY(%(processes)s)
 ORDER BY l.process, l.id

-- name: list_newest_leaves
-- The leaves that were written last, newest first.
SELECT l.id, l.process, l.seq, l.at, l.leaf, l.hash, o.openings
  FROM audit_leaf l LEFT JOIN audit_opening o ON o.leaf_id = l.id
 ORDER BY l.id DESC LIMIT %(limit)s
