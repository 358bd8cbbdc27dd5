//! Result codes of LDAP and their meaning for a caller of the store (RFC 4511 appendix A).
//!
//! One total function turns a refusal into a [`StoreError`]. Which attribute is
//! to blame stands only in the diagnostic text, in the server's own words, so
//! [`find_attribute`] knows how OpenLDAP, 389-ds, Samba and AD put it.

use crate::store::StoreError;

macro_rules! result_codes {
    ($($name:ident = $number:literal,)*) => {
        /// A result code, in the order of its registry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum ResultCode { $($name,)* Unknown(u32) }

        impl From<u32> for ResultCode {
            fn from(number: u32) -> Self {
                match number { $($number => Self::$name,)* n => Self::Unknown(n) }
            }
        }

        #[cfg(test)]
        const KNOWN: &[u32] = &[$($number),*];
    };
}

result_codes! {
    Success = 0,
    OperationsError = 1,
    ProtocolError = 2,
    TimeLimitExceeded = 3,
    SizeLimitExceeded = 4,
    CompareFalse = 5,
    CompareTrue = 6,
    AuthMethodNotSupported = 7,
    StrongerAuthRequired = 8,
    Referral = 10,
    AdminLimitExceeded = 11,
    UnavailableCriticalExtension = 12,
    ConfidentialityRequired = 13,
    SaslBindInProgress = 14,
    NoSuchAttribute = 16,
    UndefinedAttributeType = 17,
    InappropriateMatching = 18,
    ConstraintViolation = 19,
    AttributeOrValueExists = 20,
    InvalidAttributeSyntax = 21,
    NoSuchObject = 32,
    AliasProblem = 33,
    InvalidDnSyntax = 34,
    AliasDereferencingProblem = 36,
    InappropriateAuthentication = 48,
    InvalidCredentials = 49,
    InsufficientAccessRights = 50,
    Busy = 51,
    Unavailable = 52,
    UnwillingToPerform = 53,
    LoopDetect = 54,
    NamingViolation = 64,
    ObjectClassViolation = 65,
    NotAllowedOnNonLeaf = 66,
    NotAllowedOnRdn = 67,
    EntryAlreadyExists = 68,
    ObjectClassModsProhibited = 69,
    AffectsMultipleDsas = 71,
    Other = 80,
    Canceled = 118,
    NoSuchOperation = 119,
    TooLate = 120,
    CannotCancel = 121,
    AssertionFailed = 122,
    AuthorizationDenied = 123,
}

/// What was asked of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Bind,
    Search,
    Add,
    Modify,
    Delete,
    Rename,
    Password,
}

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: ResultCode,
    /// The deepest existing entry on the way to the one that was named, if the server told.
    pub(super) matched: String,
    pub(super) text: String,
}

impl Refusal {
    /// What a server says of an entry that is not there.
    pub(super) fn no_such_object() -> Self {
        Self { code: ResultCode::NoSuchObject, matched: String::new(), text: String::new() }
    }
}

/// Why an operation gave no result.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum OpError {
    /// The server answered no.
    Refused(Refusal),
    /// There was no answer, or no sense in it.
    Failed(StoreError),
}

impl From<StoreError> for OpError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl OpError {
    /// The result code, if there was one.
    pub(super) fn code(&self) -> Option<ResultCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Failed(_) => None,
        }
    }

    /// The error for the caller. `bag` and `rdn` (a naming attribute) serve to name what failed.
    pub(super) fn into_store(self, operation: Operation, bag: &str, rdn: &str) -> StoreError {
        match self {
            Self::Refused(refusal) => to_error(&refusal, operation, bag, rdn),
            Self::Failed(error) => error,
        }
    }
}

/// The one table of what a refusal means.
pub(super) fn to_error(refusal: &Refusal, operation: Operation, bag: &str, rdn: &str) -> StoreError {
    use ResultCode as C;
    let said = format!("{:?}: {}", refusal.code, refusal.text.trim());
    let said = said.trim_end_matches([':', ' ']).to_owned();
    match refusal.code {
        C::Success | C::CompareFalse | C::CompareTrue | C::SaslBindInProgress => {
            StoreError::Corrupt(format!("the server answered {said} where that makes no sense"))
        }
        // Samba, when an entry is moved.
        C::Other if refusal.text.contains("parent does not exist") => {
            violated("container", "the new parent entry does not exist".to_owned())
        }
        C::OperationsError | C::Other | C::Busy | C::Unavailable => StoreError::Unavailable(said),
        C::Canceled | C::NoSuchOperation | C::TooLate | C::CannotCancel => StoreError::Unavailable(said),
        C::ProtocolError
        | C::Referral
        | C::UnavailableCriticalExtension
        | C::InappropriateMatching
        | C::AffectsMultipleDsas
        | C::Unknown(_) => StoreError::Unsupported(said),
        C::TimeLimitExceeded | C::SizeLimitExceeded | C::AdminLimitExceeded => {
            StoreError::LimitExceeded(said)
        }
        C::AuthMethodNotSupported
        | C::StrongerAuthRequired
        | C::ConfidentialityRequired
        | C::InappropriateAuthentication
        | C::InsufficientAccessRights
        | C::AuthorizationDenied => StoreError::Denied(said),
        C::InvalidCredentials if operation == Operation::Bind => {
            StoreError::Denied("the directory refuses the service account's name or password".to_owned())
        }
        C::InvalidCredentials => StoreError::Denied(said),
        C::NoSuchObject => match operation {
            Operation::Add => violated("container", "the parent entry does not exist".to_owned()),
            Operation::Modify if !refusal.text.trim().is_empty() => {
                // Active Directory: a value names an entry that does not exist.
                violated(find_attribute(&refusal.text).unwrap_or_default(), said)
            }
            Operation::Bind
            | Operation::Search
            | Operation::Modify
            | Operation::Delete
            | Operation::Rename
            | Operation::Password => StoreError::NotFound { bag: bag.to_owned() },
        },
        C::AliasProblem | C::AliasDereferencingProblem | C::LoopDetect => StoreError::Corrupt(said),
        C::EntryAlreadyExists => {
            let of_code = (sub_code(&refusal.text) == Some(LOGIN_EXISTS)).then_some("sAMAccountName");
            let constraint = find_attribute(&refusal.text).or(of_code).unwrap_or(rdn);
            StoreError::AlreadyExists { constraint: constraint.to_owned() }
        }
        C::ConstraintViolation => constraint_violation(refusal, operation, said),
        C::UnwillingToPerform => unwilling(refusal, operation, said),
        C::ObjectClassModsProhibited => violated("objectClass", said),
        C::NotAllowedOnNonLeaf => violated("", "the entry has entries below it".to_owned()),
        C::NoSuchAttribute
        | C::UndefinedAttributeType
        | C::AttributeOrValueExists
        | C::InvalidAttributeSyntax
        | C::InvalidDnSyntax
        | C::NamingViolation
        | C::ObjectClassViolation
        | C::NotAllowedOnRdn => violated(find_attribute(&refusal.text).unwrap_or_default(), said),
        C::AssertionFailed => StoreError::PreconditionFailed,
    }
}

/// 19: a uniqueness rule, a password policy, or another rule on values.
fn constraint_violation(refusal: &Refusal, operation: Operation, said: String) -> StoreError {
    let text = refusal.text.to_lowercase();
    let unique = ["non-unique attributes found", "same attribute value already exists", "already in use"];
    let is_taken = matches!(sub_code(&refusal.text), Some(PRINCIPAL_EXISTS | SERVICE_NAME_EXISTS));
    if operation == Operation::Bind {
        StoreError::Denied(said)
    } else if let Some(attribute) = refused_password(&refusal.text, operation) {
        violated(attribute, said)
    } else if is_taken || unique.iter().any(|u| text.contains(u)) {
        let constraint = find_attribute(&refusal.text).unwrap_or_default().to_owned();
        StoreError::AlreadyExists { constraint }
    } else {
        violated(find_attribute(&refusal.text).unwrap_or_default(), said)
    }
}

/// 53: a server that takes no changes now, or a change that it will never take.
fn unwilling(refusal: &Refusal, operation: Operation, said: String) -> StoreError {
    let text = refusal.text.to_lowercase();
    let closed = ["operation restricted", "shadow context", "read-only", "read only", "shutting down"];
    if operation == Operation::Bind || sub_code(&refusal.text) == Some(ACCESS_DENIED) {
        StoreError::Denied(said)
    } else if closed.iter().any(|c| text.contains(c)) {
        StoreError::Unavailable(said)
    } else if let Some(attribute) = refused_password(&refusal.text, operation) {
        violated(attribute, said)
    } else {
        violated(find_attribute(&refusal.text).unwrap_or_default(), said)
    }
}

/// The attribute of a password that a policy refuses; none if it is about something else. The word alone
/// is not enough: `userPassword: value #0 invalid per syntax` names its attribute itself, with the same result.
fn refused_password(text: &str, operation: Operation) -> Option<&'static str> {
    if sub_code(text) == Some(PASSWORD_RESTRICTION) || text.contains("NT hash password") {
        return Some("unicodePwd");
    }
    let is_about_it = operation == Operation::Password || text.to_lowercase().contains("password");
    is_about_it.then_some("userPassword")
}

// What Active Directory means by a result, as eight digits before its text ([MS-ERREF] §2.2).
/// ERROR_ACCESS_DENIED.
const ACCESS_DENIED: u32 = 0x5;
/// ERROR_USER_EXISTS.
const LOGIN_EXISTS: u32 = 0x524;
/// ERROR_PASSWORD_RESTRICTION.
const PASSWORD_RESTRICTION: u32 = 0x52D;
/// ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST.
const SERVICE_NAME_EXISTS: u32 = 0x21C7;
/// ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST.
const PRINCIPAL_EXISTS: u32 = 0x21C8;

/// Active Directory's own code before a text.
fn sub_code(text: &str) -> Option<u32> {
    let (digits, _) = text.trim_start().split_once(':')?;
    (digits.len() == 8).then(|| u32::from_str_radix(digits, 16).ok())?
}

fn violated(constraint: &str, reason: String) -> StoreError {
    StoreError::ConstraintViolated { constraint: constraint.to_owned(), reason }
}

/// The attribute that a diagnostic text blames.
pub(super) fn find_attribute(text: &str) -> Option<&str> {
    // OpenLDAP's unique overlay: `non-unique attributes found with (|(uid=u1))`.
    if let Some((_, filter)) = text.split_once("non-unique attributes found with ") {
        return named(filter.trim_start_matches(['(', '|', '&']).split('=').next()?);
    }
    // OpenLDAP's constraint overlay: `modify breaks constraint on mail`.
    if let Some((_, name)) = text.split_once("breaks constraint on ") {
        return named(name);
    }
    // `attribute 'sn'`, `attribute "sn"`, `(attribute: "uid ")`.
    for (_, rest) in text.match_indices("attribute").filter_map(|(i, _)| text.split_at_checked(i)) {
        let rest = rest.trim_start_matches("attribute").trim_start_matches([':', ' ']);
        if let Some(quoted) = rest.strip_prefix(['\'', '"']) {
            return named(quoted.split(['\'', '"']).next()?);
        }
    }
    // Samba: `Element displayName has empty attribute`, `SINGLE-VALUE attribute displayName on …`, `Modify of RDN 'CN'`.
    for before in ["Element ", "SINGLE-VALUE attribute ", "Modify of RDN '"] {
        if let Some((_, rest)) = text.split_once(before) {
            return named(rest.split([' ', '\'']).next()?);
        }
    }
    // Active Directory: `problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 3 (cn):len 140`.
    if let Some((_, rest)) = text.split_once(", Att ") {
        return named(rest.split(['(', ')']).nth(1)?);
    }
    // Samba: `samldb: samAccountName 'u1' already in use!`, `… userPrincipalName '…' is already in use`.
    if text.contains("already in use") {
        return named(text.split('\'').next()?.split_whitespace().last()?);
    }
    // OpenLDAP: `displayName: multiple values provided`, `modify/add: member: value #0 already exists`.
    let rest = ["modify/add: ", "modify/delete: ", "modify/replace: ", "modify/increment: "]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    rest.split_once(':').and_then(|(name, _)| named(name))
}

/// The text if it is an attribute description.
fn named(text: &str) -> Option<&str> {
    let name = text.trim();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ';' | '.'));
    is_name.then_some(name)
}

#[cfg(test)]
mod tests;
