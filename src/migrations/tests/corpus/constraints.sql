-- Constraints. Sources: ALTER TABLE in PostgreSQL's manual, squawk, strong_migrations.

--- fine: a check that is not validated yet
ALTER TABLE users ADD CONSTRAINT age_positive CHECK (age > 0) NOT VALID;
--- fine: validating lets reads and writes go on
ALTER TABLE users VALIDATE CONSTRAINT age_positive;
--- fine: a foreign key that is not validated yet
ALTER TABLE users ADD CONSTRAINT team_fk FOREIGN KEY (team_id) REFERENCES teams (id) NOT VALID;
--- fine: unique by an index that is there
ALTER TABLE users ADD CONSTRAINT email_key UNIQUE USING INDEX email_key;
--- fine: another deferral
ALTER TABLE users ALTER CONSTRAINT team_fk DEFERRABLE;
--- fine: another name for a constraint is advised against, and hurts nobody
-- squawk: flags; queries hardly ever name a constraint
ALTER TABLE users RENAME CONSTRAINT a TO b;
--- fine: NOT NULL after a validated check reads nothing
-- declared: none
ALTER TABLE users ADD CONSTRAINT email_there CHECK (email IS NOT NULL) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT email_there;
ALTER TABLE users ALTER COLUMN email SET NOT NULL;
--- refused: a check reads every row
-- rules: constraint-missing-not-valid
ALTER TABLE users ADD CONSTRAINT age_positive CHECK (age > 0);
--- refused: without a name likewise
-- rules: constraint-missing-not-valid
ALTER TABLE users ADD CHECK (age > 0);
--- refused: a foreign key looks up every row
-- rules: adding-foreign-key-constraint
ALTER TABLE users ADD CONSTRAINT team_fk FOREIGN KEY (team_id) REFERENCES teams (id) ON DELETE CASCADE;
--- refused: a foreign key without a name
-- rules: adding-foreign-key-constraint
ALTER TABLE users ADD FOREIGN KEY (team_id) REFERENCES teams;
--- refused: unique builds an index
-- rules: disallowed-unique-constraint
ALTER TABLE users ADD CONSTRAINT email_key UNIQUE (email);
--- refused: unique over two columns
-- rules: disallowed-unique-constraint
ALTER TABLE users ADD UNIQUE (tenant, email);
--- refused: a primary key builds an index
-- rules: adding-serial-primary-key-field
ALTER TABLE users ADD PRIMARY KEY (id);
--- refused: an exclusion constraint has no safe way
-- rules: exclusion-constraint
ALTER TABLE bookings ADD CONSTRAINT no_overlap EXCLUDE USING gist (room WITH =, during WITH &&);
--- refused: added and validated in one transaction
-- rules: work-under-lock, constraint-missing-not-valid
ALTER TABLE users ADD CONSTRAINT age_positive CHECK (age > 0) NOT VALID;
ALTER TABLE users VALIDATE CONSTRAINT age_positive;
--- warned: a primary key by an index may read every row
-- rules: primary-key-reads
-- squawk: silent; it takes USING INDEX for harmless
ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY USING INDEX users_pkey_new;
--- warned: a constraint goes
-- rules: ban-drop-constraint
ALTER TABLE users DROP CONSTRAINT team_fk;
--- refused: and what depends on it
-- rules: ban-drop-constraint, cascade
ALTER TABLE teams DROP CONSTRAINT teams_pkey CASCADE;
--- fine: a domain's check, later
-- squawk: flags; it flags any constraint of a domain, also one that reads nothing
ALTER DOMAIN email ADD CONSTRAINT shape CHECK (VALUE LIKE '%@%') NOT VALID;
--- refused: a domain's check reads every table that uses it
-- rules: ban-alter-domain-with-add-constraint
ALTER DOMAIN email ADD CONSTRAINT shape CHECK (VALUE LIKE '%@%');
--- fine: a domain's check can hardly be changed, which is advice
-- squawk: flags; nothing uses the domain yet
CREATE DOMAIN percentage AS int CHECK (VALUE BETWEEN 0 AND 100);
--- warned: what may be in columns of a domain
-- rules: changing-domain
ALTER DOMAIN email DROP CONSTRAINT shape;
