-- Times are wall milliseconds. `seq` is the change sequence of the batch that wrote the row. Texts that are looked up
-- or listed compare by their bytes, as in every other store.

-- One row. `id` names this store, `version` counts the migrations, `seq` is the newest change sequence, and up to
-- `horizon` removals may have been forgotten. Whoever writes locks this row first, so sequence numbers become visible
-- in their order. It is rewritten with every batch and keeps room on its page for that.
CREATE TABLE threelo_store (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    id TEXT NOT NULL,
    version BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    horizon BIGINT NOT NULL
) WITH (fillfactor = 20);
INSERT INTO threelo_store (id, version, seq, horizon) VALUES (replace(gen_random_uuid()::text, '-', ''), 0, 0, 0);

CREATE TABLE threelo_meta (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

-- `pair` and `spare_pair` are sealed; `death`, `scopes`, `sites`, `lease`, `intent` and `born` are JSON, and so is
-- `ledger` unless it is empty.
CREATE TABLE threelo_grants (
    id TEXT COLLATE "C" PRIMARY KEY,
    auth_host TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C",
    generation BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    first_consented_at BIGINT NOT NULL,
    consented_at BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    lease TEXT,
    intent TEXT,
    death TEXT,
    scopes TEXT NOT NULL,
    sites TEXT NOT NULL,
    pair BYTEA NOT NULL,
    spare_pair BYTEA,
    spare_generation BIGINT,
    spare_issued_at BIGINT,
    spare_kept_at BIGINT,
    ledger TEXT NOT NULL,
    born TEXT
);
CREATE INDEX threelo_grants_by_account ON threelo_grants (account_id, client_id, auth_host) WHERE account_id IS NOT NULL;
-- What keep-alive lists, in its order.
CREATE INDEX threelo_grants_idle ON threelo_grants (client_id, auth_host, rotated_at, id) WHERE death IS NULL;
CREATE INDEX threelo_grants_old ON threelo_grants (client_id, auth_host, first_consented_at, id) WHERE death IS NULL;
CREATE INDEX threelo_grants_dead ON threelo_grants (client_id, auth_host, rotated_at, id) WHERE death IS NOT NULL;
CREATE INDEX threelo_grants_by_seq ON threelo_grants (seq, id);

-- `site`, `tags` and `metadata` are JSON.
CREATE TABLE threelo_connections (
    id TEXT COLLATE "C" PRIMARY KEY,
    grant_id TEXT COLLATE "C" NOT NULL,
    site TEXT,
    site_choice TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
CREATE INDEX threelo_connections_by_grant ON threelo_connections (grant_id, id);
CREATE INDEX threelo_connections_by_seq ON threelo_connections (seq, id);

-- The tags of the connections once more, to be found by: a hash of key and value, because an index takes no long ones.
CREATE TABLE threelo_tags (
    tag BYTEA NOT NULL,
    connection_id TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, connection_id)
);

-- `stage` is waiting, exchanging or exchanged; `grant_id` is set in the last.
CREATE TABLE threelo_sessions (
    state_hash BYTEA PRIMARY KEY,
    connection_id TEXT COLLATE "C" NOT NULL,
    stage TEXT NOT NULL,
    grant_id TEXT COLLATE "C",
    payload BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
CREATE INDEX threelo_sessions_unfinished ON threelo_sessions (connection_id, seq) WHERE stage = 'exchanged';
CREATE INDEX threelo_sessions_by_expiry ON threelo_sessions (expires_at) WHERE stage <> 'exchanged';

CREATE TABLE threelo_token_hashes (
    hash BYTEA PRIMARY KEY,
    grant_id TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL
);

-- What was removed: kind 0 is a grant, 1 a connection.
CREATE TABLE threelo_removals (
    seq BIGINT NOT NULL,
    kind SMALLINT NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (seq, kind, id)
);
CREATE INDEX threelo_removals_by_time ON threelo_removals (at);
