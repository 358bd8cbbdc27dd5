CREATE TABLE journal (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    replica TEXT NOT NULL,
    state TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT,
    kind TEXT NOT NULL,
    intent TEXT NOT NULL,
    request TEXT,
    started BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    problem TEXT,
    PRIMARY KEY (tenant, id)
);

COMMENT ON TABLE journal IS 'What requests were about to do, written before the first effect and removed with the last.';
COMMENT ON COLUMN journal.tenant IS 'Tenant that the resource belongs to.';
COMMENT ON COLUMN journal.id IS 'Id of the record.';
COMMENT ON COLUMN journal.replica IS 'Which process carries it out.';
COMMENT ON COLUMN journal.state IS 'open: not known to have ended; made: a creation that ended without its client having been told.';
COMMENT ON COLUMN journal.resource_type IS 'Name of the SCIM resource type.';
COMMENT ON COLUMN journal.resource_id IS 'SCIM id of the resource, as soon as it has one.';
COMMENT ON COLUMN journal.kind IS 'create, change, members or delete.';
COMMENT ON COLUMN journal.intent IS 'JSON of what shall be true afterwards, and of what was before. No passwords.';
COMMENT ON COLUMN journal.request IS 'Digest of the request that a repeated creation is known by.';
COMMENT ON COLUMN journal.started IS 'When it began, in microseconds since 1970 (UTC).';
COMMENT ON COLUMN journal.attempts IS 'How often it was tried to bring it to an end.';
COMMENT ON COLUMN journal.problem IS 'What the last try came to.';

CREATE TABLE replica (
    tenant TEXT NOT NULL,
    id TEXT NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

COMMENT ON TABLE replica IS 'The processes that work on this database, and until when each counts as alive.';
COMMENT ON COLUMN replica.tenant IS 'Tenant that it serves.';
COMMENT ON COLUMN replica.id IS 'Its name in the journal.';
COMMENT ON COLUMN replica.until IS 'Until when it is alive, in microseconds since 1970 (UTC) by the clock of the database.';
