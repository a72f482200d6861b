-- The content of the document under which a deal was gated or parked: under another one it is looked at again.

-- +goose Up
ALTER TABLE work ADD COLUMN document TEXT NOT NULL DEFAULT '';
