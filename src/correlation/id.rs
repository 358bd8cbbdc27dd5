//! SCIM ids: derived from an anchor, or minted.
//!
//! A derived id can be computed again when our database is lost, so that the
//! ids that providers remember stay right. It needs an anchor that the
//! store never uses twice (`entryUUID`, a sequence). Where the anchor can come
//! back for somebody else (a login as key), the id is minted; it is then known
//! to our database only.

use uuid::Uuid;

/// Name space of derived ids. Changing it changes every derived id.
const NAMESPACE: Uuid = Uuid::from_u128(0x6d1f_52c4_0f0b_5c1e_9a67_3f6d_58a1_c20e);

/// The id that follows from an anchor: a UUID of version 5 (RFC 9562 §5.5).
#[must_use]
pub fn derived_id(tenant: &str, resource_type: &str, anchor: &str) -> String {
    // Lengths keep the parts apart: no two triples have the same name.
    let name =
        format!("{}:{tenant}{}:{resource_type}{}:{anchor}", tenant.len(), resource_type.len(), anchor.len());
    Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string()
}

/// A new id that follows from nothing: a UUID of version 7 (RFC 9562 §5.7).
#[must_use]
pub fn minted_id() -> String {
    Uuid::now_v7().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_never_changes() {
        // a changed value here breaks every installation.
        assert_eq!(
            derived_id("main", "User", "b8a1c2de-0000-1041-8000-0242ac110002"),
            "e93b6de5-5f4f-5e1e-afc0-ccf962f04476",
        );
    }

    #[test]
    fn the_parts_of_a_name_are_kept_apart() {
        let ids = [
            derived_id("", "User", "a"),
            derived_id("", "Group", "a"),
            derived_id("t", "User", "a"),
            derived_id("", "Use", "ra"),
            derived_id("U", "ser", "a"),
            derived_id("1:U", "ser", "a"),
        ];
        let different: std::collections::HashSet<&String> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
    }

    #[test]
    fn minted_ids_differ() {
        assert_ne!(minted_id(), minted_id());
    }
}
