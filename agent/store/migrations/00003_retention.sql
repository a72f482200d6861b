-- Calls made to each remote system a day (UTC, YYYY-MM-DD), by all processes; and the indexes by which old rows are found.

-- +goose Up
CREATE TABLE budget (
    connector TEXT NOT NULL,
    system    TEXT NOT NULL,
    day       TEXT NOT NULL,
    used      BIGINT NOT NULL,
    PRIMARY KEY (connector, system, day)
);
CREATE INDEX intent_settled ON intent (connector, sent_at) WHERE state IN ('done', 'failed', 'superseded');
CREATE INDEX audit_at ON audit (connector, at);
CREATE INDEX work_oldest ON work (connector, due_at, deal_key) WHERE generation > done_generation AND state = 'active';
