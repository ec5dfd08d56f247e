-- The offerings registry: what is offered now (offering), what was ever offered (offering_version), and the files behind it.

CREATE TABLE offering (
    id text COLLATE "C" NOT NULL,
    -- Where it was published from, an absolute path. The same source again is the same offering, never a second one.
    source text NOT NULL,
    -- Tells offerings of one source under different terms apart.
    variant text NOT NULL DEFAULT '',
    version integer NOT NULL,
    withdrawn_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- What search looks at, of the current version.
    words tsvector NOT NULL DEFAULT ''::tsvector,
    area box,
    during tstzrange,
    CONSTRAINT offering_pkey PRIMARY KEY (id),
    CONSTRAINT offering_source_key UNIQUE (source, variant),
    CONSTRAINT offering_id_check CHECK (id <> ''),
    CONSTRAINT offering_version_check CHECK (version >= 1)
);

-- Rows are written once. A new version is a new row, so that an agreement can always name what it was about.
CREATE TABLE offering_version (
    offering_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    previous integer GENERATED ALWAYS AS (nullif(version - 1, 0)) STORED,
    offer_id text NOT NULL,
    digest text NOT NULL,
    document jsonb NOT NULL,
    published_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT offering_version_pkey PRIMARY KEY (offering_id, version),
    CONSTRAINT offering_version_offering_fkey FOREIGN KEY (offering_id) REFERENCES offering (id),
    CONSTRAINT offering_version_previous_fkey FOREIGN KEY (offering_id, previous)
        REFERENCES offering_version (offering_id, version),
    CONSTRAINT offering_version_offer_key UNIQUE (offer_id),
    CONSTRAINT offering_version_first_check CHECK (version >= 1),
    CONSTRAINT offering_version_digest_check CHECK (digest ~ '^[0-9a-f]{64}$'),
    CONSTRAINT offering_version_document_check CHECK (
        document ->> 'id' = offering_id AND (document ->> 'version')::integer = version
    )
);

-- Checked at commit: both rows of a first publication point at each other.
ALTER TABLE offering ADD CONSTRAINT offering_version_fkey FOREIGN KEY (id, version)
    REFERENCES offering_version (offering_id, version) DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE offering_file (
    offering_id text COLLATE "C" NOT NULL,
    version integer NOT NULL,
    path text COLLATE "C" NOT NULL,
    absolute_path text NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    -- Not the content, but what tells cheaply that it may have changed; refreshed when equal content is published again.
    mtime_ns bigint NOT NULL,
    -- 64 bits without sign: overlay file systems use the highest ones.
    inode numeric(20) NOT NULL,
    media_type text NOT NULL,
    CONSTRAINT offering_file_pkey PRIMARY KEY (offering_id, version, path),
    CONSTRAINT offering_file_version_fkey FOREIGN KEY (offering_id, version)
        REFERENCES offering_version (offering_id, version),
    CONSTRAINT offering_file_bytes_check CHECK (bytes >= 0),
    CONSTRAINT offering_file_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$')
);

-- The catalogue's pages: their cost follows the page, not the catalogue.
CREATE INDEX offering_offered_idx ON offering (id) WHERE withdrawn_at IS NULL;
CREATE INDEX offering_words_idx ON offering USING gin (words);
CREATE INDEX offering_area_idx ON offering USING gist (area);
CREATE INDEX offering_during_idx ON offering USING gist (during);
