-- A message is kept with its claim until it is answered, under the event's own name, so that it outlives the run that took it.
ALTER TABLE claims ADD COLUMN body TEXT;
-- How many runs ended over it.
ALTER TABLE claims ADD COLUMN deaths BIGINT NOT NULL DEFAULT 0;
CREATE INDEX claims_kept ON claims (run) WHERE body IS NOT NULL;
