//! Encrypting an assertion (XML Encryption).

use anyhow::{Context, Result};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::rand;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{DS, Key};

const XENC: &str = "http://www.w3.org/2001/04/xmlenc#";

/// How an assertion is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cipher {
    /// AES-GCM, or AES-CBC.
    pub gcm: bool,
    /// 128 or 256 bits.
    pub bits: usize,
    /// How its key is wrapped: the last part of the algorithm's name (`rsa-oaep-mgf1p`, `rsa-oaep`, `rsa-1_5`).
    pub wrap: &'static str,
    /// The key stands beside the data, not within its `KeyInfo`.
    pub beside: bool,
}

impl Cipher {
    pub(super) fn seal(self, reader: &Key, text: &[u8]) -> Result<String> {
        let mut key = vec![0; self.bits / 8];
        rand::fill(&mut key)?;
        let sealed = STANDARD.encode(if self.gcm { gcm(&key, text)? } else { cbc(&key, text)? });
        let public = reader.decrypting()?.public_key();
        let mut wrapped = vec![0; public.key_size_bytes()];
        let (method, parameters) = match self.wrap {
            "rsa-oaep" => {
                OaepPublicEncryptingKey::new(public)?.encrypt(
                    &OAEP_SHA256_MGF1SHA256,
                    &key,
                    &mut wrapped,
                    None,
                )?;
                let mask = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
                let parameters = format!(
                    "<ds:DigestMethod xmlns:ds=\"{DS}\" Algorithm=\"{XENC}sha256\"></ds:DigestMethod>\
                     <xenc11:MGF xmlns:xenc11=\"http://www.w3.org/2009/xmlenc11#\" Algorithm=\"{mask}\"></xenc11:MGF>"
                );
                ("http://www.w3.org/2009/xmlenc11#rsa-oaep".to_owned(), parameters)
            }
            "rsa-1_5" => {
                Pkcs1PublicEncryptingKey::new(public)?.encrypt(&key, &mut wrapped)?;
                (format!("{XENC}rsa-1_5"), String::new())
            }
            other => {
                OaepPublicEncryptingKey::new(public)?.encrypt(
                    &OAEP_SHA1_MGF1SHA1,
                    &key,
                    &mut wrapped,
                    None,
                )?;
                (format!("{XENC}{other}"), String::new())
            }
        };
        let name = match (self.gcm, self.bits) {
            (true, bits) => format!("http://www.w3.org/2009/xmlenc11#aes{bits}-gcm"),
            (false, bits) => format!("{XENC}aes{bits}-cbc"),
        };
        // Each of the two may stand alone, so each declares what it uses; within the other it is in force already.
        let wrapped = |declared: &str| {
            format!(
                "<xenc:EncryptedKey{declared}><xenc:EncryptionMethod Algorithm=\"{method}\">{parameters}\
                 </xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>{}</xenc:CipherValue></xenc:CipherData>\
                 </xenc:EncryptedKey>",
                STANDARD.encode(&wrapped)
            )
        };
        let declared = format!(" xmlns:xenc=\"{XENC}\"");
        let within = if self.beside {
            String::new()
        } else {
            format!("<ds:KeyInfo xmlns:ds=\"{DS}\">{}</ds:KeyInfo>", wrapped(""))
                .replace(&format!("<ds:DigestMethod xmlns:ds=\"{DS}\""), "<ds:DigestMethod")
        };
        let data = format!(
            "<xenc:EncryptedData{declared} Type=\"{XENC}Element\"><xenc:EncryptionMethod Algorithm=\"{name}\">\
             </xenc:EncryptionMethod>{within}<xenc:CipherData><xenc:CipherValue>{sealed}</xenc:CipherValue>\
             </xenc:CipherData></xenc:EncryptedData>"
        );
        Ok(if self.beside { format!("{data}{}", wrapped(&declared)) } else { data })
    }
}

fn gcm(key: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE_LEN];
    rand::fill(&mut nonce)?;
    let algorithm = if key.len() == 16 { &AES_128_GCM } else { &AES_256_GCM };
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key)?);
    let mut sealed = text.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed)?;
    Ok([&nonce[..], &sealed].concat())
}

fn cbc(key: &[u8], text: &[u8]) -> Result<Vec<u8>> {
    let algorithm = if key.len() == 16 { &AES_128 } else { &AES_256 };
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(algorithm, key)?)?;
    let mut sealed = text.to_vec();
    let DecryptionContext::Iv128(first) = key.encrypt(&mut sealed)? else {
        return Err(anyhow::anyhow!("no first block")).context("CBC");
    };
    Ok([&first.as_ref()[..], &sealed].concat())
}
