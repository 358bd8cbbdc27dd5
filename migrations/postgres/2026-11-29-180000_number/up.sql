CREATE TABLE number (
    tenant TEXT NOT NULL,
    counter TEXT NOT NULL,
    value BIGINT NOT NULL,
    given BIGINT NOT NULL,
    PRIMARY KEY (tenant, counter)
);

COMMENT ON TABLE number IS 'The last number that each counter of the mapping gave to a request, which may not be in the store yet.';
COMMENT ON COLUMN number.tenant IS 'Tenant whose mapping has the counter.';
COMMENT ON COLUMN number.counter IS 'Name of the counter.';
COMMENT ON COLUMN number.value IS 'The number.';
COMMENT ON COLUMN number.given IS 'When it was given, in microseconds since 1970 (UTC) by the clock of the database.';
