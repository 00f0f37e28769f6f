//! Subject and issuer of a certificate, for people to read. Nothing is decided by them: rustls checks certificates.

use super::message::Parts;

/// The `commonName`s of a certificate's subject and issuer (RFC 5280 4.1); `None` where it isn't built that way.
pub(super) fn names(der: &[u8]) -> Option<(String, String)> {
    let mut certificate = Parts(Parts(der).expect(0x30).ok()?);
    let mut fields = Parts(certificate.expect(0x30).ok()?);
    // The version is left out in certificates of the first one.
    let (tag, _) = fields.next().ok()??;
    if tag == 0xa0 {
        fields.expect(0x02).ok()?;
    }
    fields.expect(0x30).ok()?;
    let issuer = common_name(fields.expect(0x30).ok()?);
    fields.expect(0x30).ok()?;
    let subject = common_name(fields.expect(0x30).ok()?);
    Some((subject, issuer))
}

/// The last `commonName` of a name; empty when it has none.
fn common_name(name: &[u8]) -> String {
    const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
    let mut found = String::new();
    let mut sets = Parts(name);
    while let Ok(Some((_, set))) = sets.next() {
        let mut pairs = Parts(set);
        while let Ok(Some((_, pair))) = pairs.next() {
            let mut pair = Parts(pair);
            if let (Ok(COMMON_NAME), Ok(Some((_, value)))) = (pair.expect(0x06), pair.next()) {
                found = String::from_utf8_lossy(value).into_owned();
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn names_are_read_and_rubbish_is_not() {
        let mut params = CertificateParams::new(vec!["a.test".to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, "Jürgen's directory");
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        let der = certificate.der();
        let name = "Jürgen's directory".to_owned();
        assert_eq!(names(der), Some((name.clone(), name)));
        for end in 0..der.len() {
            let _ = names(&der[..end]);
        }
        assert_eq!(names(b"\x30\x03\x30\x01\x00"), None);
    }
}
