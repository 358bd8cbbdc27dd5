//! The forms in which stores keep passwords. Each is what the application itself would write, so that it
//! lets the person in. Nothing here is ever shown or logged.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, PasswordHasher as _};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use ring::{hmac, pbkdf2};
use sha1::Digest as _;

use crate::{mapping::form::Hash, store::Channel};

/// Form of a stored password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// The password-modify extended operation (RFC 3062).
    Exop,
    /// `unicodePwd` of Active Directory.
    Ad,
    /// The value as it is; the server hashes.
    Server,
    /// `{SSHA}` of RFC 2307 with a salt.
    Ssha,
    /// `{SSHA512}`.
    Ssha512,
    /// bcrypt with a cost and the letter behind the 2: `$2b$…`.
    Bcrypt(u32, Letter),
    /// Argon2id in PHC form.
    Argon2,
    /// `$wp$2y$…`: bcrypt of a keyed digest, since WordPress 6.8.
    WordPress(u32),
    /// `3|$argon2id$…`.
    Nextcloud,
    /// `1|$2y$…`, for a Nextcloud whose PHP has no Argon2.
    NextcloudBcrypt(u32),
    /// `$SHA$salt$…`.
    OfbizSha,
    /// `pbkdf2_sha256$rounds$salt$…`.
    Django(NonZeroU32),
    /// `$S$…`: Drupal 7 to 10.0.
    Drupal,
    /// `$P$…`: PHP programs that know no bcrypt.
    Phpass,
    /// PBKDF2 with SHA-256 or SHA-512, as `$pbkdf2-sha256$rounds$salt$hash`; base64 if the salt has a
    /// field of its own.
    Pbkdf2(Sha, NonZeroU32),
    /// Digits of a digest of salt and password; the salt has a field of its own.
    Digest(Sha),
    /// The NT hash.
    Nt,
}

/// Whose bcrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Letter {
    A,
    B,
    Y,
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Sha {
    Sha1,
    Sha256,
    Sha512,
}

/// Names of schemes, for diagnostics.
pub const NAMES: [&str; 18] = [
    "exop",
    "ad",
    "server",
    "ssha",
    "ssha512",
    "bcrypt",
    "argon2",
    "wordpress",
    "nextcloud",
    "ofbiz_sha",
    "django",
    "drupal",
    "phpass",
    "pbkdf2",
    "sha1",
    "sha256",
    "sha512",
    "nt",
];

/// Django's own number of rounds, in 5.2.
const DJANGO_ROUNDS: NonZeroU32 = NonZeroU32::new(1_000_000).unwrap();
/// What OWASP asks for with SHA-512, and Keycloak has.
const PBKDF2_ROUNDS: NonZeroU32 = NonZeroU32::new(210_000).unwrap();
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
/// The alphabet of `crypt` and its children.
const CRYPT: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

impl Scheme {
    /// Parses a scheme as the file writes it; `None` if there is none of that name.
    ///
    /// # Errors
    ///
    /// A sentence about an argument that is wrong.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        let mut words = text.split(':');
        let name = words.next().unwrap_or_default();
        let arguments: Vec<&str> = words.collect();
        let cost = |text: Option<&&str>, usual: u32| match text.map(|t| t.parse()) {
            None => Ok(usual),
            Some(Ok(cost @ 4..=31)) => Ok(cost),
            Some(_) => Err("bcrypt takes a cost from 4 to 31: `bcrypt:12`".to_owned()),
        };
        let rounds = |text: Option<&&str>, usual: NonZeroU32| match text.map(|t| t.parse()) {
            None => Ok(usual),
            Some(Ok(rounds)) => Ok(rounds),
            Some(Err(_)) => Err(format!("`{name}` takes a number of rounds")),
        };
        let scheme = match (name, arguments.as_slice()) {
            ("exop", []) => Self::Exop,
            ("ad", []) => Self::Ad,
            ("server", []) => Self::Server,
            ("ssha", []) => Self::Ssha,
            ("ssha512", []) => Self::Ssha512,
            ("argon2", []) => Self::Argon2,
            ("bcrypt", []) => Self::Bcrypt(12, Letter::B),
            ("bcrypt", [rest @ .., "2a"]) if rest.len() < 2 => {
                Self::Bcrypt(cost(rest.first(), 12)?, Letter::A)
            }
            ("bcrypt", [rest @ .., "2b"]) if rest.len() < 2 => {
                Self::Bcrypt(cost(rest.first(), 12)?, Letter::B)
            }
            ("bcrypt", [rest @ .., "2y"]) if rest.len() < 2 => {
                Self::Bcrypt(cost(rest.first(), 12)?, Letter::Y)
            }
            ("bcrypt", [one]) => Self::Bcrypt(cost(Some(one), 12)?, Letter::B),
            ("wordpress", rest) if rest.len() < 2 => Self::WordPress(cost(rest.first(), 12)?),
            ("nextcloud", []) => Self::Nextcloud,
            ("nextcloud", ["bcrypt", rest @ ..]) if rest.len() < 2 => {
                Self::NextcloudBcrypt(cost(rest.first(), 12)?)
            }
            ("ofbiz_sha", []) => Self::OfbizSha,
            ("django", rest) if rest.len() < 2 => Self::Django(rounds(rest.first(), DJANGO_ROUNDS)?),
            ("drupal", []) => Self::Drupal,
            ("phpass", []) => Self::Phpass,
            ("pbkdf2", ["sha256", rest @ ..]) if rest.len() < 2 => {
                Self::Pbkdf2(Sha::Sha256, rounds(rest.first(), PBKDF2_ROUNDS)?)
            }
            ("pbkdf2", ["sha512", rest @ ..]) if rest.len() < 2 => {
                Self::Pbkdf2(Sha::Sha512, rounds(rest.first(), PBKDF2_ROUNDS)?)
            }
            ("pbkdf2", _) => return Err("write `pbkdf2:sha256:600000` or `pbkdf2:sha512:210000`".to_owned()),
            ("sha1", []) => Self::Digest(Sha::Sha1),
            ("sha256", []) => Self::Digest(Sha::Sha256),
            ("sha512", []) => Self::Digest(Sha::Sha512),
            ("nt", []) => Self::Nt,
            (name, arguments) if NAMES.contains(&name) => {
                return Err(format!("`{name}` does not take `{}`", arguments.join(":")));
            }
            _ => return Ok(None),
        };
        Ok(Some(scheme))
    }

    /// True if it has no meaning without a directory.
    #[must_use]
    pub fn needs_directory(self) -> bool {
        matches!(self, Self::Exop | Self::Ad | Self::Server)
    }

    /// How the directory is told, if not by writing a field.
    #[must_use]
    pub fn channel(self) -> Option<Channel> {
        match self {
            Self::Exop => Some(Channel::Exop),
            Self::Ad => Some(Channel::UnicodePwd),
            _ => None,
        }
    }

    /// How many characters its form has; 0 where the password or the directory decides.
    #[must_use]
    pub fn length(self) -> u64 {
        let digits = |rounds: NonZeroU32| u64::from(rounds.ilog10()) + 1;
        match self {
            Self::Exop | Self::Ad | Self::Server => 0,
            Self::Ssha => 54,
            Self::Ssha512 => 117,
            Self::Bcrypt(..) => 60,
            Self::Argon2 => 97,
            Self::WordPress(_) => 63,
            Self::Nextcloud => 99,
            Self::NextcloudBcrypt(_) => 62,
            Self::OfbizSha => 49,
            Self::Django(rounds) => digits(rounds) + 82,
            Self::Drupal => 55,
            Self::Phpass => 34,
            // With a field for the salt it is shorter.
            Self::Pbkdf2(Sha::Sha512, _) => 86,
            Self::Pbkdf2(..) => 43,
            Self::Digest(Sha::Sha1) => 40,
            Self::Digest(Sha::Sha256) => 64,
            Self::Digest(Sha::Sha512) => 128,
            Self::Nt => 32,
        }
    }

    /// Whether the salt may, or must, lie in a field of its own.
    #[must_use]
    pub fn takes_salt(self) -> Option<bool> {
        match self {
            Self::Digest(_) => Some(true),
            Self::Pbkdf2(..) => Some(false),
            _ => None,
        }
    }

    /// The stored form of a password; `None` if the hash cannot be made. `apart`: the salt has a field of
    /// its own.
    #[must_use]
    pub fn hash(self, clear: &str, apart: bool) -> Option<Hash> {
        if let (Self::Pbkdf2(sha, rounds), true) = (self, apart) {
            let salt = random::<16>()?;
            let hash = STANDARD.encode(pbkdf2(sha, rounds, &salt, clear)?);
            return Some(Hash { hash, salt: Some(STANDARD.encode(salt)) });
        }
        if let Self::Digest(sha) = self {
            let salt = word(LETTERS, 22)?;
            let hash = digest(sha, &[salt.as_bytes(), clear.as_bytes()].concat());
            return Some(Hash { hash: hex::encode(hash), salt: Some(salt) });
        }
        Some(Hash { hash: self.alone(clear)?, salt: None })
    }

    fn alone(self, clear: &str) -> Option<String> {
        Some(match self {
            Self::Exop | Self::Ad | Self::Server => clear.to_owned(),
            Self::Ssha => salted("{SSHA}", Sha::Sha1, clear)?,
            Self::Ssha512 => salted("{SSHA512}", Sha::Sha512, clear)?,
            Self::Bcrypt(cost, letter) => bcrypt(clear, cost, letter)?,
            Self::Argon2 => Argon2::default().hash_password(clear.as_bytes()).ok()?.to_string(),
            Self::WordPress(cost) => format!("$wp{}", bcrypt(&wordpress(clear), cost, Letter::Y)?),
            Self::Nextcloud => {
                // PHP's own measures.
                let params = Params::new(65_536, 4, 1, None).ok()?;
                let argon = Argon2::new(Algorithm::Argon2id, argon2::Version::V0x13, params);
                format!("3|{}", argon.hash_password(clear.as_bytes()).ok()?)
            }
            Self::NextcloudBcrypt(cost) => format!("1|{}", bcrypt(clear, cost, Letter::Y)?),
            Self::OfbizSha => ofbiz(&word(LETTERS, 16)?, clear),
            Self::Django(rounds) => django(rounds, &word(LETTERS, 22)?, clear)?,
            // 2^16 rounds, which Drupal 8 to 10 have; 7 takes them, too. The column holds 55 characters.
            Self::Drupal => {
                crypt(&format!("$S$E{}", word(CRYPT, 8)?), Round::Sha512, clear).chars().take(55).collect()
            }
            Self::Phpass => crypt(&format!("$P$B{}", word(CRYPT, 8)?), Round::Md5, clear),
            Self::Pbkdf2(sha, rounds) => {
                let salt = random::<16>()?;
                let form = |bytes: &[u8]| STANDARD_NO_PAD.encode(bytes).replace('+', ".");
                let hash = pbkdf2(sha, rounds, &salt, clear)?;
                format!("$pbkdf2-{}${rounds}${}${}", sha.name(), form(&salt), form(&hash))
            }
            // Has a salt of its own; without a field for it there is no scheme.
            Self::Digest(_) => return None,
            Self::Nt => crate::mapping::codec::nt(clear),
        })
    }
}

/// A password that nobody knows, for an account that needs one: of three kinds of characters, and without
/// three in a row that could be part of somebody's name, which Active Directory refuses.
#[must_use]
pub fn unknown() -> Option<String> {
    let word = word(LETTERS, 32)?;
    let pairs: Vec<String> =
        word.chars().collect::<Vec<_>>().chunks(2).map(|pair| pair.iter().collect()).collect();
    Some(format!("Aa-1z-{}", pairs.join("-")))
}

impl Sha {
    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

/// A random word; each letter is as likely as any other.
fn word(letters: &[u8], length: usize) -> Option<String> {
    let mut out = String::new();
    while out.len() < length {
        for byte in random::<32>()? {
            // What is left of 256 behind the last whole round of the alphabet would favour its beginning.
            let fair = usize::from(byte) < 256 / letters.len() * letters.len();
            if let (true, true, Some(letter)) =
                (fair, out.len() < length, letters.get(usize::from(byte) % letters.len()))
            {
                out.push(char::from(*letter));
            }
        }
    }
    Some(out)
}

fn digest(sha: Sha, bytes: &[u8]) -> Vec<u8> {
    match sha {
        Sha::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
        Sha::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
        Sha::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
    }
}

fn salted(prefix: &str, sha: Sha, clear: &str) -> Option<String> {
    let salt = random::<16>()?;
    let mut stored = digest(sha, &[clear.as_bytes(), &salt].concat());
    stored.extend(salt);
    Some(format!("{prefix}{}", STANDARD.encode(stored)))
}

fn bcrypt(clear: &str, cost: u32, letter: Letter) -> Option<String> {
    let version = match letter {
        Letter::A => bcrypt::Version::TwoA,
        Letter::B => bcrypt::Version::TwoB,
        Letter::Y => bcrypt::Version::TwoY,
    };
    Some(bcrypt::hash_with_result(clear, cost).ok()?.format_for_version(version))
}

/// What WordPress gives to bcrypt: a keyed digest, so that long passwords count as a whole.
fn wordpress(clear: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA384, b"wp-sha384");
    // PHP's `trim`.
    let clear = clear.trim_matches([' ', '\n', '\r', '\t', '\u{b}', '\0']);
    STANDARD.encode(hmac::sign(&key, clear.as_bytes()))
}

fn ofbiz(salt: &str, clear: &str) -> String {
    let hash = digest(Sha::Sha1, &[salt.as_bytes(), clear.as_bytes()].concat());
    format!("$SHA${salt}${}", URL_SAFE_NO_PAD.encode(hash))
}

fn pbkdf2(sha: Sha, rounds: NonZeroU32, salt: &[u8], clear: &str) -> Option<Vec<u8>> {
    let (algorithm, length) = match sha {
        Sha::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        Sha::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        Sha::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
    };
    let mut out = vec![0; length];
    pbkdf2::derive(algorithm, rounds, salt, clear.as_bytes(), &mut out);
    Some(out)
}

fn django(rounds: NonZeroU32, salt: &str, clear: &str) -> Option<String> {
    let hash = pbkdf2(Sha::Sha256, rounds, salt.as_bytes(), clear)?;
    Some(format!("pbkdf2_sha256${rounds}${salt}${}", STANDARD.encode(hash)))
}

#[derive(Clone, Copy)]
enum Round {
    Md5,
    Sha512,
}

impl Round {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Md5 => md5::Md5::digest(bytes).to_vec(),
            Self::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
        }
    }
}

/// The portable hash of PHP programs. The setting is three signs, a letter for the rounds, and the salt.
fn crypt(setting: &str, hash: Round, clear: &str) -> String {
    let (head, salt) = setting.split_at_checked(4).unwrap_or((setting, ""));
    let rounds = head.bytes().last().and_then(|letter| CRYPT.iter().position(|c| *c == letter)).unwrap_or(0);
    let mut state = hash.of(&[salt.as_bytes(), clear.as_bytes()].concat());
    for _ in 0..1_u64 << rounds {
        state.extend_from_slice(clear.as_bytes());
        state = hash.of(&state);
    }
    let mut out = setting.to_owned();
    for group in state.chunks(3) {
        let bits = group.iter().rev().fold(0_usize, |bits, byte| (bits << 8) | usize::from(*byte));
        // As many signs as the bytes need: 2, 3 or 4.
        for sign in 0..=group.len() {
            let letter = CRYPT.get((bits >> (6 * sign)) & 63).copied().unwrap_or(b'.');
            out.push(char::from(letter));
        }
    }
    out
}

#[cfg(test)]
mod tests;
