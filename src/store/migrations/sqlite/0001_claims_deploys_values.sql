-- "Otus" in ASCII: tells this file from another program's SQLite database.
PRAGMA application_id = 1333032307;

-- Every start of the program is a run. A claim belongs to the run that took it, so what a dead one left is known as such.
CREATE TABLE runs (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    pid     INTEGER NOT NULL,
    started INTEGER NOT NULL, -- milliseconds since 1970, like all times here unless they say otherwise
    seen    INTEGER NOT NULL
) STRICT;

-- Events that were taken up. An event with two names has two rows.
CREATE TABLE claims (
    name  TEXT PRIMARY KEY NOT NULL,
    run   INTEGER NOT NULL,
    stage INTEGER NOT NULL CHECK (stage BETWEEN 0 AND 2), -- claimed, answering, done
    at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX claims_by_age ON claims (at);

CREATE TABLE deploys (
    id          TEXT PRIMARY KEY NOT NULL,
    service     TEXT NOT NULL,
    environment TEXT NOT NULL,
    version     TEXT NOT NULL,
    image       TEXT NOT NULL,
    previous    TEXT,
    by          TEXT NOT NULL,
    began       INTEGER NOT NULL, -- nanoseconds
    ended       INTEGER,          -- nanoseconds
    state       TEXT NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'superseded', 'stopped')),
    card        TEXT CHECK (json_valid(card)),
    note        TEXT,
    details     TEXT NOT NULL CHECK (json_valid(details))
) STRICT, WITHOUT ROWID;
-- The rule itself: one running deploy for each service and environment, whatever the program thinks.
CREATE UNIQUE INDEX deploys_running ON deploys (service, environment) WHERE state = 'running';
CREATE INDEX deploys_by_time ON deploys (began, id);
CREATE INDEX deploys_of ON deploys (service, environment, began, id);

-- What responders remember.
CREATE TABLE memories (
    responder TEXT NOT NULL,
    key       TEXT NOT NULL,
    value     TEXT NOT NULL CHECK (json_valid(value)),
    PRIMARY KEY (responder, key)
) STRICT, WITHOUT ROWID;
