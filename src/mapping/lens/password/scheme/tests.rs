//! Each form against values of the programs that read them.

use super::*;

fn made(scheme: &str, clear: &str) -> Hash {
    let scheme = Scheme::parse(scheme).unwrap().unwrap();
    scheme.hash(clear, scheme.takes_salt() == Some(true)).unwrap()
}

#[test]
fn bcrypt_comes_in_letters() {
    for (scheme, start) in [
        ("bcrypt:4", "$2b$04$"),
        ("bcrypt:4:2a", "$2a$04$"),
        ("bcrypt:4:2y", "$2y$04$"),
        ("nextcloud:bcrypt:4", "1|$2y$04$"),
        ("wordpress:4", "$wp$2y$04$"),
    ] {
        let hash = made(scheme, "geheim").hash;
        assert!(hash.starts_with(start), "{scheme}: {hash}");
    }
    let hash = made("bcrypt:4:2a", "geheim").hash;
    assert!(bcrypt::verify("geheim", &hash).unwrap() && !bcrypt::verify("Geheim", &hash).unwrap());
    let hash = made("nextcloud:bcrypt:4", "geheim").hash;
    assert!(bcrypt::verify("geheim", hash.strip_prefix("1|").unwrap()).unwrap());
}

/// The keyed digest as PHP's `base64_encode(hash_hmac('sha384', …, 'wp-sha384', true))` gives it.
#[test]
fn wordpress_hashes_a_digest() {
    let digest = "iyBH75fzLT2U6HINiIugTDa560xXZVCknyWH3hO2FoF2OCUm4PI014GDz4jYWTf1";
    assert_eq!(wordpress("correct horse"), digest);
    assert_eq!(wordpress(" correct horse\n"), digest, "blanks around it do not count");
    let hash = made("wordpress:4", "correct horse").hash;
    assert!(bcrypt::verify(digest, hash.strip_prefix("$wp").unwrap()).unwrap());
}

#[test]
fn argon2_has_the_measures_of_php() {
    let hash = made("nextcloud", "geheim").hash;
    assert!(hash.starts_with("3|$argon2id$v=19$m=65536,t=4,p=1$"), "{hash}");
    assert!(made("argon2", "geheim").hash.starts_with("$argon2id$"));
}

#[test]
fn old_forms_are_those_of_their_programs() {
    assert_eq!(ofbiz("AbC123", "ofbiz"), "$SHA$AbC123$oWHNSec2F2i4BRQ-l15MPFf8LmE");
    let django_20000 = NonZeroU32::new(20_000).unwrap();
    assert_eq!(
        django(django_20000, "H0dPx8NeajVu", "hashcat").unwrap(),
        "pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas="
    );
    // The values that phpass and hashcat test themselves with.
    assert_eq!(crypt("$P$9IQRaTwmf", Round::Md5, "test12345"), "$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0");
    assert_eq!(crypt("$H$984478476", Round::Md5, "hashcat"), "$H$984478476IagS59wHZvyQMArzfx58u.");
    let drupal: String = crypt("$S$C33783772", Round::Sha512, "hashcat").chars().take(55).collect();
    assert_eq!(drupal, "$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf");
    assert_eq!(made("nt", "password").hash, "8846F7EAEE8FB117AD06BDD830B7586C");
}

#[test]
fn pbkdf2_has_two_forms() {
    let salt = hex::decode("d19af35e2b4548696d4d09c158eb1d7a").unwrap();
    let rounds = NonZeroU32::new(6400).unwrap();
    let hash = pbkdf2(Sha::Sha256, rounds, &salt, "password").unwrap();
    assert_eq!(STANDARD.encode(&hash), "LPrrFPJh8jcG2SFnhbVugOabJz9D+VZsGXS+3wMJQ3A=");

    let alone = made("pbkdf2:sha256:10", "geheim").hash;
    let parts: Vec<&str> = alone.split('$').collect();
    assert_eq!(&parts[..3], ["", "pbkdf2-sha256", "10"]);
    let plain = |text: &str| STANDARD_NO_PAD.decode(text.replace('.', "+")).unwrap();
    let ten = NonZeroU32::new(10).unwrap();
    assert_eq!(pbkdf2(Sha::Sha256, ten, &plain(parts[3]), "geheim").unwrap(), plain(parts[4]));

    let apart = Scheme::parse("pbkdf2:sha512:10").unwrap().unwrap().hash("geheim", true).unwrap();
    let salt = STANDARD.decode(apart.salt.unwrap()).unwrap();
    assert_eq!(STANDARD.decode(apart.hash).unwrap(), pbkdf2(Sha::Sha512, ten, &salt, "geheim").unwrap());
}

#[test]
fn salts_lie_apart_and_differ() {
    let (one, two) = (made("sha256", "geheim"), made("sha256", "geheim"));
    let salt = one.salt.unwrap();
    assert_eq!(one.hash, hex::encode(sha2::Sha256::digest(format!("{salt}geheim"))));
    assert_ne!(Some(salt), two.salt);
    for scheme in
        ["ssha", "ssha512", "bcrypt:4", "django:10", "phpass", "drupal", "ofbiz_sha", "pbkdf2:sha512:10"]
    {
        assert_ne!(made(scheme, "x").hash, made(scheme, "x").hash, "{scheme}");
    }
    let ssha = made("ssha", "geheim").hash;
    let raw = STANDARD.decode(ssha.strip_prefix("{SSHA}").unwrap()).unwrap();
    let (digest, salt) = raw.split_at(20);
    assert_eq!(digest, sha1::Sha1::digest([b"geheim".as_slice(), salt].concat()).as_slice());
}

#[test]
fn what_is_no_scheme_is_said() {
    assert_eq!(Scheme::parse("rot13"), Ok(None));
    for wrong in [
        "bcrypt:3",
        "bcrypt:x",
        "bcrypt:4:2c",
        "pbkdf2",
        "pbkdf2:sha256:0",
        "argon2:9",
        "django:x:y",
        "nextcloud:md5",
    ] {
        assert!(Scheme::parse(wrong).is_err(), "{wrong}");
    }
}

/// A column that `check --live` takes for long enough is.
#[test]
fn forms_are_as_long_as_they_say() {
    for scheme in [
        "ssha",
        "ssha512",
        "bcrypt:4",
        "argon2",
        "wordpress:4",
        "nextcloud",
        "nextcloud:bcrypt:4",
        "ofbiz_sha",
        "django:10",
        "django:12345",
        "drupal",
        "phpass",
        "sha1",
        "sha256",
        "sha512",
        "nt",
    ] {
        let length = Scheme::parse(scheme).unwrap().unwrap().length();
        assert_eq!(made(scheme, "geheim").hash.len() as u64, length, "{scheme}");
    }
}
