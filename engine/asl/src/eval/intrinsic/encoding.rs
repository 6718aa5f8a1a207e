//! `States.Base64Encode`, `States.Base64Decode` and `States.Hash`.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use serde_json::Value;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::arguments::Arguments;

/// How many characters a text to be encoded, decoded or hashed may have, as the service documents it.
const CHARACTERS_MAX: usize = 10_000;

pub(super) fn base64_encode(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    bounded_text(arguments).map(|text| Value::String(STANDARD.encode(text)))
}

pub(super) fn base64_decode(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let bytes = STANDARD
        .decode(bounded_text(arguments)?)
        .map_err(|error| format!("expected argument 1 to be Base64: {error}"))?;
    String::from_utf8(bytes)
        .map(Value::String)
        .map_err(|_| "expected argument 1 to be the Base64 of UTF-8 text, found other bytes".to_owned())
}

/// The digest of a text in lower-case hexadecimal.
pub(super) fn hash(arguments: &Arguments<'_, '_>) -> Result<Value, String> {
    let text = bounded_text(arguments)?;
    let algorithm = arguments.text(1)?;
    let digest = match algorithm {
        "MD5" => hexadecimal(&Md5::digest(text)),
        "SHA-1" => hexadecimal(&Sha1::digest(text)),
        "SHA-256" => hexadecimal(&Sha256::digest(text)),
        "SHA-384" => hexadecimal(&Sha384::digest(text)),
        "SHA-512" => hexadecimal(&Sha512::digest(text)),
        _ => {
            return Err(format!(
                "expected argument 2 to be MD5, SHA-1, SHA-256, SHA-384 or SHA-512, found '{algorithm}'"
            ));
        }
    };
    Ok(Value::String(digest))
}

fn bounded_text<'s>(arguments: &'s Arguments<'_, '_>) -> Result<&'s str, String> {
    let text = arguments.text(0)?;
    match text.chars().count() {
        count if count > CHARACTERS_MAX => {
            Err(format!("expected argument 1 to have at most {CHARACTERS_MAX} characters, found {count}"))
        }
        _ => Ok(text),
    }
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
