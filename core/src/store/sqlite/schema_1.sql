-- Times are wall milliseconds. `seq` is the change sequence of the batch that wrote the row.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the newest change sequence, and the one up to which removals may have been forgotten.
CREATE TABLE sequence (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    horizon INTEGER NOT NULL
) STRICT;
INSERT INTO sequence (one, seq, horizon) VALUES (1, 0, 0);

-- `pair` and `spare_pair` are sealed; `death`, `scopes`, `sites`, `lease`, `intent` and `born` are JSON, and so is
-- `ledger` unless it is empty.
CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    auth_host TEXT NOT NULL,
    client_id TEXT NOT NULL,
    account_id TEXT,
    generation INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    first_consented_at INTEGER NOT NULL,
    consented_at INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    lease TEXT,
    intent TEXT,
    death TEXT,
    scopes TEXT NOT NULL,
    sites TEXT NOT NULL,
    pair BLOB NOT NULL,
    spare_pair BLOB,
    spare_generation INTEGER,
    spare_issued_at INTEGER,
    spare_kept_at INTEGER,
    ledger TEXT NOT NULL,
    born TEXT
) STRICT;
CREATE INDEX grants_by_account ON grants (account_id, client_id, auth_host) WHERE account_id IS NOT NULL;
CREATE INDEX grants_by_rotation ON grants (client_id, auth_host, rotated_at, id) WHERE death IS NULL;
CREATE INDEX grants_by_consent ON grants (client_id, auth_host, first_consented_at, id) WHERE death IS NULL;
CREATE INDEX grants_dead ON grants (client_id, auth_host, rotated_at, id) WHERE death IS NOT NULL;
CREATE INDEX grants_by_seq ON grants (seq, id);

-- `site`, `tags` and `metadata` are JSON.
CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    grant_id TEXT NOT NULL,
    site TEXT,
    site_choice TEXT,
    tags TEXT NOT NULL,
    metadata TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX connections_by_grant ON connections (grant_id, id);
CREATE INDEX connections_by_seq ON connections (seq, id);

-- The tags of `connections` once more, to be found by.
CREATE TABLE tags (
    connection_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (connection_id, key)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tags_by_value ON tags (key, value, connection_id);

-- `stage` is waiting, exchanging or exchanged; `grant_id` is set in the last.
CREATE TABLE sessions (
    state_hash BLOB PRIMARY KEY NOT NULL,
    connection_id TEXT NOT NULL,
    stage TEXT NOT NULL,
    grant_id TEXT,
    payload BLOB NOT NULL,
    expires_at INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_unfinished ON sessions (connection_id, seq) WHERE stage = 'exchanged';
CREATE INDEX sessions_by_expiry ON sessions (expires_at) WHERE stage <> 'exchanged';

CREATE TABLE token_hashes (
    hash BLOB PRIMARY KEY NOT NULL,
    grant_id TEXT NOT NULL,
    generation INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was removed: kind 0 is a grant, 1 a connection.
CREATE TABLE removals (
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (seq, kind, id)
) STRICT, WITHOUT ROWID;
