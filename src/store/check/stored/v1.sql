-- A version 1 database, written when there was only version 1. Never to be made anew: this is what an upgrade meets.
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE migrations (version BIGINT PRIMARY KEY, at BIGINT NOT NULL);
INSERT INTO migrations VALUES(1,1795372507734);
CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters VALUES('account',2);
INSERT INTO counters VALUES('revision',12);
INSERT INTO counters VALUES('pruned',0);
CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    number BIGINT NOT NULL UNIQUE,
    provider TEXT NOT NULL,
    unique_id BLOB NOT NULL,
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
INSERT INTO accounts VALUES('bf6fc8204d76544d38917116259b14ff',1,'system',X'756964206f6620616c696365','alice','alice','','','','','administrator','first-account','','',1,NULL,NULL,1000,1000,3,NULL);
INSERT INTO accounts VALUES('a6e3cba9d5746bbf33690a5fd2921d05',2,'system',X'756964206f6620626f62','bob','bob','','','','','viewer','default','','',0,1500,'alice',1000,1000,1,NULL);
CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    provider TEXT NOT NULL,
    ident BLOB NOT NULL,
    name TEXT NOT NULL,
    dn TEXT,
    unique_id BLOB,
    owner TEXT REFERENCES accounts (id),
    created BIGINT NOT NULL,
    UNIQUE (provider, ident)
);
INSERT INTO "groups" VALUES('a84a090cc31e0606bec7ac30f224a177','system',X'6e6d616b657273','makers',NULL,NULL,NULL,1000);
INSERT INTO "groups" VALUES('3b2021a0255484b3e55cf58d139758db','system',X'7500ff0a','x','cn=x,dc=a',X'00ff0a',NULL,1000);
INSERT INTO "groups" VALUES('822b6c066bc91ce963d46a23b082001e','portcullis',X'822b6c066bc91ce963d46a23b082001e','ours',NULL,NULL,'bf6fc8204d76544d38917116259b14ff',1000);
CREATE TABLE memberships (
    account TEXT NOT NULL REFERENCES accounts (id),
    group_id TEXT NOT NULL REFERENCES groups (id),
    since BIGINT NOT NULL,
    PRIMARY KEY (account, group_id)
);
INSERT INTO memberships VALUES('bf6fc8204d76544d38917116259b14ff','a84a090cc31e0606bec7ac30f224a177',1000);
INSERT INTO memberships VALUES('bf6fc8204d76544d38917116259b14ff','3b2021a0255484b3e55cf58d139758db',1000);
INSERT INTO memberships VALUES('bf6fc8204d76544d38917116259b14ff','822b6c066bc91ce963d46a23b082001e',1000);
CREATE TABLE sync (
    account TEXT PRIMARY KEY REFERENCES accounts (id),
    at BIGINT NOT NULL,
    due BIGINT NOT NULL,
    failures BIGINT NOT NULL
);
INSERT INTO sync VALUES('bf6fc8204d76544d38917116259b14ff',1000,9000000,0);
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
    seal BLOB NOT NULL
);
INSERT INTO sign_ins VALUES('00000000000000000000000000000001','bf6fc8204d76544d38917116259b14ff','pam','','192.0.2.1','a browser','01010101010101010101010101010101',1001,1000000,1001,NULL,NULL,X'0707070707070707070707070707070707070707070707070707070707070707');
INSERT INTO sign_ins VALUES('00000000000000000000000000000002','a6e3cba9d5746bbf33690a5fd2921d05','pam','','192.0.2.1','a browser','01010101010101010101010101010101',1002,1000000,1002,1500,'revoked',X'0707070707070707070707070707070707070707070707070707070707070707');
CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    scopes TEXT NOT NULL,
    role_cap TEXT NOT NULL,
    sources TEXT NOT NULL,
    created BIGINT NOT NULL,
    until_at BIGINT,
    last_used BIGINT,
    last_from TEXT,
    ended_at BIGINT,
    seal BLOB NOT NULL
);
INSERT INTO api_keys VALUES('ebkizn73ot','bf6fc8204d76544d38917116259b14ff','nightly',X'f61223b9f9e3fad2ab72161c571619947503b364855f66a59a8badc629e9d36e','sessions users:read','publisher','192.0.2.0/24 2001:db8::/32',1000,9000000,NULL,NULL,NULL,X'0909090909090909090909090909090909090909090909090909090909090909');
CREATE TABLE factors (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (id),
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    secret BLOB NOT NULL,
    credential BLOB NOT NULL,
    counter BIGINT NOT NULL,
    step BIGINT NOT NULL,
    created BIGINT NOT NULL,
    last_used BIGINT,
    confirmed BIGINT NOT NULL CHECK (confirmed IN (0, 1))
);
INSERT INTO factors VALUES('03030303030303030303030303030303','bf6fc8204d76544d38917116259b14ff','totp','phone',X'010203',X'',0,5,1000,1000,1);
CREATE TABLE spent (
    id BLOB PRIMARY KEY,
    until_at BIGINT NOT NULL
);
INSERT INTO spent VALUES(X'7370656e74',9000000000000);
CREATE TABLE looks (
    id TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    session TEXT NOT NULL,
    by_name TEXT NOT NULL,
    what TEXT NOT NULL,
    at BIGINT NOT NULL
);
INSERT INTO looks VALUES('501b7daf97715de8d1ba2df3756a72df','a6e3cba9d5746bbf33690a5fd2921d05','0011223344556677','alice','show',1000);
CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    ring TEXT NOT NULL,
    seen BIGINT NOT NULL,
    applied BIGINT NOT NULL
);
INSERT INTO nodes VALUES('01010101010101010101010101010101','one','0a1b2c3d',1000,1);
CREATE TABLE changes (
    revision BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    node TEXT NOT NULL
);
INSERT INTO changes VALUES(1,1000,'account','bf6fc8204d76544d38917116259b14ff','01010101010101010101010101010101');
INSERT INTO changes VALUES(2,1000,'account','a6e3cba9d5746bbf33690a5fd2921d05','01010101010101010101010101010101');
INSERT INTO changes VALUES(3,1000,'group','822b6c066bc91ce963d46a23b082001e','01010101010101010101010101010101');
INSERT INTO changes VALUES(4,1000,'account','bf6fc8204d76544d38917116259b14ff','01010101010101010101010101010101');
INSERT INTO changes VALUES(5,1000,'group','822b6c066bc91ce963d46a23b082001e','01010101010101010101010101010101');
INSERT INTO changes VALUES(6,1000,'sign-in','00000000000000000000000000000001','01010101010101010101010101010101');
INSERT INTO changes VALUES(7,1000,'sign-in','00000000000000000000000000000002','01010101010101010101010101010101');
INSERT INTO changes VALUES(8,1000,'key','ebkizn73ot','01010101010101010101010101010101');
INSERT INTO changes VALUES(9,1000,'account','bf6fc8204d76544d38917116259b14ff','01010101010101010101010101010101');
INSERT INTO changes VALUES(10,1000,'account','bf6fc8204d76544d38917116259b14ff','01010101010101010101010101010101');
INSERT INTO changes VALUES(11,1500,'account','a6e3cba9d5746bbf33690a5fd2921d05','01010101010101010101010101010101');
INSERT INTO changes VALUES(12,1500,'sign-in','00000000000000000000000000000002','01010101010101010101010101010101');
CREATE UNIQUE INDEX accounts_identity ON accounts (provider, unique_id) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX accounts_unix ON accounts (unix_name) WHERE removed_at IS NULL;
CREATE INDEX accounts_gone ON accounts (provider, unique_id) WHERE removed_at IS NOT NULL;
CREATE INDEX accounts_username ON accounts (username);
CREATE INDEX accounts_role ON accounts (role);
CREATE INDEX groups_owner ON groups (owner);
CREATE INDEX groups_name ON groups (name, id);
CREATE INDEX memberships_group ON memberships (group_id);
CREATE INDEX sync_due ON sync (due);
CREATE INDEX sign_ins_account ON sign_ins (account, ended_at);
CREATE INDEX sign_ins_history ON sign_ins (account, since, id);
CREATE INDEX sign_ins_live ON sign_ins (id) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_until ON sign_ins (until_at) WHERE ended_at IS NULL;
CREATE INDEX sign_ins_ended ON sign_ins (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX api_keys_account ON api_keys (account, ended_at);
CREATE INDEX api_keys_live ON api_keys (id) WHERE ended_at IS NULL;
CREATE INDEX factors_account ON factors (account);
CREATE INDEX spent_until ON spent (until_at);
CREATE INDEX looks_account ON looks (account, at, id);
CREATE INDEX looks_at ON looks (at);
CREATE INDEX changes_at ON changes (at);
COMMIT;
