-- The same tables as on SQLite. Names are compared byte by byte ("C"), so that both engines order and find alike. Times are
-- nanoseconds since 1970 where nothing else is said.

-- Every start of the program is a run, told from others by a random number. One that has not been seen for a while is dead,
-- and what it had only claimed is free again.
CREATE TABLE runs (
    id      BIGINT PRIMARY KEY NOT NULL,
    about   TEXT NOT NULL,
    started BIGINT NOT NULL, -- milliseconds
    seen    BIGINT NOT NULL  -- milliseconds
);

-- Events that were taken up. An event with two names has two rows.
CREATE TABLE claims (
    name  TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    run   BIGINT NOT NULL,
    stage BIGINT NOT NULL CHECK (stage BETWEEN 0 AND 2), -- claimed, answering, done
    at    BIGINT NOT NULL -- milliseconds
);
CREATE INDEX claims_by_age ON claims (at);

-- Transactions that were committed, by a random name that each gives itself. Whoever lost the connection while committing
-- finds out here.
CREATE TABLE writes (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL -- milliseconds
);
CREATE INDEX writes_by_age ON writes (at);

-- Operations: what was asked, planned and agreed to, and how it stands. `body` is all of it as JSON; the columns are for
-- searching.
CREATE TABLE operations (
    id           TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    revision     BIGINT NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    holds        TEXT COLLATE "C", -- the target that it has to itself, while it is under way
    kind         TEXT COLLATE "C" NOT NULL,
    service      TEXT COLLATE "C",
    environment  TEXT COLLATE "C",
    asked_by     TEXT COLLATE "C" NOT NULL,
    channel      TEXT COLLATE "C" NOT NULL,
    thread       TEXT COLLATE "C",
    message      TEXT COLLATE "C",
    card_channel TEXT COLLATE "C",
    card         TEXT COLLATE "C",
    asked        BIGINT NOT NULL,
    expires      BIGINT,
    owner        TEXT COLLATE "C",
    generation   BIGINT NOT NULL,
    lease_until  BIGINT,
    told         BIGINT NOT NULL CHECK (told IN (0, 1)),
    body         TEXT NOT NULL
);
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
    operation TEXT COLLATE "C" NOT NULL,
    number    BIGINT NOT NULL,
    body      TEXT NOT NULL,
    PRIMARY KEY (operation, number)
);

-- The audit trail. Rows are only ever added; each holds the hash of the one before.
CREATE TABLE audit (
    number      BIGINT PRIMARY KEY NOT NULL,
    previous    TEXT COLLATE "C" NOT NULL,
    hash        TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    event       TEXT COLLATE "C" NOT NULL,
    actor       TEXT COLLATE "C",
    operation   TEXT COLLATE "C",
    service     TEXT COLLATE "C",
    environment TEXT COLLATE "C",
    body        TEXT NOT NULL -- what has no column
);
CREATE INDEX audit_by_time ON audit (at);
CREATE INDEX audit_of ON audit (service, environment, number);
CREATE INDEX audit_in ON audit (environment, number);
CREATE INDEX audit_by_actor ON audit (actor, number);
CREATE INDEX audit_by_operation ON audit (operation, number);
CREATE INDEX audit_by_event ON audit (event, number);

-- Where it ends. Whoever adds to it changes this row first, so that one comes after the other.
CREATE TABLE audit_tip (
    id     BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    number BIGINT NOT NULL,
    hash   TEXT COLLATE "C" NOT NULL
);
INSERT INTO audit_tip (id, number, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TABLE deploys (
    id          TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    service     TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    version     TEXT NOT NULL,
    image       TEXT NOT NULL,
    previous    TEXT,
    by          TEXT NOT NULL,
    began       BIGINT NOT NULL,
    ended       BIGINT,
    state       TEXT COLLATE "C" NOT NULL CHECK (state IN ('running', 'succeeded', 'failed', 'superseded', 'stopped')),
    card        TEXT,
    note        TEXT,
    details     TEXT NOT NULL,
    generation  BIGINT NOT NULL
);
CREATE INDEX deploys_by_time ON deploys (began, id);
CREATE INDEX deploys_of ON deploys (service, environment, began, id);
CREATE INDEX deploys_in ON deploys (environment, began, id);
CREATE INDEX deploys_by_state ON deploys (state, began, id);

-- Values, changed by the revision that was read. Revisions come from one counter.
CREATE TABLE counters (
    name  TEXT PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('revisions', 1);
CREATE TABLE memories (
    space    TEXT COLLATE "C" NOT NULL,
    key      TEXT COLLATE "C" NOT NULL,
    value    TEXT NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (space, key)
);
