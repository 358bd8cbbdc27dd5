//! The reader of DNs, over bytes; see the grammar in the parent module.

use super::{Ava, AvaValue, DnError, Rdn};

pub(super) struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), at: 0 }
    }

    pub(super) fn dn(mut self) -> Result<Vec<Rdn>, DnError> {
        let mut rdns = Vec::new();
        self.skip_spaces();
        if self.peek().is_none() {
            return Ok(rdns);
        }
        loop {
            let mut avas = vec![self.ava()?];
            while self.peek() == Some(b'+') {
                self.at += 1;
                avas.push(self.ava()?);
            }
            rdns.push(Rdn::new(avas));
            match self.peek() {
                Some(b',' | b';') => self.at += 1,
                None => return Ok(rdns),
                Some(_) => return Err(self.expected("',' or '+'")),
            }
        }
    }

    fn ava(&mut self) -> Result<Ava, DnError> {
        self.skip_spaces();
        let attribute = self.attribute()?;
        self.skip_spaces();
        if self.peek() != Some(b'=') {
            return Err(self.expected("'='"));
        }
        self.at += 1;
        self.skip_spaces();
        let value = match self.peek() {
            Some(b'#') => AvaValue::Ber(self.hex_string()?),
            Some(b'"') => AvaValue::Text(self.quoted()?),
            _ => AvaValue::Text(self.string()?),
        };
        self.skip_spaces();
        Ok(Ava { attribute, value })
    }

    /// A short name or a dotted OID, with the old `OID.` in front of it taken off.
    fn attribute(&mut self) -> Result<String, DnError> {
        let mut name = String::new();
        while let Some(b) = self.peek() {
            if !(b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.')) {
                break;
            }
            name.push(char::from(b));
            self.at += 1;
        }
        if name.is_empty() {
            return Err(self.expected("an attribute type"));
        }
        Ok(match name.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => name.split_off(4),
            _ => name,
        })
    }

    fn hex_string(&mut self) -> Result<Vec<u8>, DnError> {
        self.at += 1;
        let mut bytes = Vec::new();
        while let Some(byte) = self.hex_pair() {
            bytes.push(byte);
        }
        if bytes.is_empty() { Err(self.expected("pairs of hexadecimal digits")) } else { Ok(bytes) }
    }

    fn quoted(&mut self) -> Result<String, DnError> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.expected("'\"'")),
                Some(b'"') => {
                    self.at += 1;
                    return self.utf8(bytes);
                }
                Some(b'\\') => bytes.push(self.escape()?),
                Some(b) => {
                    bytes.push(b);
                    self.at += 1;
                }
            }
        }
    }

    fn string(&mut self) -> Result<String, DnError> {
        let mut bytes = Vec::new();
        let mut keep = 0; // What follows is spaces that nobody escaped.
        while let Some(b) = self.peek() {
            match b {
                b',' | b';' | b'+' => break,
                b'"' | b'<' | b'>' | 0 => return Err(self.expected("an escape sequence")),
                b'\\' => {
                    bytes.push(self.escape()?);
                    keep = bytes.len();
                }
                _ => {
                    bytes.push(b);
                    self.at += 1;
                    if b != b' ' {
                        keep = bytes.len();
                    }
                }
            }
        }
        bytes.truncate(keep);
        self.utf8(bytes)
    }

    /// `\` and a special character, or `\` and two hexadecimal digits of one octet.
    fn escape(&mut self) -> Result<u8, DnError> {
        self.at += 1;
        if let Some(byte) = self.hex_pair() {
            return Ok(byte);
        }
        match self.peek() {
            Some(b @ (b'"' | b'+' | b',' | b';' | b'<' | b'>' | b'\\' | b' ' | b'#' | b'=')) => {
                self.at += 1;
                Ok(b)
            }
            _ => Err(self.expected("a special character or two hexadecimal digits")),
        }
    }

    fn hex_pair(&mut self) -> Option<u8> {
        let digit = |at: usize| char::from(*self.bytes.get(at)?).to_digit(16);
        let byte = u8::try_from(digit(self.at)? * 16 + digit(self.at + 1)?).ok()?;
        self.at += 2;
        Some(byte)
    }

    fn utf8(&self, bytes: Vec<u8>) -> Result<String, DnError> {
        String::from_utf8(bytes).map_err(|_| self.expected("UTF-8"))
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expected(&self, expected: &'static str) -> DnError {
        DnError { at: self.at, expected }
    }
}
