"""The tables of the sandbox's database. Times are Unix seconds, documents are JSON text."""

from ways_device.sandbox import schema_account, schema_downlink

_DEVICES = """
CREATE TABLE profiles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    expected_topics TEXT NOT NULL,
    reporting_interval_seconds INTEGER,
    metadata TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE devices (
    device_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    device_type TEXT,
    metadata TEXT NOT NULL,
    is_active INTEGER NOT NULL DEFAULT 1,
    profile_id TEXT REFERENCES profiles(id) ON DELETE SET NULL,
    -- The MQTT password as the broker's plugin wants it: never in clear.
    password_salt TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL,
    -- What the device's own traffic told.
    last_seen REAL,
    last_telemetry REAL,
    status TEXT,
    attributes TEXT,
    battery_level REAL,
    signal_strength REAL,
    firmware_version TEXT,
    malformed INTEGER NOT NULL DEFAULT 0,
    unknown_keys INTEGER NOT NULL DEFAULT 0,
    mistyped_values INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE device_tags (
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (device_id, tag)
);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    opened_at REAL NOT NULL,
    closed_at REAL,
    clean INTEGER
);
CREATE INDEX sessions_of_device ON sessions (device_id, closed_at);
CREATE TABLE traffic (
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    minute INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (device_id, minute)
) WITHOUT ROWID;
CREATE TABLE datapoints (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    label TEXT,
    unit TEXT,
    data_type TEXT NOT NULL,
    created_at REAL NOT NULL
);
-- A reading that arrives twice with its own timestamp is one row.
CREATE TABLE telemetry (
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    datapoint_id TEXT NOT NULL REFERENCES datapoints(id) ON DELETE CASCADE,
    measured_at REAL NOT NULL,
    value TEXT NOT NULL,
    received_at REAL NOT NULL,
    PRIMARY KEY (device_id, datapoint_id, measured_at, value)
) WITHOUT ROWID;
CREATE INDEX telemetry_of_datapoint ON telemetry (datapoint_id);
CREATE INDEX telemetry_by_time ON telemetry (device_id, measured_at);
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    event_type TEXT NOT NULL,
    metadata TEXT NOT NULL,
    occurred_at REAL,
    received_at REAL NOT NULL
);
CREATE INDEX events_of_device ON events (device_id, event_type);
-- The ledger: part is '' for a whole reading, else the key of its topic under sensors/.
CREATE TABLE deliveries (
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    part TEXT NOT NULL,
    copies INTEGER NOT NULL,
    late INTEGER NOT NULL,
    taken_at REAL NOT NULL,
    PRIMARY KEY (device_id, boot, seq, part)
) WITHOUT ROWID;
-- The last messages that were stored, to know them again if the broker repeats them.
CREATE TABLE received (
    id INTEGER PRIMARY KEY,
    packet_id INTEGER NOT NULL,
    digest BLOB NOT NULL
);
"""

_RULES = """
CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    color TEXT,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups(id) ON DELETE CASCADE,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    PRIMARY KEY (group_id, device_id)
) WITHOUT ROWID;
CREATE INDEX groups_of_device ON group_members (device_id);
CREATE TABLE rules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    rule_type TEXT NOT NULL,
    scope_type TEXT NOT NULL,
    scope_device_id TEXT,
    scope_group_id TEXT,
    scope_profile_id TEXT,
    config TEXT NOT NULL,
    severity TEXT NOT NULL,
    actions TEXT NOT NULL,
    cooldown_seconds INTEGER NOT NULL,
    is_enabled INTEGER NOT NULL,
    auto_resolve INTEGER NOT NULL,
    created_at REAL NOT NULL,
    updated_at REAL NOT NULL
);
-- What a rule knows of one device between two evaluations.
CREATE TABLE rule_states (
    rule_id TEXT NOT NULL REFERENCES rules(id) ON DELETE CASCADE,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    -- Since when its condition holds without a break, and when that has lasted long enough.
    holds_since REAL,
    due_at REAL,
    -- Whether it has told of the condition that holds, and when it acted last.
    is_told INTEGER NOT NULL DEFAULT 0,
    acted_at REAL,
    is_unhealthy INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (rule_id, device_id)
) WITHOUT ROWID;
CREATE INDEX rule_states_of_device ON rule_states (device_id);
CREATE INDEX sessions_by_opening ON sessions (device_id, opened_at);
-- A device that was inactive is silent from the moment on when it may speak again.
ALTER TABLE devices ADD COLUMN active_since REAL;
CREATE TRIGGER device_activated AFTER UPDATE OF is_active ON devices
WHEN NEW.is_active AND NOT OLD.is_active
BEGIN
    UPDATE devices SET active_since = NEW.updated_at WHERE device_id = NEW.device_id;
END;
"""

_NOTIFICATIONS = """
CREATE TABLE channels (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    channel_type TEXT NOT NULL,
    config TEXT NOT NULL,
    is_enabled INTEGER NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT,
    severity_filter TEXT,
    rule_ids TEXT,
    scope_type TEXT,
    scope_ids TEXT,
    event_types TEXT NOT NULL,
    channel_ids TEXT NOT NULL,
    cooldown_seconds INTEGER NOT NULL,
    is_enabled INTEGER NOT NULL,
    created_at REAL NOT NULL
);
-- What is to be sent, and how that went. The message is made when the cause occurs.
CREATE TABLE notifications (
    id TEXT PRIMARY KEY,
    channel_id TEXT REFERENCES channels(id) ON DELETE SET NULL,
    channel_type TEXT NOT NULL,
    -- The target where a rule brings its own, which is no channel.
    url TEXT,
    policy_id TEXT REFERENCES policies(id) ON DELETE SET NULL,
    alarm_id TEXT,
    rule_id TEXT,
    device_id TEXT,
    event_type TEXT NOT NULL,
    -- What cooldowns count: a reopened alarm is of the kind triggered.
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at REAL,
    error TEXT,
    created_at REAL NOT NULL,
    sent_at REAL
);
CREATE INDEX notifications_due ON notifications (status, next_attempt_at);
CREATE INDEX notifications_of_policy ON notifications (policy_id, device_id, kind, created_at);
CREATE INDEX notifications_of_channel ON notifications (channel_id, status);
CREATE INDEX notifications_by_time ON notifications (created_at);
"""

# A database of version n has gone through the first n steps.
STEPS = (
    _DEVICES,
    _RULES + schema_account.TABLES + _NOTIFICATIONS,
    schema_downlink.TABLES,
)
