-- The last number that each counter of the mapping gave to a request, which may not be in the store yet.
CREATE TABLE number (
    -- Tenant whose mapping has the counter.
    tenant TEXT NOT NULL,
    -- Name of the counter.
    counter TEXT NOT NULL,
    -- The number.
    value BIGINT NOT NULL,
    -- When it was given, in microseconds since 1970 (UTC) by the clock of the database.
    given BIGINT NOT NULL,
    PRIMARY KEY (tenant, counter)
);
