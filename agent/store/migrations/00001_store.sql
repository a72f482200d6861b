-- Accepted by SQLite and PostgreSQL alike. Times are Unix milliseconds UTC, 0 for none. BYTEA columns hold BLOBs on SQLite.
-- Every row belongs to a connector, so that one database can serve several.

-- +goose Up
CREATE TABLE deal (
    connector      TEXT NOT NULL,
    deal_key       TEXT NOT NULL,
    referral_id    TEXT NOT NULL DEFAULT '',
    engagement_id  TEXT NOT NULL DEFAULT '',
    counterpart_id TEXT NOT NULL DEFAULT '',
    crm_id         TEXT NOT NULL DEFAULT '',
    origin         TEXT NOT NULL DEFAULT '',
    phase          TEXT NOT NULL DEFAULT '',
    report         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (connector, deal_key)
);
CREATE UNIQUE INDEX deal_referral ON deal (connector, referral_id) WHERE referral_id <> '';
CREATE UNIQUE INDEX deal_record ON deal (connector, crm_id) WHERE crm_id <> '';

CREATE TABLE alias (
    connector    TEXT NOT NULL,
    external_key TEXT NOT NULL,
    deal_key     TEXT NOT NULL,
    PRIMARY KEY (connector, external_key),
    FOREIGN KEY (connector, deal_key) REFERENCES deal (connector, deal_key) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX alias_deal ON alias (connector, deal_key);

CREATE TABLE inbox (
    connector    TEXT NOT NULL,
    event_id     TEXT NOT NULL,
    source       TEXT NOT NULL,
    external_key TEXT NOT NULL,
    name         TEXT NOT NULL,
    body         BYTEA NOT NULL,
    happened_at  BIGINT NOT NULL,
    stored_at    BIGINT NOT NULL,
    PRIMARY KEY (connector, event_id)
);
CREATE INDEX inbox_stored ON inbox (connector, stored_at);

CREATE TABLE work (
    connector       TEXT NOT NULL,
    deal_key        TEXT NOT NULL,
    generation      BIGINT NOT NULL,
    done_generation BIGINT NOT NULL DEFAULT 0,
    priority        BIGINT NOT NULL,
    due_at          BIGINT NOT NULL,
    lease_owner     TEXT NOT NULL DEFAULT '',
    lease_until     BIGINT NOT NULL DEFAULT 0,
    fence           BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    first_failed_at BIGINT NOT NULL DEFAULT 0,
    state           TEXT NOT NULL DEFAULT 'active',
    flow            TEXT NOT NULL DEFAULT '',
    unparked        BIGINT NOT NULL DEFAULT 0,
    code            TEXT NOT NULL DEFAULT '',
    problem         TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (connector, deal_key),
    FOREIGN KEY (connector, deal_key) REFERENCES deal (connector, deal_key) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX work_due ON work (connector, priority, due_at, deal_key) WHERE generation > done_generation AND state = 'active';
CREATE INDEX work_leased ON work (lease_until) WHERE lease_until > 0;
CREATE INDEX work_gated ON work (connector) WHERE state = 'gated';

-- The base has seq 0; pendings follow in the order in which they were recorded.
CREATE TABLE snapshot (
    connector TEXT NOT NULL,
    deal_key  TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    fields    TEXT NOT NULL,
    PRIMARY KEY (connector, deal_key, seq),
    FOREIGN KEY (connector, deal_key) REFERENCES deal (connector, deal_key) DEFERRABLE INITIALLY DEFERRED
);

CREATE TABLE intent (
    connector   TEXT NOT NULL,
    intent_id   TEXT NOT NULL,
    deal_key    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    payload     BYTEA NOT NULL,
    correlation TEXT NOT NULL,
    state       TEXT NOT NULL,
    sent_at     BIGINT NOT NULL,
    not_before  BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    remote_id   TEXT NOT NULL,
    PRIMARY KEY (connector, intent_id),
    FOREIGN KEY (connector, deal_key) REFERENCES deal (connector, deal_key) DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX intent_deal ON intent (connector, deal_key);
CREATE INDEX intent_open ON intent (connector, kind) WHERE state IN ('sent', 'ambiguous');

-- History outlives its deal, so it has no foreign key.
CREATE TABLE audit (
    connector TEXT NOT NULL,
    deal_key  TEXT NOT NULL,
    seq       BIGINT NOT NULL,
    at        BIGINT NOT NULL,
    actor     TEXT NOT NULL,
    direction TEXT NOT NULL,
    field     TEXT NOT NULL,
    old_value TEXT NOT NULL,
    new_value TEXT NOT NULL,
    rule      TEXT NOT NULL,
    detail    TEXT NOT NULL,
    PRIMARY KEY (connector, deal_key, seq)
);

CREATE TABLE feed_cursor (
    connector TEXT NOT NULL,
    name      TEXT NOT NULL,
    value     TEXT NOT NULL,
    PRIMARY KEY (connector, name)
);

CREATE TABLE lease (
    connector  TEXT NOT NULL,
    name       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    fence      BIGINT NOT NULL,
    PRIMARY KEY (connector, name)
);
