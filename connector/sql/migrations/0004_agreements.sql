-- Agreements, as both protocols see them. A participant may be provider and consumer of the same one; ids are the
-- provider's choice, so two providers may choose the same.
CREATE TABLE agreement (
    id               text NOT NULL,
    role             text NOT NULL,
    peer             text NOT NULL,
    negotiation      text NOT NULL,
    offering         text NOT NULL,
    offering_version integer,
    document         jsonb NOT NULL,
    declared_purpose text[],
    agreed_at        timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreement_pkey PRIMARY KEY (id, role, peer),
    CONSTRAINT agreement_role_check CHECK (role IN ('provider', 'consumer')),
    CONSTRAINT agreement_negotiation_fkey FOREIGN KEY (negotiation) REFERENCES process (pid),
    CONSTRAINT agreement_negotiation_key UNIQUE (negotiation)
);
CREATE INDEX agreement_agreed_idx ON agreement (agreed_at DESC, id DESC);
