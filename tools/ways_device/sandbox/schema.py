"""The tables of the sandbox's database. Times are Unix seconds, documents are JSON text."""

VERSION = 1

SCHEMA = """
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
