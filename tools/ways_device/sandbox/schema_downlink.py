"""The tables of what goes down to devices: commands and settings."""

TABLES = """
CREATE TABLE commands (
    number INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    -- As it is shown: what is secret in it was sent and not kept.
    args TEXT NOT NULL,
    not_after INTEGER,
    was_online INTEGER NOT NULL,
    state TEXT NOT NULL,
    result TEXT,
    reason TEXT,
    sent_at REAL NOT NULL,
    accepted_at REAL,
    finished_at REAL,
    UNIQUE (device_id, id)
);
-- No reference to devices: where an id is registered again its rev goes on from the last one.
CREATE TABLE configs (
    device_id TEXT PRIMARY KEY,
    rev INTEGER NOT NULL DEFAULT 0,
    -- The developer's own settings, over what the profile says.
    own TEXT NOT NULL DEFAULT '{}',
    -- What is published, without rev; NULL as long as there was nothing to say.
    content TEXT,
    changed_at REAL,
    answer_rev INTEGER,
    answer_keys TEXT,
    answered_at REAL
);
CREATE TRIGGER config_of_deleted AFTER DELETE ON devices
BEGIN
    UPDATE configs SET own = '{}', content = NULL, answer_rev = NULL, answer_keys = NULL,
        answered_at = NULL WHERE device_id = OLD.device_id;
END;
"""
