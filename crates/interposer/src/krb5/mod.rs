//! The Kerberos library of this process, for what the mechglue does not offer: credential caches.
//!
//! [`Kerberos`] is a context of the library, [`Ccache`] one cache, [`Entry`] one credential in it.
//! Looked up in the running process as the mechglue is. The types' layouts are those of krb5.h, which
//! have been the same since 1.0.

mod ccache;

use std::ffi::{CStr, CString, OsStr, c_char, c_uint, c_void};
use std::marker::PhantomData;
use std::mem;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr;
use std::sync::OnceLock;

pub use ccache::{Ccache, Entry};

use crate::abi::{InCcache, InOut};
use crate::mechglue::Library;
use crate::status::{Fault, Outcome};

/// A status of the library; 0 is success.
type Code = i32;

macro_rules! pointers {
    ($($name:ident)*) => {
        $(
            /// A pointer of the library, or null. Made by it alone.
            #[repr(transparent)]
            #[derive(Clone, Copy, Debug)]
            struct $name(*mut c_void);

            impl $name {
                const NONE: Self = Self(ptr::null_mut());
            }
        )*
    };
}

pointers! { RawContext RawCcache RawPrincipal RawCursor }

impl RawCcache {
    fn lent(ccache: InCcache<'_>) -> Self {
        Self(ccache.pointer())
    }
}

/// A C string for the length of a call.
#[repr(transparent)]
#[derive(Clone, Copy)]
struct Text<'a>(*const c_char, PhantomData<&'a CStr>);

impl<'a> Text<'a> {
    const NONE: Self = Self(ptr::null(), PhantomData);

    fn of(text: &'a CStr) -> Self {
        Self(text.as_ptr(), PhantomData)
    }

    /// # Safety
    /// The pointer is null or a C string that outlives the call.
    unsafe fn get(self) -> Option<CString> {
        // SAFETY: by this function's contract.
        (!self.0.is_null()).then(|| unsafe { CStr::from_ptr(self.0) }.to_owned())
    }
}

/// `krb5_data`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Data {
    magic: i32,
    length: c_uint,
    data: *mut c_char,
}

/// `krb5_keyblock`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Keyblock {
    magic: i32,
    enctype: i32,
    length: c_uint,
    contents: *mut u8,
}

/// `krb5_creds`.
#[repr(C)]
#[derive(Clone, Copy)]
struct RawCreds {
    magic: i32,
    client: RawPrincipal,
    server: RawPrincipal,
    keyblock: Keyblock,
    times: [i32; 4],
    is_skey: c_uint,
    ticket_flags: i32,
    addresses: *mut c_void,
    ticket: Data,
    second_ticket: Data,
    authdata: *mut c_void,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Data>() == 16);
    assert!(size_of::<Keyblock>() == 24);
    assert!(size_of::<RawCreds>() == 120);
};

impl RawCreds {
    const EMPTY: Self = {
        let nothing = Data {
            magic: 0,
            length: 0,
            data: ptr::null_mut(),
        };
        Self {
            magic: 0,
            client: RawPrincipal::NONE,
            server: RawPrincipal::NONE,
            keyblock: Keyblock {
                magic: 0,
                enctype: 0,
                length: 0,
                contents: ptr::null_mut(),
            },
            times: [0; 4],
            is_skey: 0,
            ticket_flags: 0,
            addresses: ptr::null_mut(),
            ticket: nothing,
            second_ticket: nothing,
            authdata: ptr::null_mut(),
        }
    };
}

macro_rules! krb5 {
    ($($name:ident($($arg:ty),*) -> $result:ty;)*) => {
        struct Krb5 {
            $($name: extern "C" fn($($arg),*) -> $result,)*
        }

        impl Krb5 {
            fn load() -> Option<Self> {
                let library = Library::running(c"libkrb5.so.3")?;
                Some(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        let address = library.symbol(CStr::from_bytes_with_nul(name.as_bytes()).ok()?)?;
                        // SAFETY: the address is that of the function of this name, whose type in
                        // krb5.h is the one written in this table.
                        unsafe { mem::transmute::<*mut c_void, extern "C" fn($($arg),*) -> $result>(address) }
                    },)*
                })
            }
        }
    };
}

krb5! {
    krb5_init_context(InOut<'_, RawContext>) -> Code;
    krb5_free_context(RawContext) -> ();
    krb5_get_error_message(RawContext, Code) -> Text<'static>;
    krb5_free_error_message(RawContext, Text<'static>) -> ();
    krb5_kt_default_name(RawContext, *mut c_char, c_uint) -> Code;
    krb5_parse_name(RawContext, Text<'_>, InOut<'_, RawPrincipal>) -> Code;
    krb5_free_principal(RawContext, RawPrincipal) -> ();
    krb5_principal_compare(RawContext, RawPrincipal, RawPrincipal) -> c_uint;
    krb5_is_config_principal(RawContext, RawPrincipal) -> c_uint;
    krb5_cc_default_name(RawContext) -> Text<'static>;
    krb5_cc_set_default_name(RawContext, Text<'_>) -> Code;
    krb5_cc_resolve(RawContext, Text<'_>, InOut<'_, RawCcache>) -> Code;
    krb5_cc_new_unique(RawContext, Text<'_>, Text<'_>, InOut<'_, RawCcache>) -> Code;
    krb5_cc_cache_match(RawContext, RawPrincipal, InOut<'_, RawCcache>) -> Code;
    krb5_cc_close(RawContext, RawCcache) -> Code;
    krb5_cc_destroy(RawContext, RawCcache) -> Code;
    krb5_cc_initialize(RawContext, RawCcache, RawPrincipal) -> Code;
    krb5_cc_get_principal(RawContext, RawCcache, InOut<'_, RawPrincipal>) -> Code;
    krb5_cc_store_cred(RawContext, RawCcache, InOut<'_, RawCreds>) -> Code;
    krb5_cc_remove_cred(RawContext, RawCcache, i32, InOut<'_, RawCreds>) -> Code;
    krb5_cc_retrieve_cred(RawContext, RawCcache, i32, InOut<'_, RawCreds>, InOut<'_, RawCreds>) -> Code;
    krb5_cc_start_seq_get(RawContext, RawCcache, InOut<'_, RawCursor>) -> Code;
    krb5_cc_next_cred(RawContext, RawCcache, InOut<'_, RawCursor>, InOut<'_, RawCreds>) -> Code;
    krb5_cc_end_seq_get(RawContext, RawCcache, InOut<'_, RawCursor>) -> Code;
    krb5_cc_switch(RawContext, RawCcache) -> Code;
    krb5_free_cred_contents(RawContext, InOut<'_, RawCreds>) -> ();
}

fn find() -> Option<&'static Krb5> {
    static KRB5: OnceLock<Option<Krb5>> = OnceLock::new();
    KRB5.get_or_init(Krb5::load).as_ref()
}

/// The words that Kerberos' and the system's error tables have for a number.
pub fn error_text(code: u32) -> Option<String> {
    let krb5 = find()?;
    let text = (krb5.krb5_get_error_message)(RawContext::NONE, code.cast_signed());
    // SAFETY: the library returns a C string that lives until it is freed below.
    let words = unsafe { text.get() }?;
    (krb5.krb5_free_error_message)(RawContext::NONE, text);
    Some(words.to_string_lossy().into_owned())
}

/// Where the default keytab lies, if it is a file.
pub fn default_keytab() -> Option<PathBuf> {
    let library = Kerberos::open().ok()?;
    let mut name = [0_u8; 1024];
    let length = c_uint::try_from(name.len()).ok()?;
    let code =
        (library.krb5.krb5_kt_default_name)(library.context, name.as_mut_ptr().cast(), length);
    let name = CStr::from_bytes_until_nul(&name)
        .ok()
        .filter(|_| code == 0)?;
    file_of(name.to_bytes())
}

/// Where the default credential cache lies, if it is a file.
pub fn default_ccache() -> Option<PathBuf> {
    let library = Kerberos::open().ok()?;
    file_of(library.default_ccache_name()?.to_bytes())
}

/// The path in a name of type FILE.
pub fn file_of(name: &[u8]) -> Option<PathBuf> {
    let path = match name.iter().position(|byte| *byte == b':') {
        // A drive letter is none here: whatever stands before a colon is a type.
        Some(_) => name
            .strip_prefix(b"FILE:")
            .or_else(|| name.strip_prefix(b"WRFILE:"))?,
        None => name,
    };
    Some(OsStr::from_bytes(path).into())
}

/// A context of the library, freed when dropped. For one thread at a time.
pub struct Kerberos {
    krb5: &'static Krb5,
    context: RawContext,
}

impl Kerberos {
    /// A context with the settings of this process.
    pub fn open() -> Outcome<Self> {
        let krb5 = find()
            .ok_or_else(|| Fault::internal(libc::ENOSYS, "MIT's Kerberos library is not loaded"))?;
        let mut context = RawContext::NONE;
        check(None, (krb5.krb5_init_context)(InOut::to(&mut context)))?;
        Ok(Self { krb5, context })
    }

    /// The name of the default credential cache.
    pub fn default_ccache_name(&self) -> Option<CString> {
        // SAFETY: the library returns a C string that lives as long as the context.
        unsafe { (self.krb5.krb5_cc_default_name)(self.context).get() }
    }

    /// Makes a credential cache the default one of this context.
    pub fn set_default_ccache(&self, name: &CStr) -> Outcome<()> {
        self.check((self.krb5.krb5_cc_set_default_name)(
            self.context,
            Text::of(name),
        ))
    }

    /// Reads a principal's name.
    pub fn principal(&self, name: &CStr) -> Outcome<Principal<'_>> {
        let mut principal = RawPrincipal::NONE;
        self.check((self.krb5.krb5_parse_name)(
            self.context,
            Text::of(name),
            InOut::to(&mut principal),
        ))?;
        Ok(Principal {
            kerberos: self,
            raw: principal,
        })
    }

    fn check(&self, code: Code) -> Outcome<()> {
        check(Some(self), code)
    }
}

impl Drop for Kerberos {
    fn drop(&mut self) {
        (self.krb5.krb5_free_context)(self.context);
    }
}

/// A failure with the library's words, for a status that is not 0.
fn check(kerberos: Option<&Kerberos>, code: Code) -> Outcome<()> {
    if code == 0 {
        return Ok(());
    }
    let text = match kerberos {
        Some(kerberos) => kerberos.error_text(code),
        None => error_text(code.cast_unsigned()),
    };
    Err(Fault::said(
        crate::abi::major::FAILURE,
        code.cast_unsigned(),
        text.as_deref().unwrap_or("Kerberos failed"),
    ))
}

impl Kerberos {
    fn error_text(&self, code: Code) -> Option<String> {
        let text = (self.krb5.krb5_get_error_message)(self.context, code);
        // SAFETY: the library returns a C string that lives until it is freed below.
        let words = unsafe { text.get() }?;
        (self.krb5.krb5_free_error_message)(self.context, text);
        Some(words.to_string_lossy().into_owned())
    }
}

/// A principal, freed when dropped.
pub struct Principal<'k> {
    kerberos: &'k Kerberos,
    raw: RawPrincipal,
}

impl PartialEq for Principal<'_> {
    fn eq(&self, other: &Self) -> bool {
        let Kerberos { krb5, context } = self.kerberos;
        (krb5.krb5_principal_compare)(*context, self.raw, other.raw) != 0
    }
}

impl Drop for Principal<'_> {
    fn drop(&mut self) {
        (self.kerberos.krb5.krb5_free_principal)(self.kerberos.context, self.raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_which_names_are_files() {
        assert_eq!(file_of(b"FILE:/tmp/krb5cc_0"), Some("/tmp/krb5cc_0".into()));
        assert_eq!(
            file_of(b"/etc/krb5.keytab"),
            Some("/etc/krb5.keytab".into())
        );
        assert_eq!(file_of(b"MEMORY:x"), None);
        assert_eq!(file_of(b"KEYRING:persistent:0"), None);
    }
}
