-- The newest part of what the CRM's Audit field was last given, so that it can be restored when somebody edits it.

-- +goose Up
ALTER TABLE deal ADD COLUMN told TEXT NOT NULL DEFAULT '';
