//! What the library gives, owned: names, keys, contexts, buffers; and its errors in its own words.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use super::{Buffer, Handle, Library, Oid, OidSet, Pair, Pairs};
use crate::offer::{KERBEROS, SPNEGO};

/// `GSS_C_NT_HOSTBASED_SERVICE` (RFC 2743, section 4.1): `service` or `service@host`.
const HOST_SERVICE: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04";
/// `GSS_KRB5_NT_PRINCIPAL_NAME` (RFC 1964, section 2.1.1): what Kerberos shows names as.
const PRINCIPAL: &[u8] = b"\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01";

/// Values of `gssapi.h`.
const ACCEPT: c_int = 2;
const INDEFINITE: u32 = u32::MAX;
const GSS_CODE: c_int = 1;
const MECHANISM_CODE: c_int = 2;
const CONTINUE_NEEDED: u32 = 1;
const ANONYMOUS: u32 = 64;
/// Bits of a major status that say that a call failed: calling and routine errors.
const ERRORS: u32 = 0xffff_0000;
/// `GSS_S_FAILURE`, and what the library says of a minor status that it forgot.
const FAILURE: u32 = 13 << 16;
const SUCCESS: &str = "Success";

/// Most messages for one status: the library has one or two.
const MESSAGES_MAX: usize = 8;
/// Longest text of an error that is kept, in characters.
const TEXT_MAX: usize = 512;

/// A call that failed.
#[derive(Debug)]
pub(crate) struct Said {
    /// The library's function.
    pub(crate) call: &'static str,
    /// The minor status.
    pub(crate) minor: u32,
    /// The library's words for both.
    pub(crate) text: String,
}

/// A service's name.
pub(crate) struct Name<'l> {
    library: &'l Library,
    handle: Handle,
}

/// A service's keys.
pub(crate) struct Keys<'l> {
    library: &'l Library,
    handle: Handle,
}

/// What became of a token.
pub(crate) struct Context<'l> {
    library: &'l Library,
    handle: Handle,
    who: Name<'l>,
    /// The token for the browser; may be empty.
    pub(crate) answer: Vec<u8>,
    /// The library wants another token.
    pub(crate) unfinished: bool,
}

/// What is known of a context that is whole.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Seconds until the ticket expires; none where it doesn't.
    pub(crate) seconds: Option<u32>,
    /// The identifier of the mechanism.
    pub(crate) mechanism: Vec<u8>,
    /// The ticket names nobody.
    pub(crate) anonymous: bool,
    /// The library says that the context is established.
    pub(crate) open: bool,
}

impl Library {
    /// The name of a service: `HTTP`, or `HTTP@host` for one host alone.
    pub(crate) fn service(&self, service: &str) -> Result<Name<'_>, Said> {
        let text = borrowed(service.as_bytes());
        let kind = oid(HOST_SERVICE);
        let (mut minor, mut handle) = (0, ptr::null_mut());
        // SAFETY: all pointers are of locals that outlive the call; the library copies text and type.
        let major =
            unsafe { (self.import_name)(&raw mut minor, &raw const text, &raw const kind, &raw mut handle) };
        let name = Name { library: self, handle };
        self.checked("gss_import_name", major, minor).map(|()| name)
    }

    /// The keys of a service. `store` says where: names and values of `gss_acquire_cred_from` (MIT's `credstore` page).
    /// Kerberos is the only mechanism that they negotiate about.
    pub(crate) fn keys(&self, service: &Name<'_>, store: &[(&CStr, &CStr)]) -> Result<Keys<'_>, Said> {
        let pairs: Vec<Pair> =
            store.iter().map(|(key, value)| Pair { key: key.as_ptr(), value: value.as_ptr() }).collect();
        // A store has two or three pairs.
        let count = u32::try_from(pairs.len()).unwrap_or(0);
        let pairs = Pairs { count, elements: pairs.as_ptr() };
        let both = [oid(KERBEROS), oid(SPNEGO)];
        let [taken, negotiated] =
            [&both[..], &both[..1]].map(|oids| OidSet { count: oids.len(), elements: oids.as_ptr() });
        let (mut minor, mut handle) = (0, ptr::null_mut());
        // SAFETY: the name is alive; sets, pairs and their texts are of locals and of `store`, which outlive the call; the two
        // null pointers are answers that are not wanted. The library takes none of it over.
        let major = unsafe {
            (self.acquire_cred_from)(
                &raw mut minor,
                service.handle,
                INDEFINITE,
                &raw const taken,
                ACCEPT,
                &raw const pairs,
                &raw mut handle,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        let keys = Keys { library: self, handle };
        self.checked("gss_acquire_cred_from", major, minor)?;
        // SAFETY: the keys are alive; the set is of a local, and the library copies it.
        let major = unsafe { (self.set_neg_mechs)(&raw mut minor, keys.handle, &raw const negotiated) };
        self.checked("gss_set_neg_mechs", major, minor).map(|()| keys)
    }

    /// Gives a token to the library. What the ticket's owner delegates is not taken.
    pub(crate) fn token(&self, keys: &Keys<'_>, token: &[u8]) -> Result<Context<'_>, Said> {
        let token = borrowed(token);
        let mut answer = Bytes::empty(self);
        let (mut minor, mut context, mut who) = (0, ptr::null_mut(), ptr::null_mut());
        // SAFETY: the keys are alive; the other pointers are of locals that outlive the call, or null: no channel bindings, and
        // for the answers that are not wanted (mechanism, flags, seconds: asked of the context; delegated credential: refused).
        let major = unsafe {
            (self.accept_sec_context)(
                &raw mut minor,
                &raw mut context,
                keys.handle,
                &raw const token,
                ptr::null(),
                &raw mut who,
                ptr::null_mut(),
                &raw mut answer.buffer,
                ptr::null_mut(),
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        // Owned before the status is looked at: a failed call may leave any of them behind.
        let who = Name { library: self, handle: who };
        let unfinished = major & CONTINUE_NEEDED != 0;
        let context = Context { library: self, handle: context, who, answer: answer.to_vec(), unfinished };
        self.checked("gss_accept_sec_context", major, minor).map(|()| context)
    }

    fn checked(&self, call: &'static str, major: u32, minor: u32) -> Result<(), Said> {
        if major & ERRORS == 0 {
            return Ok(());
        }
        let mut texts = self.status(major, GSS_CODE);
        let own = if minor == 0 { Vec::new() } else { self.status(minor, MECHANISM_CODE) };
        // The major status is most often the one that says "see the minor status".
        if major & ERRORS == FAILURE && own.iter().any(|text| text != SUCCESS) {
            texts.clear();
        }
        texts.extend(own);
        let clean = |c: char| if c.is_control() { ' ' } else { c };
        let text = texts.join("; ").chars().take(TEXT_MAX).map(clean).collect();
        Err(Said { call, minor, text })
    }

    fn status(&self, status: u32, kind: c_int) -> Vec<String> {
        // For a minor status the library knows itself whose it is, and takes this for want of better.
        let mechanism = oid(KERBEROS);
        let (mut texts, mut next) = (Vec::new(), 0);
        while texts.len() < MESSAGES_MAX {
            let (mut minor, mut text) = (0, Bytes::empty(self));
            // SAFETY: all pointers are of locals that outlive the call.
            let major = unsafe {
                (self.display_status)(
                    &raw mut minor,
                    status,
                    kind,
                    &raw const mechanism,
                    &raw mut next,
                    &raw mut text.buffer,
                )
            };
            if major & ERRORS != 0 {
                texts.push(format!("status {status:#x}"));
                break;
            }
            texts.push(String::from_utf8_lossy(&text.to_vec()).into_owned());
            if next == 0 {
                break;
            }
        }
        texts
    }
}

impl Context<'_> {
    /// What the library knows of it.
    pub(crate) fn facts(&self) -> Result<Facts, Said> {
        let (mut minor, mut seconds, mut flags, mut open) = (0, 0, 0, 0);
        let mut mechanism = ptr::null();
        // SAFETY: the context is alive, or null, which the library refuses; the other pointers are of locals that outlive the
        // call, or null for the answers that are not wanted.
        let major = unsafe {
            (self.library.inquire_context)(
                &raw mut minor,
                self.handle,
                ptr::null_mut(),
                ptr::null_mut(),
                &raw mut seconds,
                &raw mut mechanism,
                &raw mut flags,
                ptr::null_mut(),
                &raw mut open,
            )
        };
        self.library.checked("gss_inquire_context", major, minor)?;
        // SAFETY: the call succeeded, so that this is null or an identifier that lives as long as the library.
        let mechanism = unsafe { bytes_of(mechanism) };
        let seconds = (seconds != INDEFINITE).then_some(seconds);
        Ok(Facts { seconds, mechanism, anonymous: flags & ANONYMOUS != 0, open: open != 0 })
    }

    /// Whose ticket it is, as text; none where the name is not one of Kerberos, or no text.
    pub(crate) fn who(&self) -> Result<Option<String>, Said> {
        let mut text = Bytes::empty(self.library);
        let (mut minor, mut kind) = (0, ptr::null());
        // SAFETY: the name is alive, or null, which the library refuses; the other pointers are of locals that outlive the call.
        let major = unsafe {
            (self.library.display_name)(&raw mut minor, self.who.handle, &raw mut text.buffer, &raw mut kind)
        };
        self.library.checked("gss_display_name", major, minor)?;
        // SAFETY: the call succeeded, so that this is null or an identifier that lives as long as the library.
        let kind = unsafe { bytes_of(kind) };
        Ok((kind == PRINCIPAL).then(|| String::from_utf8(text.to_vec()).ok()).flatten())
    }
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the handle is null, which is allowed, or the library's, given back once.
        unsafe { (self.library.release_name)(&raw mut minor, &raw mut self.handle) };
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: as for a name.
        unsafe { (self.library.release_cred)(&raw mut minor, &raw mut self.handle) };
    }
}

impl Drop for Context<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        if !self.handle.is_null() {
            // SAFETY: the handle is the library's, given back once; no last token is wanted.
            unsafe {
                (self.library.delete_sec_context)(&raw mut minor, &raw mut self.handle, ptr::null_mut())
            };
        }
    }
}

/// Bytes that the library made.
struct Bytes<'l> {
    library: &'l Library,
    buffer: Buffer,
}

impl<'l> Bytes<'l> {
    const fn empty(library: &'l Library) -> Self {
        Self { library, buffer: Buffer { length: 0, value: ptr::null_mut() } }
    }

    fn to_vec(&self) -> Vec<u8> {
        if self.buffer.value.is_null() || self.buffer.length == 0 {
            return Vec::new();
        }
        // SAFETY: the library said that so many bytes are there, and they live until they are given back by `drop`.
        unsafe { std::slice::from_raw_parts(self.buffer.value.cast::<u8>(), self.buffer.length) }.to_vec()
    }
}

impl Drop for Bytes<'_> {
    fn drop(&mut self) {
        let mut minor = 0;
        // SAFETY: the buffer is empty, which is allowed, or the library's, given back once.
        unsafe { (self.library.release_buffer)(&raw mut minor, &raw mut self.buffer) };
    }
}

/// A buffer for the library to read; it never writes through one that is handed in so.
const fn borrowed(bytes: &[u8]) -> Buffer {
    Buffer { length: bytes.len(), value: bytes.as_ptr().cast::<c_void>().cast_mut() }
}

fn oid(bytes: &'static [u8]) -> Oid {
    // Ours have ten bytes at the most.
    Oid { length: u32::try_from(bytes.len()).unwrap_or(0), elements: bytes.as_ptr().cast() }
}

/// The bytes of an identifier.
///
/// # Safety
/// `oid` is null or points to an identifier that is alive and whose elements are.
unsafe fn bytes_of(oid: *const Oid) -> Vec<u8> {
    if oid.is_null() {
        return Vec::new();
    }
    // SAFETY: not null, so an identifier that is alive, as the caller promises.
    let oid = unsafe { &*oid };
    let length = usize::try_from(oid.length).unwrap_or(0);
    if oid.elements.is_null() || length == 0 {
        return Vec::new();
    }
    // SAFETY: an identifier has so many bytes, as the caller promises.
    unsafe { std::slice::from_raw_parts(oid.elements.cast::<u8>(), length) }.to_vec()
}
