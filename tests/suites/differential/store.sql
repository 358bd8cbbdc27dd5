-- A store that has a place for every standard attribute and adds nothing of its own, so that what differs from
-- scim2-server is the protocol and not the data.

create table people (
    id         integer primary key autoincrement,
    login      text not null collate nocase unique,
    client_ref text,
    given      text,
    middle     text,
    family     text,
    shown      text,
    position   text,
    sort_of    text,
    language   text,
    zone       text,
    enabled    integer,
    secret     text,
    badge      text,
    unit       text,
    boss       integer references people on delete set null,
    created_at timestamp not null,
    changed_at timestamp not null
);

create table mails (
    id      integer primary key,
    person  integer not null references people on delete cascade,
    kind    text,
    address text,
    label   text,
    main    integer
);

create table phones (
    id     integer primary key,
    person integer not null references people on delete cascade,
    kind   text,
    number text,
    label  text,
    main   integer
);

create table places (
    id      integer primary key,
    person  integer not null references people on delete cascade,
    kind    text,
    whole   text,
    street  text,
    city    text,
    area    text,
    code    text,
    country text,
    main    integer
);

create table circles (
    id         integer primary key autoincrement,
    name       text not null collate nocase unique,
    client_ref text,
    created_at timestamp not null,
    changed_at timestamp not null
);

create table belongs (
    circle integer not null references circles on delete cascade,
    person integer not null references people on delete cascade,
    primary key (circle, person)
);
