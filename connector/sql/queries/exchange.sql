-- name: load_process
-- A process with what it still has to send, its last event, and whether a message with this id, or content, was stored before.
SELECT p.pid, p.kind, p.role, p.peer, p.peer_pid, p.peer_address, p.state, p.seq, p.offering, p.agreement, p.data, p.deadline,
       p.created_at, p.updated_at,
       o.message AS out_message, o.message_id AS out_message_id, o.url AS out_url, o.body AS out_body, o.content_digest AS out_content_digest,
       o.evidence AS out_evidence, o.refusals AS out_refusals, o.deadline AS out_deadline, o.queued_at AS out_queued_at,
       o.last_error AS out_last_error,
       e.message AS last_message, e.message_id AS last_message_id, e.direction AS last_direction, e.content_digest AS last_content_digest,
       e.at AS last_at,
       EXISTS (SELECT FROM event s WHERE s.pid = p.pid AND s.message_id = %(message_id)s AND s.direction = 'received') AS id_seen,
       EXISTS (SELECT FROM event s WHERE s.pid = p.pid AND s.content_digest = %(content_digest)s AND s.direction = 'received') AS content_seen
  FROM process p LEFT JOIN outbound o USING (pid) LEFT JOIN event e ON e.pid = p.pid AND e.seq = p.seq
 WHERE p.pid = %(pid)s AND p.kind = %(kind)s

-- name: find_pid
-- The pid of our process for a process of the peer.
SELECT pid FROM process WHERE kind = %(kind)s AND role = %(role)s AND peer = %(peer)s AND peer_pid = %(peer_pid)s

-- name: run_step
-- One step of one process; see the function.
SELECT exchange_step_v1(%(step)s::jsonb)

-- name: list_processes
-- The newest processes of a kind, keyset-paged from `before`.
SELECT pid FROM process
 WHERE kind = %(kind)s AND (%(before)s::text IS NULL OR (created_at, pid) < (SELECT created_at, pid FROM process WHERE pid = %(before)s))
 ORDER BY created_at DESC, pid DESC LIMIT %(limit)s

-- name: list_events
-- The history of a process.
SELECT seq, source, message, sender, target, direction, message_id, at FROM event WHERE pid = %(pid)s ORDER BY seq

-- name: note_refusal
-- The peer refused, or did not take, what we sent.
UPDATE outbound SET refusals = refusals + %(refused)s, last_error = %(error)s WHERE pid = %(pid)s AND message_id = %(message_id)s

-- name: list_overdue
-- Processes whose deadline has passed.
SELECT pid, kind FROM process WHERE deadline < %(now)s ORDER BY deadline LIMIT 100

-- name: defer_job
-- A job that lives and dies with the transaction; `lock` lets one job of a name and process run at a time.
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(%(queue)s, %(task)s, 0, %(lock)s, NULL, %(args)s::jsonb, NULL)::procrastinate_job_to_defer_v1])
