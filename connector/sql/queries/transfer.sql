-- name: find_finalizing
-- Our negotiation that made an agreement and whose finalization the peer has not acknowledged yet.
SELECT p.pid FROM process p JOIN outbound o USING (pid)
 WHERE p.kind = 'negotiation' AND p.role = 'provider' AND p.agreement = %(agreement)s AND p.peer = %(peer)s AND o.message = 'finalization'

-- name: list_transfers
-- The transfers of an agreement, oldest first.
SELECT pid FROM process WHERE kind = 'transfer' AND agreement = %(agreement)s ORDER BY created_at, pid
