CREATE TABLE kept (
    tenant TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    path TEXT NOT NULL,
    value TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (tenant, id, path, value)
);

CREATE INDEX kept_value ON kept (tenant, resource_type, path, value);

COMMENT ON TABLE kept IS 'An index over what `resource.sidecar` holds: one row for each simple value.';
COMMENT ON COLUMN kept.tenant IS 'Tenant that the resource belongs to.';
COMMENT ON COLUMN kept.resource_type IS 'Name of the SCIM resource type.';
COMMENT ON COLUMN kept.path IS 'Path of the attribute, in lower case.';
COMMENT ON COLUMN kept.value IS 'The value as text, without case, cut to 200 characters.';
COMMENT ON COLUMN kept.id IS 'SCIM id of the resource.';
