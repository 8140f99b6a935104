//! The mechglue that loaded us, called back: local contexts, credentials and names.
//!
//! Its library is looked up in the running process and not linked to, so that this workspace builds
//! where MIT's headers and libraries are not. The functions are declared with the pointer types of
//! [`crate::abi`], and so are safe to call with what those let through.

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::abi::{
    Buffer, GivenBufferSet, GivenOidSet, InBindings, InBuffer, InOid, InOidSet, InOut, InStore,
    IovBuffer, Out, OutBuffer, StaticOid, Usage, Word,
};
use crate::status::{Fault, Outcome};

macro_rules! raw_handle {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(*mut c_void);

        impl $name {
            /// None: `GSS_C_NO_...`.
            pub const NONE: Self = Self(ptr::null_mut());

            /// Whether there is none.
            pub fn is_none(self) -> bool {
                self.0.is_null()
            }
        }
    };
}

raw_handle! {
    /// `gss_name_t` of the mechglue. Whoever has one took it from a [`LocalName`] that lives.
    RawName
}
raw_handle! {
    /// `gss_cred_id_t` of the mechglue. Whoever has one took it from a [`LocalCredential`] that lives.
    RawCredential
}
raw_handle! {
    /// `gss_ctx_id_t` of the mechglue. Whoever has one took it from a [`LocalContext`] that lives.
    RawContext
}

macro_rules! mechglue {
    ($($name:ident($($arg:ty),*);)*) => {
        /// The mechglue's functions, by their names in gssapi.h and gssapi_ext.h.
        #[derive(Debug)]
        #[expect(missing_docs, reason = "each is documented in RFC 2744 or gssapi_ext.h")]
        pub struct Mechglue {
            $(pub $name: extern "C" fn($($arg),*) -> Word,)*
        }

        impl Mechglue {
            fn load() -> Option<Self> {
                let library = Library::running(c"libgssapi_krb5.so.2")?;
                Some(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        let address = library.symbol(CStr::from_bytes_with_nul(name.as_bytes()).ok()?)?;
                        // SAFETY: the address is that of the function of this name, whose type in
                        // MIT's headers is the one written in this table.
                        unsafe { mem::transmute::<*mut c_void, extern "C" fn($($arg),*) -> Word>(address) }
                    },)*
                })
            }
        }
    };
}

type Minor<'a> = Out<'a, Word>;

mechglue! {
    gss_import_name(Minor<'_>, InBuffer<'_>, InOid<'_>, InOut<'_, RawName>);
    gss_release_name(Minor<'_>, InOut<'_, RawName>);
    gss_duplicate_name(Minor<'_>, RawName, InOut<'_, RawName>);
    gss_canonicalize_name(Minor<'_>, RawName, InOid<'_>, Out<'_, RawName>);
    gss_display_name(Minor<'_>, RawName, OutBuffer<'_>, Out<'_, StaticOid>);
    gss_display_name_ext(Minor<'_>, RawName, InOid<'_>, OutBuffer<'_>);
    gss_export_name(Minor<'_>, RawName, OutBuffer<'_>);
    gss_export_name_composite(Minor<'_>, RawName, OutBuffer<'_>);
    gss_compare_name(Minor<'_>, RawName, RawName, Out<'_, c_int>);
    gss_inquire_name(Minor<'_>, RawName, Out<'_, c_int>, Out<'_, StaticOid>, Out<'_, GivenBufferSet>);
    gss_get_name_attribute(Minor<'_>, RawName, InBuffer<'_>, Out<'_, c_int>, Out<'_, c_int>, OutBuffer<'_>, OutBuffer<'_>, InOut<'_, c_int>);
    gss_set_name_attribute(Minor<'_>, RawName, c_int, InBuffer<'_>, InBuffer<'_>);
    gss_delete_name_attribute(Minor<'_>, RawName, InBuffer<'_>);
    gss_map_name_to_any(Minor<'_>, RawName, c_int, InBuffer<'_>, Out<'_, *mut c_void>);
    gss_release_any_name_mapping(Minor<'_>, RawName, InBuffer<'_>, InOut<'_, *mut c_void>);
    gss_localname(Minor<'_>, RawName, InOid<'_>, OutBuffer<'_>);
    gss_authorize_localname(Minor<'_>, RawName, RawName);

    gss_acquire_cred_from(
        Minor<'_>, RawName, Word, InOidSet<'_>, Usage, InStore<'_>, InOut<'_, RawCredential>, Out<'_, GivenOidSet>, Out<'_, Word>
    );
    gss_acquire_cred_with_password(
        Minor<'_>, RawName, InBuffer<'_>, Word, InOidSet<'_>, Usage, InOut<'_, RawCredential>, Out<'_, GivenOidSet>, Out<'_, Word>
    );
    gss_acquire_cred_impersonate_name(
        Minor<'_>, RawCredential, RawName, Word, InOidSet<'_>, Usage, InOut<'_, RawCredential>, Out<'_, GivenOidSet>, Out<'_, Word>
    );
    gss_release_cred(Minor<'_>, InOut<'_, RawCredential>);
    gss_inquire_cred(Minor<'_>, RawCredential, InOut<'_, RawName>, Out<'_, Word>, Out<'_, Usage>, Out<'_, GivenOidSet>);
    gss_inquire_cred_by_mech(
        Minor<'_>, RawCredential, InOid<'_>, InOut<'_, RawName>, Out<'_, Word>, Out<'_, Word>, Out<'_, Usage>
    );
    gss_inquire_cred_by_oid(Minor<'_>, RawCredential, InOid<'_>, Out<'_, GivenBufferSet>);
    gss_set_cred_option(Minor<'_>, InOut<'_, RawCredential>, InOid<'_>, InBuffer<'_>);
    gss_store_cred_into(
        Minor<'_>, RawCredential, Usage, InOid<'_>, Word, Word, InStore<'_>, Out<'_, GivenOidSet>, Out<'_, Usage>
    );
    gss_export_cred(Minor<'_>, RawCredential, OutBuffer<'_>);
    gss_import_cred(Minor<'_>, InBuffer<'_>, InOut<'_, RawCredential>);

    gss_init_sec_context(
        Minor<'_>, RawCredential, InOut<'_, RawContext>, RawName, InOid<'_>, Word, Word, InBindings<'_>, InBuffer<'_>,
        Out<'_, StaticOid>, OutBuffer<'_>, Out<'_, Word>, Out<'_, Word>
    );
    gss_accept_sec_context(
        Minor<'_>, InOut<'_, RawContext>, RawCredential, InBuffer<'_>, InBindings<'_>, InOut<'_, RawName>, Out<'_, StaticOid>,
        OutBuffer<'_>, Out<'_, Word>, Out<'_, Word>, InOut<'_, RawCredential>
    );
    gss_delete_sec_context(Minor<'_>, InOut<'_, RawContext>, OutBuffer<'_>);
    gss_export_sec_context(Minor<'_>, InOut<'_, RawContext>, OutBuffer<'_>);
    gss_import_sec_context(Minor<'_>, InBuffer<'_>, InOut<'_, RawContext>);
    gss_process_context_token(Minor<'_>, RawContext, InBuffer<'_>);
    gss_context_time(Minor<'_>, RawContext, Out<'_, Word>);
    gss_inquire_context(
        Minor<'_>, RawContext, InOut<'_, RawName>, InOut<'_, RawName>, Out<'_, Word>, Out<'_, StaticOid>, Out<'_, Word>, Out<'_, c_int>, Out<'_, c_int>
    );
    gss_inquire_sec_context_by_oid(Minor<'_>, RawContext, InOid<'_>, Out<'_, GivenBufferSet>);
    gss_set_sec_context_option(Minor<'_>, InOut<'_, RawContext>, InOid<'_>, InBuffer<'_>);
    gss_pseudo_random(Minor<'_>, RawContext, c_int, InBuffer<'_>, isize, OutBuffer<'_>);

    gss_wrap(Minor<'_>, RawContext, c_int, Word, InBuffer<'_>, Out<'_, c_int>, OutBuffer<'_>);
    gss_wrap_size_limit(Minor<'_>, RawContext, c_int, Word, Word, Out<'_, Word>);
    gss_wrap_iov(Minor<'_>, RawContext, c_int, Word, Out<'_, c_int>, InOut<'_, IovBuffer>, c_int);
    gss_wrap_iov_length(Minor<'_>, RawContext, c_int, Word, Out<'_, c_int>, InOut<'_, IovBuffer>, c_int);
    gss_wrap_aead(Minor<'_>, RawContext, c_int, Word, InBuffer<'_>, InBuffer<'_>, Out<'_, c_int>, OutBuffer<'_>);
    gss_unwrap(Minor<'_>, RawContext, InBuffer<'_>, OutBuffer<'_>, Out<'_, c_int>, Out<'_, Word>);
    gss_unwrap_iov(Minor<'_>, RawContext, Out<'_, c_int>, Out<'_, Word>, InOut<'_, IovBuffer>, c_int);
    gss_unwrap_aead(Minor<'_>, RawContext, InBuffer<'_>, InBuffer<'_>, OutBuffer<'_>, Out<'_, c_int>, Out<'_, Word>);
    gss_get_mic(Minor<'_>, RawContext, Word, InBuffer<'_>, OutBuffer<'_>);
    gss_get_mic_iov(Minor<'_>, RawContext, Word, InOut<'_, IovBuffer>, c_int);
    gss_get_mic_iov_length(Minor<'_>, RawContext, Word, InOut<'_, IovBuffer>, c_int);
    gss_verify_mic(Minor<'_>, RawContext, InBuffer<'_>, InBuffer<'_>, Out<'_, Word>);
    gss_verify_mic_iov(Minor<'_>, RawContext, Out<'_, Word>, InOut<'_, IovBuffer>, c_int);

    gss_inquire_names_for_mech(Minor<'_>, InOid<'_>, Out<'_, GivenOidSet>);
    gss_inquire_attrs_for_mech(Minor<'_>, InOid<'_>, Out<'_, GivenOidSet>, Out<'_, GivenOidSet>);
    gss_inquire_saslname_for_mech(Minor<'_>, InOid<'_>, OutBuffer<'_>, OutBuffer<'_>, OutBuffer<'_>);
    gss_display_status(Minor<'_>, Word, c_int, InOid<'_>, InOut<'_, Word>, OutBuffer<'_>);
    gssspi_mech_invoke(Minor<'_>, InOid<'_>, InOid<'_>, InBuffer<'_>);
}

/// The mechglue of this process; none where it lacks a function that MIT's has had since 1.20.
pub fn find() -> Option<&'static Mechglue> {
    static MECHGLUE: OnceLock<Option<Mechglue>> = OnceLock::new();
    MECHGLUE.get_or_init(Mechglue::load).as_ref()
}

/// The mechglue, for calls that cannot do without.
pub fn mechglue() -> Outcome<&'static Mechglue> {
    find().ok_or_else(|| {
        Fault::internal(
            libc::ENOSYS,
            "MIT's GSS-API library is not loaded or too old",
        )
    })
}

/// Calls with a minor status of its own, so that the caller's holds ours.
pub fn local(call: impl FnOnce(Minor<'_>) -> Word) -> Outcome<Word> {
    let mut minor = 0;
    let major = call(Out::to(&mut minor));
    if crate::abi::major::is_error(major) {
        return Err(Fault { major, minor });
    }
    Ok(major)
}

macro_rules! local_handle {
    ($(#[$doc:meta])* $name:ident, $raw:ident, |$glue:ident, $place:ident| $release:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(AtomicPtr<c_void>);

        impl $name {
            /// Takes over what the mechglue returned; none when it returned none.
            pub fn of(raw: $raw) -> Option<Self> {
                (!raw.is_none()).then(|| Self(AtomicPtr::new(raw.0)))
            }

            /// The handle for a call that `self` outlives.
            pub fn raw(&self) -> $raw {
                $raw(self.0.load(Ordering::Acquire))
            }

            /// A call that may replace the handle or end it.
            pub fn replace<T>(&self, call: impl FnOnce(InOut<'_, $raw>) -> T) -> T {
                let mut raw = self.raw();
                let result = call(InOut::to(&mut raw));
                self.0.store(raw.0, Ordering::Release);
                result
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                let mut raw = self.raw();
                if let (false, Some($glue)) = (raw.is_none(), find()) {
                    let mut minor = 0;
                    let $place = (Out::to(&mut minor), InOut::to(&mut raw));
                    $release;
                }
            }
        }
    };
}

local_handle! {
    /// A name of the mechglue, released when dropped.
    LocalName, RawName, |glue, place| (glue.gss_release_name)(place.0, place.1)
}
local_handle! {
    /// A credential of the mechglue, released when dropped.
    LocalCredential, RawCredential, |glue, place| (glue.gss_release_cred)(place.0, place.1)
}
local_handle! {
    /// A context of the mechglue, deleted when dropped.
    LocalContext, RawContext, |glue, place| (glue.gss_delete_sec_context)(place.0, place.1, OutBuffer::none())
}

/// Runs a call that fills a buffer, and takes the bytes over.
pub fn filled(call: impl FnOnce(Minor<'_>, OutBuffer<'_>) -> Word) -> Outcome<Vec<u8>> {
    let mut buffer = Buffer::EMPTY;
    let outcome = local(|minor| call(minor, OutBuffer::to(&mut buffer)));
    let bytes = buffer.into_bytes();
    outcome.map(|_| bytes)
}

/// A library of the running process.
pub struct Library(*mut c_void);

impl Library {
    /// The library of this name that the process has loaded, wherever it was loaded from and
    /// however private it is.
    pub fn running(name: &CStr) -> Option<Self> {
        // SAFETY: the name is a C string; RTLD_NOLOAD runs nobody's initializers.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_NOLOAD) };
        if handle.is_null() {
            // Linked in statically, or under another name: the program's own symbols may have it.
            return Some(Self(libc::RTLD_DEFAULT));
        }
        Some(Self(handle))
    }

    /// The address of a symbol.
    pub fn symbol(&self, name: &CStr) -> Option<*mut c_void> {
        // SAFETY: the handle is dlopen's and never closed, the name is a C string.
        let address = unsafe { libc::dlsym(self.0, name.as_ptr()) };
        (!address.is_null()).then_some(address)
    }
}
