-- One row per SCIM resource that was ever seen. Rows are never removed, so that
-- no id is given out twice (RFC 7643 §3.1).
CREATE TABLE resource (
    -- Tenant that the resource belongs to.
    tenant TEXT NOT NULL,
    -- Name of the SCIM resource type.
    resource_type TEXT NOT NULL,
    -- SCIM id, a UUID in lower case.
    id TEXT NOT NULL,
    -- What identifies the entry or row in the store for as long as it lives.
    anchor TEXT NOT NULL,
    -- Where the entry or row was last seen (DN or key): a hint, to be verified by the anchor.
    locator TEXT NOT NULL,
    -- externalId as the client set it.
    external_id TEXT,
    -- JSON of attributes that the store has no place for.
    sidecar TEXT,
    -- When the resource came into being, in microseconds since 1970 (UTC).
    created BIGINT NOT NULL,
    -- When it was last changed through this gateway, in microseconds since 1970 (UTC).
    last_modified BIGINT NOT NULL,
    -- Version that the store had when it was last seen.
    version TEXT,
    -- When it was deleted, in microseconds since 1970 (UTC); NULL while it lives.
    deleted_at BIGINT,
    PRIMARY KEY (tenant, id)
);

CREATE UNIQUE INDEX resource_anchor ON resource (tenant, resource_type, anchor) WHERE deleted_at IS NULL;

-- Not unique: nothing forbids two resources with the same externalId.
CREATE INDEX resource_external_id ON resource (external_id) WHERE external_id IS NOT NULL;

CREATE INDEX resource_locator ON resource (locator);
