CREATE TABLE resource (
    tenant TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    id TEXT NOT NULL,
    anchor TEXT NOT NULL,
    locator TEXT NOT NULL,
    external_id TEXT,
    sidecar TEXT,
    created BIGINT NOT NULL,
    last_modified BIGINT NOT NULL,
    version TEXT,
    deleted_at BIGINT,
    PRIMARY KEY (tenant, id)
);

COMMENT ON TABLE resource IS 'One row per SCIM resource that was ever seen. Rows are never removed, so that no id is given out twice (RFC 7643 §3.1).';
COMMENT ON COLUMN resource.tenant IS 'Tenant that the resource belongs to.';
COMMENT ON COLUMN resource.resource_type IS 'Name of the SCIM resource type.';
COMMENT ON COLUMN resource.id IS 'SCIM id, a UUID in lower case.';
COMMENT ON COLUMN resource.anchor IS 'What identifies the entry or row in the store for as long as it lives.';
COMMENT ON COLUMN resource.locator IS 'Where the entry or row was last seen (DN or key): a hint, to be verified by the anchor.';
COMMENT ON COLUMN resource.external_id IS 'externalId as the client set it.';
COMMENT ON COLUMN resource.sidecar IS 'JSON of attributes that the store has no place for.';
COMMENT ON COLUMN resource.created IS 'When the resource came into being, in microseconds since 1970 (UTC).';
COMMENT ON COLUMN resource.last_modified IS 'When it was last changed through this gateway, in microseconds since 1970 (UTC).';
COMMENT ON COLUMN resource.version IS 'Version that the store had when it was last seen.';
COMMENT ON COLUMN resource.deleted_at IS 'When it was deleted, in microseconds since 1970 (UTC); NULL while it lives.';

CREATE UNIQUE INDEX resource_anchor ON resource (tenant, resource_type, anchor) WHERE deleted_at IS NULL;

-- Hash indexes, since a DN or an externalId may be longer than a B-tree entry.
-- Not unique: nothing forbids two resources with the same externalId.
CREATE INDEX resource_external_id ON resource USING hash (external_id);

CREATE INDEX resource_locator ON resource USING hash (locator);
