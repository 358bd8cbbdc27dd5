-- The personnel database of a company that never heard of SCIM: what the demo provisions into.
-- Other programs use it too, so the gateway adds no column and no table to it.

create table departments (
    dept_id     integer primary key,
    name        text not null unique,
    cost_center text
);

create table employment_kinds (
    kind_code text primary key,
    label     text not null unique
);

create table employees (
    emp_no         integer primary key autoincrement,  -- never used again, even after a row is gone
    login          text not null collate nocase unique,
    external_ref   text,
    first_name     text,                               -- some people have only one name
    middle_name    text,
    last_name      text,
    display_name   text,
    job_title      text,
    status_code    char(1) not null default 'A' check (status_code in ('A', 'L', 'T')),  -- active, on leave, terminated
    kind_code      text references employment_kinds,
    dept_id        integer references departments,
    manager_emp_no integer references employees on delete set null,
    badge_no       text,
    cost_center    text,
    language       text,
    street         text,
    city           text,
    region         text,
    postal_code    text,
    country        text,
    hired_on       date,
    left_on        date,
    password_hash  text,
    created_at     timestamp not null,
    updated_at     timestamp not null
);

create table employee_emails (
    email_id   integer primary key,
    emp_no     integer not null references employees on delete cascade,
    kind       char(1) not null check (kind in ('W', 'H', 'O')),  -- work, home, other
    address    text not null,
    is_primary integer not null default 0 check (is_primary in (0, 1))
);

create table employee_phones (
    phone_id integer primary key,
    emp_no   integer not null references employees on delete cascade,
    kind     char(1) not null check (kind in ('W', 'M', 'F', 'H', 'P', 'O')),  -- work, mobile, fax, home, pager, other
    number   text not null
);

create table teams (
    team_id    integer primary key,
    name       text not null collate nocase unique,
    purpose    text,
    created_at timestamp not null,
    updated_at timestamp not null
);

create table team_members (
    team_id   integer not null references teams on delete cascade,
    emp_no    integer not null references employees on delete cascade,
    joined_on date not null,
    primary key (team_id, emp_no)
);

create index employees_by_external_ref on employees (external_ref);
create index employees_by_manager on employees (manager_emp_no);
create index emails_by_employee on employee_emails (emp_no);
create index emails_by_address on employee_emails (address);
create index phones_by_employee on employee_phones (emp_no);
create index teams_by_member on team_members (emp_no);
