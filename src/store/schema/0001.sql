-- Version 1. One text for SQLite and PostgreSQL: numbers are BIGINT (0 and 1 for no and yes, milliseconds since 1970 for times),
-- ids are hexadecimal text, bytes are written BYTES and become BLOB or BYTEA. A statement ends at a semicolon at a line's end.

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
-- account: the last number given; revision: the last change; pruned: the last change that is gone.
INSERT INTO counters (name, value) VALUES ('account', 0), ('revision', 0), ('pruned', 0);

CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    unique_id BYTES NOT NULL,
    username TEXT NOT NULL,
    unix_name TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    display TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'publisher', 'administrator')),
    role_rule TEXT NOT NULL,
    role_value TEXT NOT NULL,
    role_place TEXT NOT NULL,
    role_fixed BIGINT NOT NULL CHECK (role_fixed IN (0, 1)),
    locked_at BIGINT,
    locked_by TEXT,
    created BIGINT NOT NULL,
    last_sign_in BIGINT,
    epoch BIGINT NOT NULL,
    removed_at BIGINT
);
CREATE UNIQUE INDEX accounts_identity ON accounts (provider, unique_id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX accounts_unix ON accounts (unix_name) WHERE removed_at IS NULL;
CREATE INDEX accounts_gone ON accounts (provider, unique_id) WHERE removed_at IS NOT NULL;
CREATE INDEX accounts_username ON accounts (username);
CREATE INDEX accounts_role ON accounts (role);

-- ident: what the provider calls the group for ever, or else its distinguished name, or else its name.
CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    ident BYTES NOT NULL,
    name TEXT NOT NULL,
    dn TEXT,
    unique_id BYTES,
    owner TEXT REFERENCES accounts (id),
    created BIGINT NOT NULL,
    UNIQUE (provider, ident)
);
CREATE INDEX groups_owner ON groups (owner);
CREATE INDEX groups_name ON groups (name, id);

CREATE TABLE memberships (
    account TEXT NOT NULL REFERENCES accounts (id),
    group_id TEXT NOT NULL REFERENCES groups (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (account, group_id)
);
CREATE INDEX memberships_group ON memberships (group_id);

CREATE TABLE sync (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    at BIGINT NOT NULL,
    due BIGINT NOT NULL,
    failures BIGINT NOT NULL
);
CREATE INDEX sync_due ON sync (due);

-- No reference to accounts: a row of the past, or of another machine, is written whatever became of the account.
CREATE TABLE sign_ins (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    method TEXT NOT NULL,
    factors TEXT NOT NULL,
    remote TEXT NOT NULL,
    agent TEXT NOT NULL,
    node TEXT NOT NULL,
    since BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    ended_at BIGINT,
    why TEXT,
    seal BYTES NOT NULL
);
CREATE INDEX sign_ins_account ON sign_ins (account, ended_at);
CREATE INDEX sign_ins_history ON sign_ins (account, since, id);
CREATE INDEX sign_ins_live ON sign_ins (id) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_until ON sign_ins (until_at) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_ended ON sign_ins (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    digest BYTES NOT NULL,
    scopes TEXT NOT NULL,
    role_cap TEXT NOT NULL,
    sources TEXT NOT NULL,
    created BIGINT NOT NULL,
    until_at BIGINT,
    last_used BIGINT,
    last_from TEXT,
    ended_at BIGINT,
    seal BYTES NOT NULL
);
CREATE INDEX api_keys_account ON api_keys (account, ended_at);
CREATE INDEX api_keys_live ON api_keys (id) WHERE ended_at IS NULL;

CREATE TABLE factors (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BYTES NOT NULL,
    credential BYTES NOT NULL,
    counter BIGINT NOT NULL,
    step BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT,
    confirmed BIGINT NOT NULL CHECK (confirmed IN (0, 1))
);
CREATE INDEX factors_account ON factors (account);

CREATE TABLE spent (
    id BYTES PRIMARY KEY,
    until_at BIGINT NOT NULL
);
CREATE INDEX spent_until ON spent (until_at);

CREATE TABLE looks (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    session TEXT NOT NULL,
    by_name TEXT NOT NULL,
    what TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX looks_account ON looks (account, at, id);
CREATE INDEX looks_at ON looks (at);

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ring TEXT NOT NULL,
    seen BIGINT NOT NULL,
    applied BIGINT NOT NULL
);

-- What others must hear of: account, sign-in, key, group. Pruned after a day; who missed more reads everything.
CREATE TABLE changes (
    revision BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    node TEXT NOT NULL
);
CREATE INDEX changes_at ON changes (at);
