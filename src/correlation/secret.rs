//! Random keys, made once and kept for all replicas.

use diesel::prelude::*;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};

use crate::correlation::{CorrelationError, connection::Conn, schema::secret};

/// Bytes of a key.
const LENGTH: usize = 32;

/// A new key, in hexadecimal.
pub(super) fn new() -> Result<SecretString, CorrelationError> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes).map_err(|e| CorrelationError::Unavailable(e.to_string()))?;
    Ok(hex::encode(bytes).into())
}

/// The key of a name, if there is one.
pub(super) fn find(
    conn: &mut Conn,
    tenant: &str,
    name: &str,
) -> Result<Option<SecretSlice<u8>>, CorrelationError> {
    let found: Option<String> =
        secret::table.find((tenant, name)).select(secret::value).first(conn).optional()?;
    let Some(found) = found.map(SecretString::from) else { return Ok(None) };
    let bytes = hex::decode(found.expose_secret()).ok().filter(|bytes| bytes.len() == LENGTH);
    let bytes = bytes.ok_or_else(|| CorrelationError::Unavailable(format!("the key `{name}` is damaged")))?;
    Ok(Some(bytes.into()))
}

/// Keeps a new key unless another replica was faster, and tells which one is kept.
pub(super) fn keep(
    conn: &mut Conn,
    tenant: &str,
    name: &str,
    new: &SecretString,
) -> Result<SecretSlice<u8>, CorrelationError> {
    let row = (secret::tenant.eq(tenant), secret::name.eq(name), secret::value.eq(new.expose_secret()));
    // `ON CONFLICT` is not known to the connection that may be either.
    match conn {
        #[cfg(feature = "postgres")]
        Conn::Postgres(conn) => {
            diesel::insert_into(secret::table).values(row).on_conflict_do_nothing().execute(conn)?
        }
        Conn::Sqlite(conn) => {
            diesel::insert_into(secret::table).values(row).on_conflict_do_nothing().execute(conn)?
        }
    };
    find(conn, tenant, name)?.ok_or_else(|| CorrelationError::Unavailable("a key vanished".to_owned()))
}
