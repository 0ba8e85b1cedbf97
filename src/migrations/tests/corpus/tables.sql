-- Tables, partitions, and what lies around them.

--- fine: a new table
CREATE TABLE teams (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL UNIQUE);
--- fine: a new table that refers to another
CREATE TABLE members (team_id bigint REFERENCES teams (id), user_id bigint REFERENCES users (id), PRIMARY KEY (team_id, user_id));
--- fine: a new table with everything behind it
-- squawk: flags; that the table is new it sees for some rules and not for SET NOT NULL
CREATE TABLE events (id bigint, at timestamptz) PARTITION BY RANGE (at);
ALTER TABLE events ADD CONSTRAINT events_pkey PRIMARY KEY (id, at);
ALTER TABLE events ADD CHECK (id > 0);
ALTER TABLE events ALTER COLUMN at SET NOT NULL;
--- fine: from a query
CREATE TABLE recent AS SELECT * FROM users WHERE seen_at > now() - interval '1 day';
--- fine: a temporary one
CREATE TEMP TABLE picked (id bigint);
--- fine: a table dropped that the file made
-- squawk: flags; it does not follow which tables the file makes
CREATE TABLE scratch (id bigint);
DROP TABLE scratch;
--- fine: settings of storage
ALTER TABLE users SET (autovacuum_vacuum_scale_factor = 0.01);
--- fine: which index CLUSTER would use
ALTER TABLE users CLUSTER ON users_pkey;
--- fine: a comment
COMMENT ON COLUMN users.email IS 'as confirmed';
--- fine: a schema
CREATE SCHEMA billing;
--- fine: a sequence
CREATE SEQUENCE invoice_numbers;
--- fine: an extension
CREATE EXTENSION IF NOT EXISTS pg_trgm;
--- fine: statistics over two columns
CREATE STATISTICS users_city_zip ON city, zip FROM users;
--- refused: a table goes
-- rules: ban-drop-table
DROP TABLE users;
--- refused: several go
-- rules: ban-drop-table
DROP TABLE IF EXISTS a, b.c;
--- refused: and what depends on it
-- rules: ban-drop-table, cascade
DROP TABLE users CASCADE;
--- refused: another name
-- rules: renaming-table
ALTER TABLE users RENAME TO people;
--- refused: another schema
-- rules: ban-set-schema
ALTER TABLE users SET SCHEMA archive;
--- refused: all rows
-- rules: truncate
-- squawk: silent; it flags TRUNCATE only with CASCADE
TRUNCATE users;
--- refused: all rows, there and elsewhere
-- rules: truncate, ban-truncate-cascade
TRUNCATE TABLE users RESTART IDENTITY CASCADE;
--- refused: logged means copied
-- rules: rewriting-table
-- squawk: silent; it has no rule for it
ALTER TABLE users SET LOGGED;
--- refused: unlogged, too
-- rules: rewriting-table
-- squawk: silent; it has no rule for it
ALTER TABLE users SET UNLOGGED;
--- refused: moved
-- rules: rewriting-table
-- squawk: silent; it has no rule for tablespaces
ALTER TABLE users SET TABLESPACE fast;
--- refused: another access method
-- rules: rewriting-table
-- squawk: silent; it has no rule for it
ALTER TABLE users SET ACCESS METHOD columnar;
--- refused: written anew
-- rules: rewriting-table
-- squawk: silent; it has no rule for VACUUM FULL but the timeouts
-- declared: none
VACUUM FULL users;
--- refused: written anew, with options in parentheses
-- rules: rewriting-table
-- squawk: silent; it has no rule for VACUUM FULL but the timeouts
-- declared: none
VACUUM (FULL, ANALYZE) users;
--- refused: written anew in an order
-- rules: rewriting-table
-- squawk: silent; it advises another tool, as style
CLUSTER users USING users_pkey;
--- refused: held until the end
-- rules: lock-table
-- squawk: silent; it has no rule for LOCK
LOCK TABLE users IN ACCESS EXCLUSIVE MODE;
--- refused: detached while nobody can read
-- rules: require-concurrent-partition-detach, detaching-partition
ALTER TABLE events DETACH PARTITION events_2024;
--- refused: its rows are missing, however it is done
-- rules: detaching-partition
-- squawk: silent; what is missing then is not its concern
-- declared: none
ALTER TABLE events DETACH PARTITION events_2024 CONCURRENTLY;
--- refused: a view of everything dropped in one go with something added
-- rules: ban-drop-view, additive-and-destructive
DROP VIEW active_users;
CREATE TABLE more (id bigint);
--- warned: attached, for which its rows are read
-- rules: attaching-partition
-- squawk: silent; it has no rule for attaching
ALTER TABLE events ATTACH PARTITION events_2027 FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
--- warned: made in place, which locks the whole table
-- rules: create-partition-of
-- squawk: silent; it has no rule for it
CREATE TABLE events_2027 PARTITION OF events FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
--- warned: another parent
-- rules: changing-inheritance
-- squawk: silent; it flags leaving a parent alone
ALTER TABLE users INHERIT people;
--- warned: no trigger any more
-- rules: ban-disable-trigger
-- squawk: silent; the rule is off unless asked for
ALTER TABLE users DISABLE TRIGGER audit;
--- warned: what subscribers get
-- rules: ban-replica-identity
-- squawk: silent; the rule is off unless asked for
ALTER TABLE users REPLICA IDENTITY FULL;
--- warned: two tables in one transaction
-- rules: locks-several-tables
-- squawk: silent; it judges each statement by itself
ALTER TABLE users ADD COLUMN a text;
ALTER TABLE teams ADD COLUMN a text;
--- fine: two tables, each by itself
-- declared: none
ALTER TABLE users ADD COLUMN a text;
ALTER TABLE teams ADD COLUMN a text;
--- person: another owner
-- rules: changing-rights
-- squawk: silent; rights are not its concern
ALTER TABLE users OWNER TO app;
--- person: who sees which rows
-- rules: row-security
-- squawk: silent; the rule is off unless asked for
ALTER TABLE users ENABLE ROW LEVEL SECURITY;
