//! libgssapi_krb5 by `dlopen`: the eleven functions that accepting needs, declared after RFC 2744 and MIT's `gssapi_ext.h`.
//!
//! The only module of this crate with `unsafe`. Its safe face are [`Library::open`] and the objects of [`objects`], which own
//! what the library gave and give it back once.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_int, c_void};

use crate::failure::TicketError;

mod objects;

pub(crate) use objects::Said;

/// The file of MIT's library; its version has been 2 since 2007.
const FILE: &CStr = c"libgssapi_krb5.so.2";

/// `gss_buffer_desc`.
#[repr(C)]
struct Buffer {
    length: usize,
    value: *mut c_void,
}

/// `gss_OID_desc`.
#[repr(C)]
struct Oid {
    length: u32,
    elements: *const c_void,
}

/// `gss_OID_set_desc`.
#[repr(C)]
struct OidSet {
    count: usize,
    elements: *const Oid,
}

/// `gss_key_value_element_desc`.
#[repr(C)]
struct Pair {
    key: *const c_char,
    value: *const c_char,
}

/// `gss_key_value_set_desc`.
#[repr(C)]
struct Pairs {
    count: u32,
    elements: *const Pair,
}

/// `gss_name_t`, `gss_cred_id_t`, `gss_ctx_id_t`: pointers to what only the library knows.
type Handle = *mut c_void;

macro_rules! functions {
    ($($name:ident = $symbol:literal ($($argument:ty),* $(,)?);)*) => {
        /// The loaded library. It stays loaded as long as the process lives: it keeps data of threads, which would outlive it.
        #[derive(Debug)]
        pub struct Library {
            $($name: unsafe extern "C" fn($($argument),*) -> u32,)*
        }

        impl Library {
            /// # Safety
            /// `handle` is of `dlopen`, never closed, and of a library whose functions of these names are GSS-API's.
            unsafe fn of(handle: *mut c_void) -> Result<Self, TicketError> {
                Ok(Self {
                    $($name: {
                        // SAFETY: `handle` is a loaded library, as the caller promises.
                        let address = unsafe { function(handle, $symbol) }?;
                        // SAFETY: the address is not null and that of the function of this name, whose declaration in the
                        // library's headers is the type above; pointers to functions have the size of others on Linux.
                        unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> u32>(address)
                        }
                    },)*
                })
            }
        }
    };
}

functions! {
    // minor, text, type of the name, name
    import_name = c"gss_import_name"(*mut u32, *const Buffer, *const Oid, *mut Handle);
    // minor, name, name's text, type of the name
    display_name = c"gss_display_name"(*mut u32, Handle, *mut Buffer, *mut *const Oid);
    release_name = c"gss_release_name"(*mut u32, *mut Handle);
    // minor, name, seconds, mechanisms, usage, store, credential, actual mechanisms, actual seconds
    acquire_cred_from = c"gss_acquire_cred_from"(
        *mut u32, Handle, u32, *const OidSet, c_int, *const Pairs, *mut Handle, *mut *const OidSet, *mut u32,
    );
    // minor, credential, mechanisms
    set_neg_mechs = c"gss_set_neg_mechs"(*mut u32, Handle, *const OidSet);
    release_cred = c"gss_release_cred"(*mut u32, *mut Handle);
    // minor, context, credential, token, channel bindings, who, mechanism, answer, flags, seconds, delegated credential
    accept_sec_context = c"gss_accept_sec_context"(
        *mut u32, *mut Handle, Handle, *const Buffer, *const c_void, *mut Handle, *mut *const Oid, *mut Buffer,
        *mut u32, *mut u32, *mut Handle,
    );
    // minor, context, who, target, seconds, mechanism, flags, begun here, open
    inquire_context = c"gss_inquire_context"(
        *mut u32, Handle, *mut Handle, *mut Handle, *mut u32, *mut *const Oid, *mut u32, *mut c_int, *mut c_int,
    );
    // minor, context, token
    delete_sec_context = c"gss_delete_sec_context"(*mut u32, *mut Handle, *mut Buffer);
    // minor, status, kind of status, mechanism, which of the messages, text
    display_status = c"gss_display_status"(*mut u32, u32, c_int, *const Oid, *mut u32, *mut Buffer);
    release_buffer = c"gss_release_buffer"(*mut u32, *mut Buffer);
}

impl Library {
    /// Loads the library and finds its functions.
    ///
    /// The loader reads the library's file and those it needs; the library itself reads nothing before a token is accepted.
    ///
    /// # Errors
    /// [`TicketError::Library`] where it is not installed, [`TicketError::Function`] where it is too old.
    pub fn open() -> Result<Self, TicketError> {
        // SAFETY: the file is MIT's GSS-API by its name.
        unsafe { Self::open_file(FILE) }
    }

    /// # Safety
    /// If the file exists and has functions of GSS-API's names, they are GSS-API's, and it may be loaded without harm.
    pub(crate) unsafe fn open_file(file: &CStr) -> Result<Self, TicketError> {
        // SAFETY: `file` is a C string that outlives the call; initialisers of the library run, as the caller allows.
        let handle = unsafe { libc::dlopen(file.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if handle.is_null() {
            let name = file.to_string_lossy().into_owned();
            return Err(TicketError::Library { name, text: loader_text() });
        }
        // SAFETY: `handle` was given just now and is never closed; the rest is the caller's promise.
        unsafe { Self::of(handle) }
    }
}

/// # Safety
/// `handle` is of `dlopen` and was not closed.
unsafe fn function(handle: *mut c_void, symbol: &CStr) -> Result<*mut c_void, TicketError> {
    // SAFETY: `handle` is valid, as the caller promises, and `symbol` is a C string.
    let address = unsafe { libc::dlsym(handle, symbol.as_ptr()) };
    if address.is_null() {
        let name = symbol.to_string_lossy().into_owned();
        return Err(TicketError::Function { name, text: loader_text() });
    }
    Ok(address)
}

/// What the loader said last, on this thread.
fn loader_text() -> String {
    // SAFETY: no arguments; the answer is null or a C string that lives until the next call of the loader on this thread.
    let text = unsafe { libc::dlerror() };
    if text.is_null() {
        return "the loader says nothing".to_owned();
    }
    // SAFETY: not null, so a C string, copied before anything else is loaded.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_that_is_not_there_or_not_the_one_says_so() {
        // SAFETY: there is no such file.
        let missing = unsafe { Library::open_file(c"libgssapi_not_there.so.2") }.expect_err("missing");
        let TicketError::Library { name, text } = &missing else { panic!("{missing}") };
        assert!(name == "libgssapi_not_there.so.2" && text.contains("No such file"), "{missing}");
        // SAFETY: the C library is loaded already and has no function of GSS-API.
        let other = unsafe { Library::open_file(c"libc.so.6") }.expect_err("another library");
        let TicketError::Function { name, text } = &other else { panic!("{other}") };
        assert!(name == "gss_import_name" && text.contains("undefined symbol"), "{other}");
    }
}
