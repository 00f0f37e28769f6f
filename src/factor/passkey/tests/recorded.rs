//! What a real browser sent: Chromium 156 with its virtual authenticator (CTAP2, USB), given our options with one algorithm each,
//! the challenge and the account of these tests, on a page of `http://localhost:8787`.

use serde_json::Value as Json;

use crate::passkey::{Credential, EnrolAnswer, ProofAnswer, Proven, Refused, Site, enrol, prove};

use super::authenticator::challenge;
use super::{ACCOUNT, NOW, site};

#[test]
fn a_browser_s_answers_hold_for_each_algorithm() {
    let recorded: Vec<Json> =
        serde_json::from_str(include_str!("recorded/chromium-156.json")).expect("a list");
    let local = Site::new("http://localhost:8787", "Portcullis").expect("an origin");
    let mut algorithms = Vec::new();
    for each in &recorded {
        let enrolled = EnrolAnswer::read(each["enrol"].to_string().as_bytes()).expect("an answer");
        let credential = enrol(challenge(), NOW, &local, &[], &enrolled).expect("enrolled");
        let number = credential.key.algorithm().number();
        assert_eq!(Some(number), each["alg"].as_i64());
        algorithms.push(number);

        let proof = ProofAnswer::read(each["prove"].to_string().as_bytes()).expect("an answer");
        let counter = credential.counter + 1;
        let mut credentials = [credential];
        let attempt = |credentials: &[Credential], site: &Site| {
            prove(challenge(), NOW, site, ACCOUNT, credentials, &proof)
        };
        assert_eq!(attempt(&credentials, &local), Ok(Proven { at: 0, counter }));
        let elsewhere = Err(Refused::Origin("http://localhost:8787".to_owned()));
        assert_eq!(attempt(&credentials, &site()), elsewhere);
        credentials[0].counter = counter;
        assert_eq!(attempt(&credentials, &local), Err(Refused::Counter { kept: counter, seen: counter }));
    }
    assert_eq!(algorithms, [-7, -8, -257]);
}
