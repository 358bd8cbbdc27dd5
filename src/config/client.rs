//! Settings of a client: its tokens, what it may do, how it likes to be talked to.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::config::{error::Problems, read, secret::Places};

/// A caller of the gateway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSettings {
    /// Name in logs; unique.
    pub name: String,
    /// Hashes of its bearer tokens (`sha256:<64 hex digits>`, optionally a blank and an instant of
    /// expiry); two while one is being replaced.
    pub tokens: Vec<String>,
    /// File with more of them, one per line; `#` starts a comment.
    pub tokens_file: Option<PathBuf>,
    /// When those tokens end that name no instant of their own.
    #[serde(deserialize_with = "read::instant")]
    pub expires: Option<OffsetDateTime>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// How strictly its requests are read.
    pub mode: Mode,
    /// Whose habits it has.
    pub profile: Profile,
    /// What a PATCH answers; without it, what the profile prefers.
    pub patch_response: Option<PatchResponse>,
    /// What happens to members that do not exist.
    pub unknown_members: UnknownMembers,
    /// The resource that stands for it at `/Me`.
    pub me: Option<MeSettings>,
}

/// The resource that stands for a client at `/Me` (RFC 7644 §3.11).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MeSettings {
    /// Name of its resource type: `User`.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// A SCIM filter that it alone meets: `userName eq "svc"`.
    pub filter: String,
}

/// Something that a client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Read everything.
    Read,
    /// Read and write users.
    Users,
    /// Read and write groups.
    Groups,
    /// Read and write everything.
    All,
}

/// How strictly requests are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Known deviations of clients are understood.
    #[default]
    Tolerant,
    /// By the letter of RFC 7643 and RFC 7644.
    Rfc,
    /// By the letter of the SCIM interoperability profile, which allows less than the RFCs.
    #[serde(rename = "interop-strict")]
    Strict,
}

/// What a successful PATCH answers (RFC 7644 §3.5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchResponse {
    /// 200 with the resource.
    Full,
    /// 204 without it, unless the request names attributes to return.
    Minimal,
}

/// What happens to members (or other listed references) that do not exist, O-09.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMembers {
    /// The request is refused with 400 `invalidValue`; nothing is changed.
    #[default]
    Reject,
    /// They are left out and counted in the log; the others are added.
    Skip,
}

/// Whose habits a client has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Profile {
    #[default]
    Generic,
    Entra,
    Okta,
    Onelogin,
    Jumpcloud,
    Google,
    Keycloak,
    Sailpoint,
    Ping,
}

/// The hash of a bearer token, as it stands in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenHash {
    /// SHA-256 of the token's text.
    pub digest: [u8; 32],
    /// When this token ends, if it says so itself.
    pub expires: Option<OffsetDateTime>,
}

impl FromStr for TokenHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_ascii_whitespace();
        let mut digest = [0; 32];
        // The text itself is not repeated: somebody may have put the token there instead of its hash.
        words
            .next()
            .and_then(|word| word.strip_prefix("sha256:"))
            .and_then(|digits| hex::decode_to_slice(digits, &mut digest).ok())
            .ok_or("expected sha256: and 64 hexadecimal digits, as `scimgate token new` prints them")?;
        let expires = match words.next() {
            None => None,
            Some(word) => Some(
                OffsetDateTime::parse(word, &Rfc3339)
                    .map_err(|_| "expected an instant such as 2027-01-31T00:00:00Z after the hash")?,
            ),
        };
        if words.next().is_some() {
            return Err("expected a hash and at most an instant".to_owned());
        }
        Ok(Self { digest, expires })
    }
}

impl ClientSettings {
    pub(super) fn check(&mut self, at: &str, places: &Places, problems: &mut Problems) {
        if self.name.is_empty() {
            problems.add(format!("{at}.name"), "is missing");
        }
        if let Some(file) = &self.tokens_file {
            match read_tokens(&places.find(file)) {
                Ok(tokens) => self.tokens.extend(tokens),
                Err(message) => problems.add(format!("{at}.tokens_file"), message),
            }
        }
        if self.tokens.is_empty() && self.tokens_file.is_none() {
            problems.add(format!("{at}.tokens"), "expected at least one token hash, here or in tokens_file");
        }
        for token in &self.tokens {
            if let Err(message) = token.parse::<TokenHash>() {
                problems.add(format!("{at}.tokens"), message);
            }
        }
        if self.scopes.is_empty() {
            problems.add(format!("{at}.scopes"), "expected some of read, users, groups, all");
        }
    }
}

fn read_tokens(file: &Path) -> Result<Vec<String>, String> {
    let text = fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let tokens: Vec<String> = lines.filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if tokens.is_empty() { Err(format!("{}: holds no token hash", file.display())) } else { Ok(tokens) }
}
