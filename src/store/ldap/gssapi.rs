//! Binding with a Kerberos ticket: SASL GSSAPI (RFC 4752).
//!
//! The Kerberos library finds credentials as it does for every program: in the cache that `KRB5CCNAME` names,
//! or by the key in the file that `KRB5_CLIENT_KTNAME` names. With a key it gets a ticket when there is none,
//! or none that is valid any more; each new connection asks it again.
//!
//! The library asks the Kerberos servers while its caller waits. That happens on a thread for such work, before
//! the driver's own exchange, which then finds the ticket in the cache and asks nobody.

use cross_krb5::{ClientCtx, Cred, InitiateFlags, K5Cred as _};
use ldap3::{Ldap, LdapError, LdapResult};

use crate::store::StoreError;

/// Binds as a principal, or as the one that there are credentials for, at the server of this name.
///
/// # Errors
///
/// [`StoreError::Denied`] if there is no ticket to be had, [`StoreError::Unavailable`] if that cannot be told.
pub(super) async fn bind(
    ldap: &mut Ldap,
    server: &str,
    principal: Option<&str>,
) -> Result<LdapResult, StoreError> {
    let (service, principal) = (format!("ldap/{server}"), principal.map(str::to_owned));
    let credentials = tokio::task::spawn_blocking(move || credentials(&service, principal.as_deref())).await;
    let credentials = credentials.map_err(|e| StoreError::Unavailable(format!("Kerberos: {e}")))??;
    ldap.sasl_gssapi_cred_bind(credentials, server).await.map_err(|error| match error {
        LdapError::GssapiOperationError(text) => refused(&text),
        other => other.into(),
    })
}

/// Credentials with a ticket for the service in their cache.
fn credentials(service: &str, principal: Option<&str>) -> Result<Cred, StoreError> {
    ClientCtx::new(InitiateFlags::empty(), principal, service, None)
        .map_err(|e| refused(&format!("{e:#}")))?;
    Cred::client_acquire(InitiateFlags::empty(), principal).map_err(|e| refused(&format!("{e:#}")))
}

/// What a failure of the library means. Trying a wrong key again may lock the account, so what is not known
/// counts as a refusal.
fn refused(text: &str) -> StoreError {
    // MIT's words for KRB5_KDC_UNREACH and KRB5_REALM_CANT_RESOLVE, and of the system's resolver.
    let unreachable = ["Cannot contact any KDC", "Cannot resolve network address", "Resource temporarily"];
    match unreachable.iter().any(|words| text.contains(words)) {
        true => StoreError::Unavailable(format!("Kerberos: {text}")),
        false => StoreError::Denied(format!("there is no Kerberos ticket for the directory: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kerberos_server_that_is_away_is_no_refusal() {
        let away = refused("unspecified GSS failure, Cannot contact any KDC for realm 'LAB.EXAMPLE'");
        assert!(matches!(away, StoreError::Unavailable(_)));
        assert!(matches!(refused("Preauthentication failed"), StoreError::Denied(_)));
    }
}
