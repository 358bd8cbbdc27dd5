-- Trying again would come to the same: the operator must look, and nobody else waits for it.
ALTER TABLE journal ADD COLUMN stuck BOOLEAN NOT NULL DEFAULT FALSE;
