//! The keys of every table of the language, as the compiler itself has them:
//! what describes the language elsewhere is made of these.

use crate::mapping::compile::{examples, file, lens, log, part, root, schema, types};

/// The keys by table.
pub(in crate::mapping) struct Grammar {
    pub(in crate::mapping) file: &'static [&'static str],
    pub(in crate::mapping) sql: &'static [&'static str],
    pub(in crate::mapping) ldap: &'static [&'static str],
    pub(in crate::mapping) session: &'static [&'static str],
    pub(in crate::mapping) counter: &'static [&'static str],
    pub(in crate::mapping) schema: &'static [&'static str],
    pub(in crate::mapping) characteristics: &'static [&'static str],
    pub(in crate::mapping) declaration: &'static [&'static str],
    pub(in crate::mapping) root: &'static [&'static str],
    pub(in crate::mapping) part: &'static [&'static str],
    pub(in crate::mapping) field: &'static [&'static str],
    pub(in crate::mapping) example: &'static [&'static str],
    pub(in crate::mapping) delete: &'static [&'static str],
    pub(in crate::mapping) make: &'static [&'static str],
    pub(in crate::mapping) log: &'static [&'static str],
    pub(in crate::mapping) lens: Vec<&'static str>,
}

/// The language's keys.
pub(in crate::mapping) fn grammar() -> Grammar {
    Grammar {
        file: file::FILE,
        sql: file::SQL,
        ldap: file::LDAP,
        session: file::SESSION,
        counter: file::COUNTER,
        schema: schema::SCHEMA,
        characteristics: schema::ATTRIBUTE,
        declaration: types::TYPE,
        root: root::ROOT.known,
        part: part::PART.known,
        field: root::FIELD.known,
        delete: root::DELETE.known,
        make: root::MAKE.known,
        log: log::LOG.known,
        example: examples::EXAMPLE.known,
        lens: lens::lens_keys(),
    }
}
