-- name: count_everything
-- What this participant has, for its status.
SELECT (SELECT count(*) FROM offering WHERE withdrawn_at IS NULL) AS offerings,
       (SELECT count(*) FROM agreement) AS agreements,
       (SELECT count(*) FROM process WHERE kind = 'negotiation') AS negotiations,
       (SELECT count(*) FROM process WHERE kind = 'transfer') AS transfers,
       (SELECT count(*) FROM audit_leaf) AS leaves,
       (SELECT count(*) FROM outbound) AS unsent
