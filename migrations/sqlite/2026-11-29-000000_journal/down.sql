DROP TABLE replica;
DROP TABLE journal;
