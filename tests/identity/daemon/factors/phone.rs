//! A phone with an authenticator program: RFC 6238, written here once more, so that the daemon's own code is not its own witness.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use hmac::{Hmac, KeyInit as _, Mac as _};
use portcullis_testing::until;
use sha1::Sha1;

/// Seconds for which a code is shown.
const STEP: u64 = 30;

/// It.
pub(super) struct Phone {
    key: Vec<u8>,
    last: u64,
}

impl Phone {
    /// Reads the address in the picture.
    pub(super) fn of(page: &str) -> Result<Self> {
        let at = page.find("otpauth://totp/").context("no address on the page")?;
        let rest = page[at..].split("secret=").nth(1).context("no secret in the address")?;
        let secret: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        let key = base32(&secret)?;
        ensure!(key.len() == 20, "a key of {} bytes", key.len());
        Ok(Self { key, last: 0 })
    }

    /// The secret itself.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// A code that was not used yet and counts now; waits where there is none.
    pub(super) fn next(&mut self) -> Result<String> {
        let now = seconds()?;
        // The one before counts too, but not when its time is nearly over.
        let first = if now % STEP < STEP - 8 { now / STEP - 1 } else { now / STEP };
        let wanted = first.max(self.last + 1);
        until::is("the next code counts", 60, || seconds().is_ok_and(|now| now / STEP + 1 >= wanted))?;
        self.last = wanted;
        code(&self.key, wanted)
    }

    /// A code that counts now; taken as unused, for whoever expects that nobody judges it.
    pub(super) fn shown(&self) -> Result<String> {
        code(&self.key, seconds()? / STEP)
    }

    /// The code that was used last.
    pub(super) fn again(&self) -> Result<String> {
        code(&self.key, self.last)
    }

    /// None of those that count now.
    pub(super) fn wrong(&self) -> Result<String> {
        let now = seconds()? / STEP;
        let right: Vec<String> =
            (now - 3..now + 4).map(|step| code(&self.key, step)).collect::<Result<_>>()?;
        let wrong = (0..1_000_000).map(|number| format!("{number:06}")).find(|text| !right.contains(text));
        wrong.context("every code is right")
    }
}

fn seconds() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

fn code(key: &[u8], step: u64) -> Result<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key)?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let four: [u8; 4] = hash[at..at + 4].try_into()?;
    Ok(format!("{:06}", (u32::from_be_bytes(four) & 0x7fff_ffff) % 1_000_000))
}

fn base32(text: &str) -> Result<Vec<u8>> {
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.bytes() {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'2'..=b'7' => letter - b'2' + 26,
            _ => anyhow::bail!("`{text}` is not base32"),
        };
        (bits, count) = (bits << 5 | u32::from(value), count + 5);
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff)?);
        }
    }
    Ok(bytes)
}

/// RFC 6238, appendix B: the last six of its digits.
pub(super) fn vectors() -> Result<()> {
    for (at, digits) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
        ensure!(code(b"12345678901234567890", at / STEP)? == digits, "{at}");
    }
    ensure!(base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")? == b"12345678901234567890");
    Ok(())
}
