-- Which resource types were seen from end to end, so that an id without a row is an id that nobody has.
CREATE TABLE scan (
    -- Tenant that the resources belong to.
    tenant TEXT NOT NULL,
    -- Name of the SCIM resource type.
    resource_type TEXT NOT NULL,
    -- When the first scan came to its end, in microseconds since 1970 (UTC).
    completed BIGINT NOT NULL,
    PRIMARY KEY (tenant, resource_type)
);
