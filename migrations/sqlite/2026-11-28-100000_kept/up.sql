-- An index over what `resource.sidecar` holds: one row for each simple value.
CREATE TABLE kept (
    -- Tenant that the resource belongs to.
    tenant TEXT NOT NULL,
    -- Name of the SCIM resource type.
    resource_type TEXT NOT NULL,
    -- Path of the attribute, in lower case.
    path TEXT NOT NULL,
    -- The value as text, without case, cut to 200 characters.
    value TEXT NOT NULL,
    -- SCIM id of the resource.
    id TEXT NOT NULL,
    PRIMARY KEY (tenant, id, path, value)
);

CREATE INDEX kept_value ON kept (tenant, resource_type, path, value);
