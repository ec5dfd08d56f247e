-- The audit log: one leaf for each transition, in the transition's transaction.
--
-- `leaf` is what was hashed, byte for byte; nothing is ever recomputed from columns. `id` is the order of writing and has gaps:
-- it is not the index in the log's tree, which a sequencer gives later. No table is referred to: leaves outlive processes.

CREATE TABLE audit_leaf (
    id      bigint      GENERATED ALWAYS AS IDENTITY,
    process text        NOT NULL,
    -- The transition's number in its process: one leaf for each. Null: a withdrawn message, which is no transition.
    seq     integer,
    at      timestamptz NOT NULL,
    leaf    bytea       NOT NULL,
    hash    bytea       NOT NULL,
    CONSTRAINT audit_leaf_pkey PRIMARY KEY (id),
    CONSTRAINT audit_leaf_transition_key UNIQUE (process, seq),
    CONSTRAINT audit_leaf_hash_key UNIQUE (hash),
    CONSTRAINT audit_leaf_hash_check CHECK (octet_length(hash) = 32)
);

-- What the commitments of a leaf open to: deletable, the leaf stays.
CREATE TABLE audit_opening (
    leaf_id  bigint NOT NULL,
    openings jsonb  NOT NULL,
    CONSTRAINT audit_opening_pkey PRIMARY KEY (leaf_id),
    CONSTRAINT audit_opening_leaf_fkey FOREIGN KEY (leaf_id) REFERENCES audit_leaf (id) ON DELETE CASCADE
);
