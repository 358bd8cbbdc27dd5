CREATE TABLE secret (
    tenant TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);

COMMENT ON TABLE secret IS 'Random keys that all replicas share and that outlive a restart.';
COMMENT ON COLUMN secret.tenant IS 'Tenant that the key belongs to.';
COMMENT ON COLUMN secret.name IS 'What the key is for.';
COMMENT ON COLUMN secret.value IS 'The key, in hexadecimal.';
