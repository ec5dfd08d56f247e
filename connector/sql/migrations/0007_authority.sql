-- Authority role: who is admitted, and the version of the list that says so.

CREATE TABLE authority_member (
    did      text        NOT NULL,
    title    text        NOT NULL,
    url      text        NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT authority_member_pkey PRIMARY KEY (did),
    CONSTRAINT authority_member_did_check CHECK (did LIKE 'did:web:%' AND length(did) <= 512)
);

-- One row. Its lock orders all changes, so that a version stands for one set of members.
CREATE TABLE authority_list (
    only_row boolean NOT NULL DEFAULT true,
    version  bigint  NOT NULL DEFAULT 0,
    CONSTRAINT authority_list_pkey PRIMARY KEY (only_row),
    CONSTRAINT authority_list_only_row_check CHECK (only_row),
    CONSTRAINT authority_list_version_check CHECK (version >= 0)
);
INSERT INTO authority_list DEFAULT VALUES;
