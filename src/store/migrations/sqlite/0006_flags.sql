-- Flag sets, each whole in one row, changed by the revision that was read.
CREATE TABLE flag_sets (
    name     TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    body     TEXT NOT NULL CHECK (json_valid(body))
) STRICT, WITHOUT ROWID;

-- The record of their changes. Rows are only ever added.
CREATE TABLE flag_changes (
    name     TEXT NOT NULL,
    revision INTEGER NOT NULL, -- the set's from then on
    flag     TEXT,             -- nothing when the whole set was replaced
    body     TEXT NOT NULL CHECK (json_valid(body)),
    PRIMARY KEY (name, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX flag_changes_of ON flag_changes (name, flag, revision);
