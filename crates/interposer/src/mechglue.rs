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

type Minor = Out<Word>;

mechglue! {
    gss_import_name(Minor, InBuffer<'_>, InOid<'_>, InOut<RawName>);
    gss_release_name(Minor, InOut<RawName>);
    gss_duplicate_name(Minor, RawName, InOut<RawName>);
    gss_canonicalize_name(Minor, RawName, InOid<'_>, Out<RawName>);
    gss_display_name(Minor, RawName, OutBuffer, Out<StaticOid>);
    gss_display_name_ext(Minor, RawName, InOid<'_>, OutBuffer);
    gss_export_name(Minor, RawName, OutBuffer);
    gss_export_name_composite(Minor, RawName, OutBuffer);
    gss_compare_name(Minor, RawName, RawName, Out<c_int>);
    gss_inquire_name(Minor, RawName, Out<c_int>, Out<StaticOid>, Out<GivenBufferSet>);
    gss_get_name_attribute(Minor, RawName, InBuffer<'_>, Out<c_int>, Out<c_int>, OutBuffer, OutBuffer, InOut<c_int>);
    gss_set_name_attribute(Minor, RawName, c_int, InBuffer<'_>, InBuffer<'_>);
    gss_delete_name_attribute(Minor, RawName, InBuffer<'_>);
    gss_map_name_to_any(Minor, RawName, c_int, InBuffer<'_>, Out<*mut c_void>);
    gss_release_any_name_mapping(Minor, RawName, InBuffer<'_>, InOut<*mut c_void>);
    gss_localname(Minor, RawName, InOid<'_>, OutBuffer);
    gss_authorize_localname(Minor, RawName, RawName);

    gss_acquire_cred_from(
        Minor, RawName, Word, InOidSet<'_>, Usage, InStore<'_>, InOut<RawCredential>, Out<GivenOidSet>, Out<Word>
    );
    gss_acquire_cred_with_password(
        Minor, RawName, InBuffer<'_>, Word, InOidSet<'_>, Usage, InOut<RawCredential>, Out<GivenOidSet>, Out<Word>
    );
    gss_acquire_cred_impersonate_name(
        Minor, RawCredential, RawName, Word, InOidSet<'_>, Usage, InOut<RawCredential>, Out<GivenOidSet>, Out<Word>
    );
    gss_release_cred(Minor, InOut<RawCredential>);
    gss_inquire_cred(Minor, RawCredential, InOut<RawName>, Out<Word>, Out<Usage>, Out<GivenOidSet>);
    gss_inquire_cred_by_mech(
        Minor, RawCredential, InOid<'_>, InOut<RawName>, Out<Word>, Out<Word>, Out<Usage>
    );
    gss_inquire_cred_by_oid(Minor, RawCredential, InOid<'_>, Out<GivenBufferSet>);
    gss_set_cred_option(Minor, InOut<RawCredential>, InOid<'_>, InBuffer<'_>);
    gss_store_cred_into(
        Minor, RawCredential, Usage, InOid<'_>, Word, Word, InStore<'_>, Out<GivenOidSet>, Out<Usage>
    );
    gss_export_cred(Minor, RawCredential, OutBuffer);
    gss_import_cred(Minor, InBuffer<'_>, InOut<RawCredential>);

    gss_init_sec_context(
        Minor, RawCredential, InOut<RawContext>, RawName, InOid<'_>, Word, Word, InBindings<'_>, InBuffer<'_>,
        Out<StaticOid>, OutBuffer, Out<Word>, Out<Word>
    );
    gss_accept_sec_context(
        Minor, InOut<RawContext>, RawCredential, InBuffer<'_>, InBindings<'_>, InOut<RawName>, Out<StaticOid>,
        OutBuffer, Out<Word>, Out<Word>, InOut<RawCredential>
    );
    gss_delete_sec_context(Minor, InOut<RawContext>, OutBuffer);
    gss_export_sec_context(Minor, InOut<RawContext>, OutBuffer);
    gss_import_sec_context(Minor, InBuffer<'_>, InOut<RawContext>);
    gss_process_context_token(Minor, RawContext, InBuffer<'_>);
    gss_context_time(Minor, RawContext, Out<Word>);
    gss_inquire_context(
        Minor, RawContext, InOut<RawName>, InOut<RawName>, Out<Word>, Out<StaticOid>, Out<Word>, Out<c_int>, Out<c_int>
    );
    gss_inquire_sec_context_by_oid(Minor, RawContext, InOid<'_>, Out<GivenBufferSet>);
    gss_set_sec_context_option(Minor, InOut<RawContext>, InOid<'_>, InBuffer<'_>);
    gss_pseudo_random(Minor, RawContext, c_int, InBuffer<'_>, isize, OutBuffer);

    gss_wrap(Minor, RawContext, c_int, Word, InBuffer<'_>, Out<c_int>, OutBuffer);
    gss_wrap_size_limit(Minor, RawContext, c_int, Word, Word, Out<Word>);
    gss_wrap_iov(Minor, RawContext, c_int, Word, Out<c_int>, InOut<IovBuffer>, c_int);
    gss_wrap_iov_length(Minor, RawContext, c_int, Word, Out<c_int>, InOut<IovBuffer>, c_int);
    gss_wrap_aead(Minor, RawContext, c_int, Word, InBuffer<'_>, InBuffer<'_>, Out<c_int>, OutBuffer);
    gss_unwrap(Minor, RawContext, InBuffer<'_>, OutBuffer, Out<c_int>, Out<Word>);
    gss_unwrap_iov(Minor, RawContext, Out<c_int>, Out<Word>, InOut<IovBuffer>, c_int);
    gss_unwrap_aead(Minor, RawContext, InBuffer<'_>, InBuffer<'_>, OutBuffer, Out<c_int>, Out<Word>);
    gss_get_mic(Minor, RawContext, Word, InBuffer<'_>, OutBuffer);
    gss_get_mic_iov(Minor, RawContext, Word, InOut<IovBuffer>, c_int);
    gss_get_mic_iov_length(Minor, RawContext, Word, InOut<IovBuffer>, c_int);
    gss_verify_mic(Minor, RawContext, InBuffer<'_>, InBuffer<'_>, Out<Word>);
    gss_verify_mic_iov(Minor, RawContext, Out<Word>, InOut<IovBuffer>, c_int);

    gss_inquire_names_for_mech(Minor, InOid<'_>, Out<GivenOidSet>);
    gss_inquire_attrs_for_mech(Minor, InOid<'_>, Out<GivenOidSet>, Out<GivenOidSet>);
    gss_inquire_saslname_for_mech(Minor, InOid<'_>, OutBuffer, OutBuffer, OutBuffer);
    gss_display_status(Minor, Word, c_int, InOid<'_>, InOut<Word>, OutBuffer);
    gssspi_mech_invoke(Minor, InOid<'_>, InOid<'_>, InBuffer<'_>);
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
pub fn local(call: impl FnOnce(Minor) -> Word) -> Outcome<Word> {
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
            pub fn replace<T>(&self, call: impl FnOnce(InOut<$raw>) -> T) -> T {
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
pub fn filled(call: impl FnOnce(Minor, OutBuffer) -> Word) -> Outcome<Vec<u8>> {
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
