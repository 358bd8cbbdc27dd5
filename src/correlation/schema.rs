//! The tables of our own database, for Diesel's queries. They follow from `migrations/`; nothing but
//! table definitions belongs here.
// @generated automatically by Diesel CLI.

diesel::table! {
    /// What requests were about to do, written before the first effect and removed with the last.
    journal (tenant, id) {
        /// Tenant that the resource belongs to.
        tenant -> Text,
        /// Id of the record.
        id -> Text,
        /// Which process carries it out.
        replica -> Text,
        /// open: not known to have ended; made: a creation that ended without its client having been told.
        state -> Text,
        /// Name of the SCIM resource type.
        resource_type -> Text,
        /// SCIM id of the resource, as soon as it has one.
        resource_id -> Nullable<Text>,
        /// create, change, members or delete.
        kind -> Text,
        /// JSON of what shall be true afterwards, and of what was before. No passwords.
        intent -> Text,
        /// Digest of the request that a repeated creation is known by.
        request -> Nullable<Text>,
        /// When it began, in microseconds since 1970 (UTC).
        started -> BigInt,
        /// How often it was tried to bring it to an end.
        attempts -> BigInt,
        /// What the last try came to.
        problem -> Nullable<Text>,
        /// Trying again would come to the same: the operator must look, and nobody else waits for it.
        stuck -> Bool,
    }
}

diesel::table! {
    /// An index over what `resource.sidecar` holds: one row for each simple value.
    kept (tenant, id, path, value) {
        /// Tenant that the resource belongs to.
        tenant -> Text,
        /// Name of the SCIM resource type.
        resource_type -> Text,
        /// Path of the attribute, in lower case.
        path -> Text,
        /// The value as text, without case, cut to 200 characters.
        value -> Text,
        /// SCIM id of the resource.
        id -> Text,
    }
}

diesel::table! {
    /// The last number that each counter of the mapping gave to a request, which may not be in the store yet.
    number (tenant, counter) {
        /// Tenant whose mapping has the counter.
        tenant -> Text,
        /// Name of the counter.
        counter -> Text,
        /// The number.
        value -> BigInt,
        /// When it was given, in microseconds since 1970 (UTC) by the clock of the database.
        given -> BigInt,
    }
}

diesel::table! {
    /// The processes that work on this database, and until when each counts as alive.
    replica (tenant, id) {
        /// Tenant that it serves.
        tenant -> Text,
        /// Its name in the journal.
        id -> Text,
        /// Until when it is alive, in microseconds since 1970 (UTC) by the clock of the database.
        until -> BigInt,
    }
}

diesel::table! {
    /// One row per SCIM resource that was ever seen. Rows are never removed, so that no id is given out twice (RFC 7643 §3.1).
    resource (tenant, id) {
        /// Tenant that the resource belongs to.
        tenant -> Text,
        /// Name of the SCIM resource type.
        resource_type -> Text,
        /// SCIM id, a UUID in lower case.
        id -> Text,
        /// What identifies the entry or row in the store for as long as it lives.
        anchor -> Text,
        /// Where the entry or row was last seen (DN or key): a hint, to be verified by the anchor.
        locator -> Text,
        /// externalId as the client set it.
        external_id -> Nullable<Text>,
        /// JSON of attributes that the store has no place for.
        sidecar -> Nullable<Text>,
        /// When the resource came into being, in microseconds since 1970 (UTC).
        created -> BigInt,
        /// When it was last changed through this gateway, in microseconds since 1970 (UTC).
        last_modified -> BigInt,
        /// Version that the store had when it was last seen.
        version -> Nullable<Text>,
        /// When it was deleted, in microseconds since 1970 (UTC); NULL while it lives.
        deleted_at -> Nullable<BigInt>,
    }
}

diesel::table! {
    /// Which resource types were seen from end to end, so that an id without a row is an id that nobody has.
    scan (tenant, resource_type) {
        /// Tenant that the resources belong to.
        tenant -> Text,
        /// Name of the SCIM resource type.
        resource_type -> Text,
        /// When the first scan came to its end, in microseconds since 1970 (UTC).
        completed -> BigInt,
    }
}

diesel::table! {
    /// Random keys that all replicas share and that outlive a restart.
    secret (tenant, name) {
        /// Tenant that the key belongs to.
        tenant -> Text,
        /// What the key is for.
        name -> Text,
        /// The key, in hexadecimal.
        value -> Text,
    }
}

diesel::allow_tables_to_appear_in_same_query!(journal, kept, number, replica, resource, scan, secret,);
