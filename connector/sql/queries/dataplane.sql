-- name: open_flow
-- Let the holder of a token in: a first start, or another one after a suspension, which makes every earlier token worthless.
INSERT INTO data_flow (transfer, agreement, offering, version, kind, consumer, endpoint, jti, expires_at)
VALUES (%(transfer)s, %(agreement)s, %(offering)s, %(version)s, %(kind)s, %(consumer)s, %(endpoint)s, %(jti)s, %(expires_at)s)
ON CONFLICT ON CONSTRAINT data_flow_pkey DO UPDATE
   SET agreement = excluded.agreement, offering = excluded.offering, version = excluded.version, kind = excluded.kind,
       consumer = excluded.consumer, endpoint = excluded.endpoint, jti = excluded.jti, expires_at = excluded.expires_at,
       state = 'open', reason = NULL, closed_at = NULL, opened_at = now()

-- name: close_flow
-- Shut the door: nothing more is served, and running streams are cut.
UPDATE data_flow SET state = 'closed', reason = %(reason)s, closed_at = now() WHERE transfer = %(transfer)s AND state = 'open'

-- name: find_flow
-- One flow, open or closed.
SELECT transfer, agreement, offering, version, kind, consumer, endpoint, jti, expires_at, state, reason, bytes_sent
  FROM data_flow WHERE transfer = %(transfer)s

-- name: list_good_tokens
-- Which of these tokens are still good.
SELECT jti FROM data_flow WHERE jti = ANY(%(jtis)s) AND transfer = ANY(%(transfers)s) AND state = 'open' AND expires_at > now()

-- name: add_bytes_sent
-- Note what a request delivered.
UPDATE data_flow SET bytes_sent = bytes_sent + %(bytes)s WHERE transfer = %(transfer)s

-- name: reopen_flow
-- Open a suspended flow again for the token it had: the consumer resumed, and nothing new can be sent to it.
UPDATE data_flow SET state = 'open', reason = NULL, closed_at = NULL WHERE transfer = %(transfer)s AND state = 'closed'
