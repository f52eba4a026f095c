-- Where to wake a device. A token names one installation: whoever brings it last has it, so that a phone which was set
-- up anew gets nothing meant for whoever used it before.
CREATE TABLE push_tokens (
    app_id INTEGER NOT NULL,
    device_id BLOB NOT NULL,
    service TEXT NOT NULL,
    token TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (app_id, device_id),
    UNIQUE (app_id, service, token)
) STRICT;
CREATE INDEX devices_by_person ON devices (app_id, person_id);
