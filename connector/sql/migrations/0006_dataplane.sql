-- The data plane's open doors: one row for each transfer that has ever been started.
--
-- No table is referred to: the data plane knows no protocol, and can run as its own process.

CREATE TABLE data_flow (
    transfer   text        NOT NULL,
    agreement  text        NOT NULL,
    offering   text        NOT NULL,
    version    integer     NOT NULL,
    -- A folder is served as a manifest with its files below it, a file as itself.
    kind       text        NOT NULL,
    consumer   text        NOT NULL,
    endpoint   text        NOT NULL,
    -- The one token that is good for this flow. Starting again after a suspension makes a new one.
    jti        text        NOT NULL,
    expires_at timestamptz NOT NULL,
    state      text        NOT NULL DEFAULT 'open',
    reason     text,
    bytes_sent bigint      NOT NULL DEFAULT 0,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz,
    CONSTRAINT data_flow_pkey PRIMARY KEY (transfer),
    CONSTRAINT data_flow_kind_check CHECK (kind IN ('folder', 'file')),
    CONSTRAINT data_flow_state_check CHECK (state IN ('open', 'closed')),
    CONSTRAINT data_flow_closed_check CHECK ((state = 'closed') = (closed_at IS NOT NULL)),
    CONSTRAINT data_flow_bytes_check CHECK (bytes_sent >= 0)
);

-- Wakes whoever is streaming: the token in use is no longer good.
CREATE FUNCTION data_flow_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('data_flow', NEW.transfer);
    RETURN NULL;
END;
$$;

CREATE TRIGGER data_flow_changed AFTER UPDATE ON data_flow FOR EACH ROW
    WHEN (NEW.jti <> OLD.jti OR NEW.state <> OLD.state OR NEW.expires_at <> OLD.expires_at)
    EXECUTE FUNCTION data_flow_changed();
