-- Tokens that were used, and the last list of members that was believed.

-- A token is good once, for all processes of this participant and across restarts. The rows of the hot path are written
-- by record_step (0003), in the transaction of the transition.
CREATE TABLE used_token (
    iss        text        NOT NULL,
    jti        text        NOT NULL,
    -- From then on the token is refused for its age, and the row may go.
    expires_at timestamptz NOT NULL,
    CONSTRAINT used_token_pkey PRIMARY KEY (iss, jti),
    CONSTRAINT used_token_jti_check CHECK (length(jti) BETWEEN 1 AND 128)
);
CREATE INDEX used_token_expires_idx ON used_token (expires_at);

-- The version is a high-water mark: a list with a lower one is never believed again, whoever signed it.
CREATE TABLE member_list (
    authority  text        NOT NULL,
    version    bigint      NOT NULL,
    members    jsonb       NOT NULL,
    expires_at timestamptz NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT member_list_pkey PRIMARY KEY (authority),
    CONSTRAINT member_list_version_check CHECK (version >= 0),
    CONSTRAINT member_list_members_check CHECK (jsonb_typeof(members) = 'array')
);
