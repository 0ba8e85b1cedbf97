-- Operations: what was asked, planned and agreed to, and how it stands. `body` is all of it as JSON; the columns are for
-- searching. Times are nanoseconds since 1970.
CREATE TABLE operations (
    id           TEXT PRIMARY KEY NOT NULL,
    revision     INTEGER NOT NULL,
    state        TEXT NOT NULL,
    holds        TEXT, -- the target that it has to itself, while it is under way
    kind         TEXT NOT NULL,
    service      TEXT,
    environment  TEXT,
    asked_by     TEXT NOT NULL,
    channel      TEXT NOT NULL,
    thread       TEXT,
    message      TEXT,
    card_channel TEXT,
    card         TEXT,
    asked        INTEGER NOT NULL,
    expires      INTEGER,
    owner        TEXT,
    generation   INTEGER NOT NULL,
    lease_until  INTEGER,
    told         INTEGER NOT NULL CHECK (told IN (0, 1)),
    body         TEXT NOT NULL CHECK (json_valid(body))
) STRICT;
-- The rule itself: one exclusive operation under way on each target, whatever the program thinks.
CREATE UNIQUE INDEX operations_holds ON operations (holds) WHERE holds IS NOT NULL;
CREATE INDEX operations_by_time ON operations (asked, id);
CREATE INDEX operations_by_state ON operations (state, asked, id);
CREATE INDEX operations_of ON operations (service, environment, asked, id);
CREATE INDEX operations_in ON operations (environment, asked, id);
CREATE INDEX operations_by_person ON operations (asked_by, asked, id);
CREATE INDEX operations_by_kind ON operations (kind, asked, id);
CREATE INDEX operations_untold ON operations (asked, id) WHERE told = 0;
CREATE INDEX operations_by_thread ON operations (channel, thread) WHERE thread IS NOT NULL;
CREATE INDEX operations_by_message ON operations (channel, message) WHERE message IS NOT NULL;
CREATE INDEX operations_by_card ON operations (card_channel, card) WHERE card IS NOT NULL;

-- Their journals.
CREATE TABLE steps (
    operation TEXT NOT NULL,
    number    INTEGER NOT NULL,
    body      TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (operation, number)
) STRICT, WITHOUT ROWID;

-- The audit trail. Rows are only ever added; each holds the hash of the one before.
CREATE TABLE audit (
    number      INTEGER PRIMARY KEY NOT NULL,
    previous    TEXT NOT NULL,
    hash        TEXT NOT NULL,
    at          INTEGER NOT NULL,
    event       TEXT NOT NULL,
    actor       TEXT,
    operation   TEXT,
    service     TEXT,
    environment TEXT,
    body        TEXT NOT NULL CHECK (json_valid(body)) -- what has no column
) STRICT;
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of ON audit (service, environment, number);
CREATE INDEX audit_in ON audit (environment, number);
CREATE INDEX audit_by_actor ON audit (actor, number);
CREATE INDEX audit_by_operation ON audit (operation, number);
CREATE INDEX audit_by_event ON audit (event, number);

-- Where it ends. Whoever adds to it changes this row first, so that one comes after the other.
CREATE TABLE audit_tip (
    id     INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    number INTEGER NOT NULL,
    hash   TEXT NOT NULL
) STRICT;
INSERT INTO audit_tip (id, number, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- That one is under way at a time is a rule of operations now.
DROP INDEX deploys_running;
ALTER TABLE deploys ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
CREATE INDEX deploys_in ON deploys (environment, began, id);
CREATE INDEX deploys_by_state ON deploys (state, began, id);

-- Values are changed by the revision that was read.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('revisions', 1);
ALTER TABLE memories RENAME COLUMN responder TO space;
ALTER TABLE memories ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
