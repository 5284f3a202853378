"""The tables of alarms and of what the account used, after those that schema.py has first."""

TABLES = """
CREATE TABLE alarms (
    id TEXT PRIMARY KEY,
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    -- An alarm outlives its rule, under the name it had.
    rule_id TEXT REFERENCES rules(id) ON DELETE SET NULL,
    rule_name TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    message TEXT,
    status TEXT NOT NULL,
    triggered_at REAL NOT NULL,
    occurrence_count INTEGER NOT NULL,
    acknowledged_at REAL,
    resolved_at REAL,
    created_at REAL NOT NULL
);
CREATE INDEX alarms_of_device ON alarms (device_id, status);
CREATE INDEX alarms_of_rule ON alarms (rule_id, device_id);
CREATE INDEX alarms_by_time ON alarms (triggered_at);
CREATE UNIQUE INDEX open_alarms ON alarms (rule_id, device_id) WHERE status <> 'resolved';
CREATE TABLE alarm_events (
    id INTEGER PRIMARY KEY,
    alarm_id TEXT NOT NULL REFERENCES alarms(id) ON DELETE CASCADE,
    event_type TEXT NOT NULL,
    actor TEXT NOT NULL,
    note TEXT,
    metadata TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE INDEX events_of_alarm ON alarm_events (alarm_id);
ALTER TABLE traffic ADD COLUMN data_points INTEGER NOT NULL DEFAULT 0;
ALTER TABLE traffic ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
-- What the account used, whatever became of its devices since.
CREATE TABLE usage (
    minute INTEGER PRIMARY KEY,
    messages INTEGER NOT NULL,
    data_points INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
INSERT INTO usage SELECT minute, sum(messages), 0, 0 FROM traffic GROUP BY minute;
CREATE TABLE subscription (created_at REAL NOT NULL);
INSERT INTO subscription
SELECT coalesce(min(created_at), CAST(strftime('%s', 'now') AS REAL)) FROM devices;
-- Keys of telemetry that no value was kept of, some of each device.
CREATE TABLE odd_keys (
    device_id TEXT NOT NULL REFERENCES devices(device_id) ON DELETE CASCADE,
    problem TEXT NOT NULL,
    key TEXT NOT NULL,
    times INTEGER NOT NULL,
    last_type TEXT NOT NULL,
    last_at REAL NOT NULL,
    PRIMARY KEY (device_id, problem, key)
) WITHOUT ROWID;
"""
