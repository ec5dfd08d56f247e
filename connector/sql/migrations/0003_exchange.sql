-- Processes, their histories, and what is still to be sent.
--
-- `move` holds the legal moves of both protocols; it is filled from connector.protocol by the migration runner, and the
-- foreign keys below refuse every history that is not a path of it.

CREATE TABLE move (
    kind    text NOT NULL,
    source  text NOT NULL,
    message text NOT NULL,
    sender  text NOT NULL,
    target  text NOT NULL,
    CONSTRAINT move_pkey PRIMARY KEY (kind, source, message, sender, target)
);

CREATE TABLE process (
    pid          text NOT NULL,
    kind         text NOT NULL,
    role         text NOT NULL,
    peer         text NOT NULL,
    peer_pid     text,
    peer_address text NOT NULL,
    state        text NOT NULL,
    seq          integer NOT NULL,
    last_seq     integer GENERATED ALWAYS AS (NULLIF(seq, 0)) STORED,
    offering     text,
    agreement    text,
    data         jsonb NOT NULL,
    deadline     timestamptz,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT process_pkey PRIMARY KEY (pid),
    CONSTRAINT process_pid_kind_key UNIQUE (pid, kind),
    CONSTRAINT process_kind_check CHECK (kind IN ('negotiation', 'transfer')),
    CONSTRAINT process_role_check CHECK (role IN ('provider', 'consumer')),
    CONSTRAINT process_new_check CHECK ((seq = 0) = (state = 'NEW'))
);
-- One process for each process of the peer: a repeated first message finds the process it made (DSP 2025-1, TransferRequestMessage).
CREATE UNIQUE INDEX process_peer_key ON process (kind, role, peer, peer_pid) WHERE peer_pid IS NOT NULL;
CREATE INDEX process_agreement_idx ON process (agreement) WHERE agreement IS NOT NULL;
CREATE INDEX process_created_idx ON process (kind, created_at DESC, pid DESC);
CREATE INDEX process_deadline_idx ON process (deadline) WHERE deadline IS NOT NULL;

CREATE TABLE event (
    pid             text NOT NULL,
    seq             integer NOT NULL,
    previous        integer GENERATED ALWAYS AS (NULLIF(seq - 1, 0)) STORED,
    kind            text NOT NULL,
    source          text NOT NULL,
    message         text NOT NULL,
    sender          text NOT NULL,
    target          text NOT NULL,
    direction       text NOT NULL,
    message_id      text,
    body            text,
    content_digest  text,
    token           text,
    token_issued_at timestamptz,
    at              timestamptz NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (pid, seq),
    CONSTRAINT event_target_key UNIQUE (pid, seq, target),
    CONSTRAINT event_first_check CHECK ((seq = 1) = (source = 'NEW')),
    CONSTRAINT event_direction_check CHECK (direction IN ('sent', 'received', 'own')),
    CONSTRAINT event_body_check CHECK ((direction = 'own') = (body IS NULL)),
    CONSTRAINT event_process_fkey FOREIGN KEY (pid, kind) REFERENCES process (pid, kind),
    CONSTRAINT event_move_fkey FOREIGN KEY (kind, source, message, sender, target) REFERENCES move,
    CONSTRAINT event_previous_fkey FOREIGN KEY (pid, previous, source) REFERENCES event (pid, seq, target)
);
CREATE INDEX event_message_id_idx ON event (pid, message_id) WHERE message_id IS NOT NULL;

-- The state of a process is the target of its last event, and nothing else.
ALTER TABLE process ADD CONSTRAINT process_state_fkey
    FOREIGN KEY (pid, last_seq, state) REFERENCES event (pid, seq, target) DEFERRABLE INITIALLY DEFERRED;

-- What a process still has to send: the exact body, and the job that sends it if the first attempt does not.
CREATE TABLE outbound (
    pid            text NOT NULL,
    message        text NOT NULL,
    message_id     text NOT NULL,
    url            text NOT NULL,
    body           text NOT NULL,
    content_digest text NOT NULL,
    evidence       jsonb NOT NULL,
    job            bigint NOT NULL,
    refusals       integer NOT NULL DEFAULT 0,
    last_error     text,
    queued_at      timestamptz NOT NULL,
    deadline       timestamptz NOT NULL,
    CONSTRAINT outbound_pkey PRIMARY KEY (pid),
    CONSTRAINT outbound_process_fkey FOREIGN KEY (pid) REFERENCES process (pid)
);

-- One step of one process: lock, check that nobody moved it meanwhile, events, leaves, what is to be sent, in one round trip.
--
-- step: {"pid", "seq" (as loaded), "outbound" (message id as loaded, or null), "create" (process row, or absent),
--        "state", "peer_pid", "agreement", "data", "deadline", "events": [...], "leaves": [...],
--        "clear": bool, "send": {...} or null, "token": {"iss", "jti", "expires_at"} or null}
-- Answers 'done', 'conflict' (somebody moved the process: load again) or 'replayed' (the token was used before); only 'done' writes.
-- Its statements look rows up by key, whatever the values are: planning them anew for each of the first calls of every
-- connection is all cost.
CREATE FUNCTION exchange_step_v1(step jsonb) RETURNS text LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    own_pid     text := step->>'pid';
    created     jsonb := step->'create';
    queued      jsonb := step->'send';
    used        jsonb := step->'token';
    found_seq   integer;
    pending_id  text;
    pending_job bigint;
    new_job     bigint;
BEGIN
    IF jsonb_typeof(created) = 'object' THEN
        INSERT INTO process (pid, kind, role, peer, peer_pid, peer_address, state, seq, offering, agreement, data, deadline)
        VALUES (own_pid, created->>'kind', created->>'role', created->>'peer', step->>'peer_pid', created->>'peer_address',
                step->>'state', jsonb_array_length(step->'events'), created->>'offering', step->>'agreement', step->'data',
                (step->>'deadline')::timestamptz)
        ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            RETURN 'conflict';
        END IF;
    ELSE
        SELECT p.seq, o.message_id, o.job INTO found_seq, pending_id, pending_job
          FROM process p LEFT JOIN outbound o USING (pid) WHERE p.pid = own_pid FOR UPDATE OF p;
        IF found_seq IS DISTINCT FROM (step->>'seq')::integer OR pending_id IS DISTINCT FROM step->>'outbound' THEN
            RETURN 'conflict';
        END IF;
    END IF;

    IF jsonb_typeof(used) = 'object' THEN
        INSERT INTO used_token (iss, jti, expires_at)
        VALUES (used->>'iss', used->>'jti', (used->>'expires_at')::timestamptz) ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
            IF jsonb_typeof(created) = 'object' THEN
                DELETE FROM process WHERE pid = own_pid;
            END IF;
            RETURN 'replayed';
        END IF;
    END IF;

    INSERT INTO event (pid, seq, kind, source, message, sender, target, direction, message_id, body, content_digest, token, token_issued_at, at)
    SELECT own_pid, e.seq, e.kind, e.source, e.message, e.sender, e.target, e.direction, e.message_id, e.body, e.content_digest,
           e.token, e.token_issued_at, e.at
      FROM jsonb_to_recordset(step->'events') AS e (seq integer, kind text, source text, message text, sender text, target text,
           direction text, message_id text, body text, content_digest text, token text, token_issued_at timestamptz, at timestamptz);

    WITH appended AS (
        INSERT INTO audit_leaf (process, seq, at, leaf, hash)
        SELECT own_pid, l.seq, l.at, convert_to(l.leaf, 'UTF8'), decode(l.hash, 'hex')
          FROM jsonb_to_recordset(step->'leaves') AS l (seq integer, at timestamptz, leaf text, hash text)
        RETURNING id, hash)
    INSERT INTO audit_opening (leaf_id, openings)
    SELECT a.id, l.openings
      FROM appended a JOIN jsonb_to_recordset(step->'leaves') AS l (hash text, openings jsonb) ON decode(l.hash, 'hex') = a.hash;

    IF jsonb_typeof(created) IS DISTINCT FROM 'object' THEN
        UPDATE process
           SET state = step->>'state', seq = seq + jsonb_array_length(step->'events'), peer_pid = step->>'peer_pid',
               agreement = step->>'agreement', data = step->'data', deadline = (step->>'deadline')::timestamptz, updated_at = now()
         WHERE pid = own_pid;
    END IF;

    IF (step->>'clear')::boolean THEN
        DELETE FROM outbound WHERE pid = own_pid;
        PERFORM procrastinate_cancel_job_v1(pending_job, false, true);
    END IF;

    IF jsonb_typeof(queued) = 'object' THEN
        new_job := (procrastinate_defer_jobs_v1(ARRAY[ROW('exchange', 'deliver', 0, own_pid, NULL,
            jsonb_build_object('pid', own_pid, 'message_id', queued->>'message_id'),
            (queued->>'job_due')::timestamptz)::procrastinate_job_to_defer_v1]))[1];
        INSERT INTO outbound (pid, message, message_id, url, body, content_digest, evidence, job, queued_at, deadline)
        VALUES (own_pid, queued->>'message', queued->>'message_id', queued->>'url', queued->>'body', queued->>'content_digest',
                queued->'evidence', new_job, (queued->>'queued_at')::timestamptz, (queued->>'deadline')::timestamptz);
    END IF;
    RETURN 'done';
END;
$$;
