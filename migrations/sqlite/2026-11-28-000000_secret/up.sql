-- Random keys that all replicas share and that outlive a restart.
CREATE TABLE secret (
    -- Tenant that the key belongs to.
    tenant TEXT NOT NULL,
    -- What the key is for.
    name TEXT NOT NULL,
    -- The key, in hexadecimal.
    value TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);
