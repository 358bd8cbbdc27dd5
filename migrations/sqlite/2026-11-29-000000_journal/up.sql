-- What requests were about to do, written before the first effect and removed with the last.
CREATE TABLE journal (
    -- Tenant that the resource belongs to.
    tenant TEXT NOT NULL,
    -- Id of the record.
    id TEXT NOT NULL,
    -- Which process carries it out.
    replica TEXT NOT NULL,
    -- open: not known to have ended; made: a creation that ended without its client having been told.
    state TEXT NOT NULL,
    -- Name of the SCIM resource type.
    resource_type TEXT NOT NULL,
    -- SCIM id of the resource, as soon as it has one.
    resource_id TEXT,
    -- create, change, members or delete.
    kind TEXT NOT NULL,
    -- JSON of what shall be true afterwards, and of what was before. No passwords.
    intent TEXT NOT NULL,
    -- Digest of the request that a repeated creation is known by.
    request TEXT,
    -- When it began, in microseconds since 1970 (UTC).
    started BIGINT NOT NULL,
    -- How often it was tried to bring it to an end.
    attempts BIGINT NOT NULL,
    -- What the last try came to.
    problem TEXT,
    PRIMARY KEY (tenant, id)
);

-- The processes that work on this database, and until when each counts as alive.
CREATE TABLE replica (
    -- Tenant that it serves.
    tenant TEXT NOT NULL,
    -- Its name in the journal.
    id TEXT NOT NULL,
    -- Until when it is alive, in microseconds since 1970 (UTC) by the clock of the database.
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);
