CREATE TABLE scan (
    tenant TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    completed BIGINT NOT NULL,
    PRIMARY KEY (tenant, resource_type)
);

COMMENT ON TABLE scan IS 'Which resource types were seen from end to end, so that an id without a row is an id that nobody has.';
COMMENT ON COLUMN scan.tenant IS 'Tenant that the resources belong to.';
COMMENT ON COLUMN scan.resource_type IS 'Name of the SCIM resource type.';
COMMENT ON COLUMN scan.completed IS 'When the first scan came to its end, in microseconds since 1970 (UTC).';
