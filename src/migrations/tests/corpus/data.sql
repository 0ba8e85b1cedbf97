-- Rows, code, sessions, transactions.

--- fine: a row
INSERT INTO plans (name, price) VALUES ('free', 0), ('pro', 20);
--- fine: a row, or none
INSERT INTO plans (name) VALUES ('free') ON CONFLICT (name) DO NOTHING;
--- fine: a declared backfill
-- declared: none
-- otus: backfill key=id
UPDATE users SET full_name = first_name || ' ' || last_name WHERE full_name IS NULL;
--- fine: a declared backfill of everything
-- declared: none
-- otus: backfill
UPDATE users SET active = true;
--- fine: a query that only looks
SELECT count(*) FROM users WHERE email IS NULL;
--- fine: swept
-- declared: none
VACUUM (ANALYZE) users;
--- fine: counted
ANALYZE users;
--- fine: constraints later in the transaction
SET CONSTRAINTS ALL DEFERRED;
--- fine: a setting of the transaction
SET LOCAL work_mem = '64MB';
--- refused: every row
-- rules: unbounded-update
-- squawk: silent; it has no rule for changes of rows
UPDATE users SET active = true;
--- refused: every row goes
-- rules: unbounded-delete
-- squawk: silent; it has no rule for changes of rows
DELETE FROM users;
--- refused: a declared backfill in a transaction
-- rules: undeclared-backfill, unbounded-update
-- squawk: silent; it has no rule for changes of rows
-- otus: backfill
UPDATE users SET active = true;
--- refused: a backfill of what cannot be cut
-- rules: undeclared-backfill, insert-select
-- squawk: silent; it has no rule for changes of rows
-- declared: none
-- otus: backfill
INSERT INTO archive SELECT * FROM users;
--- refused: as many as it finds
-- rules: unbounded-merge
-- squawk: silent; it has no rule for changes of rows
MERGE INTO users u USING news n ON u.id = n.id WHEN MATCHED THEN UPDATE SET name = n.name;
--- refused: rows changed under the lock of a change of the table
-- rules: work-under-lock, large-change
-- squawk: silent; it judges each statement by itself
ALTER TABLE users ADD COLUMN active boolean;
UPDATE users SET active = true WHERE active IS NULL;
--- refused: a program on the server
-- rules: copy-program
-- squawk: silent; it has no rule for COPY
COPY users FROM PROGRAM 'curl example.com';
--- refused: data for psql
-- rules: not-sql
-- squawk: silent; it has no rule for COPY
COPY users FROM stdin;
--- refused: psql's own
-- rules: not-sql
-- squawk: silent; it reports syntax beside its rules
\connect other
--- refused: a transaction of its own
-- rules: transaction-control
BEGIN;
ALTER TABLE users ADD COLUMN a text;
COMMIT;
--- refused: the timeouts go
-- rules: session-settings
-- squawk: silent; sessions are not its concern
RESET ALL;
--- warned: as many rows as the condition finds
-- rules: large-change
-- squawk: silent; it has no rule for changes of rows
UPDATE users SET active = false WHERE seen_at < now() - interval '1 year';
--- warned: as many rows go
-- rules: large-change
-- squawk: silent; it has no rule for changes of rows
DELETE FROM sessions USING users WHERE users.id = sessions.user_id AND users.deleted;
--- warned: as many rows as the query finds
-- rules: insert-select
-- squawk: silent; it has no rule for changes of rows
INSERT INTO archive SELECT * FROM users WHERE deleted;
--- warned: timeouts are the runner's
-- rules: session-settings
-- squawk: silent; it asks for what Otus sets by itself
SET lock_timeout = '10min';
--- warned: names mean something else
-- rules: session-settings
-- squawk: silent; sessions are not its concern
SET search_path TO billing;
--- person: code
-- rules: dynamic-sql
-- squawk: silent; it does not look into strings
DO $$ BEGIN EXECUTE 'ALTER TABLE users DROP COLUMN legacy'; END $$;
--- person: a procedure
-- rules: dynamic-sql
-- squawk: silent; it does not look into procedures
CALL move_everything();
--- person: a function with an effect
-- rules: function-call
-- squawk: silent; it does not look into functions
SELECT setval('invoice_numbers', 1000);
--- person: a function of one's own
-- rules: function-call
-- squawk: silent; it does not look into functions
SELECT app.rebuild_everything();
--- person: rows changed inside of a query
-- rules: change-in-with
-- squawk: silent; it has no rule for changes of rows
WITH gone AS (DELETE FROM users RETURNING *) SELECT count(*) FROM gone;
--- person: carried out to be explained
-- rules: dynamic-sql
-- squawk: silent; it has no rule for EXPLAIN
EXPLAIN ANALYZE DELETE FROM users;
--- person: a file of the server
-- rules: copy-file
-- squawk: silent; it has no rule for COPY
COPY users TO '/tmp/users.csv';
--- refused: a comment switches nothing off
-- rules: ban-drop-column
-- squawk: silent; its own comment switches it off
-- squawk-ignore ban-drop-column
ALTER TABLE users DROP COLUMN legacy;
--- refused: nor one for the whole file
-- rules: require-concurrent-index-creation
-- squawk: silent; its own comment switches it off
-- squawk-ignore-file
CREATE INDEX users_email ON users (email);
--- refused: never ended
-- rules: not-sql
-- squawk: silent; it reports syntax beside its rules
SELECT 'open;
--- person: what nobody here knows
-- rules: unknown-statement
-- squawk: silent; it has no rule for it
IMPORT FOREIGN SCHEMA remote FROM SERVER other INTO local_copy;
