//! GSS-API's types as C lays them out, and the pointers that the mechglue hands us.
//!
//! The pointer types ([`Out`], [`InOut`], [`InBuffer`], [`Handle`] and their kin) have one
//! invariant, on which every `unsafe` block of this module rests: a value of them is null, or came
//! from C as the argument of an entry point (or was made here from a reference), and then points to
//! what RFC 2744 says the argument points to, for as long as the call lasts. No safe function
//! makes one from an arbitrary address, so their methods are safe to call.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::mem::{align_of, size_of};
use std::ptr;
use std::slice;

/// `OM_uint32`.
pub type Word = u32;

/// `gss_buffer_desc`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    length: usize,
    value: *mut c_void,
}

/// `gss_OID_desc`: the content octets of an object identifier, without tag and length.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OidDesc {
    length: Word,
    elements: *mut c_void,
}

/// `gss_OID_set_desc`.
#[repr(C)]
#[derive(Debug)]
pub struct OidSetDesc {
    count: usize,
    elements: *mut OidDesc,
}

/// `gss_buffer_set_desc`.
#[repr(C)]
#[derive(Debug)]
pub struct BufferSetDesc {
    count: usize,
    elements: *mut Buffer,
}

/// `struct gss_channel_bindings_struct`.
#[repr(C)]
#[derive(Debug)]
pub struct ChannelBindingsDesc {
    initiator_addrtype: Word,
    initiator_address: Buffer,
    acceptor_addrtype: Word,
    acceptor_address: Buffer,
    application_data: Buffer,
}

/// `gss_iov_buffer_desc`; only handed on, never read here.
#[repr(C)]
#[derive(Debug)]
pub struct IovBuffer {
    kind: Word,
    buffer: Buffer,
}

/// `gss_key_value_element_desc`.
#[repr(C)]
#[derive(Debug)]
pub struct KeyValue {
    key: *const c_char,
    value: *const c_char,
}

/// `gss_key_value_set_desc`.
#[repr(C)]
#[derive(Debug)]
pub struct KeyValueSet {
    count: Word,
    elements: *mut KeyValue,
}

/// What [`crate::credential::Credential`] is told by `GSS_KRB5_SET_ALLOWABLE_ENCTYPES`.
#[repr(C)]
#[derive(Debug)]
pub struct AllowableEnctypes {
    count: Word,
    enctypes: *const i32,
}

#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<Buffer>() == 16);
    assert!(size_of::<OidDesc>() == 16);
    assert!(size_of::<OidSetDesc>() == 16);
    assert!(size_of::<BufferSetDesc>() == 16);
    assert!(size_of::<ChannelBindingsDesc>() == 64);
    assert!(size_of::<IovBuffer>() == 24);
    assert!(size_of::<KeyValue>() == 16);
    assert!(size_of::<KeyValueSet>() == 16);
    assert!(size_of::<AllowableEnctypes>() == 16);
    assert!(align_of::<ChannelBindingsDesc>() == 8);
};
const _: () = assert!(size_of::<OutBuffer>() == size_of::<*mut Buffer>());

/// A place for a result, or null where the caller does not want it.
#[repr(transparent)]
#[derive(Debug)]
pub struct Out<'a, T>(*mut T, PhantomData<&'a mut T>);

impl<T> Clone for Out<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Out<'_, T> {}

impl<'a, T> Out<'a, T> {
    /// Nothing is wanted.
    pub const fn none() -> Self {
        Self(ptr::null_mut(), PhantomData)
    }

    /// A place of ours, for calls back into the mechglue.
    pub fn to(place: &'a mut T) -> Self {
        Self(place, PhantomData)
    }

    /// Whether the caller wants this result.
    pub fn is_wanted(self) -> bool {
        !self.0.is_null()
    }

    /// Writes the result, if it is wanted.
    pub fn put(self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the module's invariant: not null, so a place for a `T` that is ours to write.
            unsafe { self.0.write(value) }
        }
    }
}

/// A place that holds a value before the call and may hold another after it.
#[repr(transparent)]
#[derive(Debug)]
pub struct InOut<'a, T>(*mut T, PhantomData<&'a mut T>);

impl<T> Clone for InOut<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for InOut<'_, T> {}

impl<T> InOut<'_, T> {
    /// Nothing is held and nothing is wanted.
    pub const fn none() -> Self {
        Self(ptr::null_mut(), PhantomData)
    }
}

impl<'a, T: Copy> InOut<'a, T> {
    /// A place of ours, for calls back into the mechglue.
    pub fn to(place: &'a mut T) -> Self {
        Self(place, PhantomData)
    }

    /// What it holds; none where the pointer is null.
    pub fn get(self) -> Option<T> {
        // SAFETY: the module's invariant: not null, so a place that holds a `T`.
        (!self.0.is_null()).then(|| unsafe { self.0.read() })
    }

    /// Replaces what it holds.
    pub fn put(self, value: T) {
        Out(self.0, PhantomData).put(value);
    }
}

/// `gss_buffer_t` that the caller filled.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InBuffer<'a>(*const Buffer, PhantomData<&'a Buffer>);

impl<'a> InBuffer<'a> {
    /// The bytes; none where there is no buffer.
    pub fn bytes(self) -> Option<&'a [u8]> {
        // SAFETY: the module's invariant: not null, so a filled buffer that outlives the call.
        (!self.0.is_null()).then(|| unsafe { bytes(&*self.0) })
    }

    /// A buffer of ours, for calls back into the mechglue.
    pub fn of(buffer: &'a Buffer) -> Self {
        Self(buffer, PhantomData)
    }
}

/// `gss_buffer_t` that is to be filled with memory that the caller frees with `gss_release_buffer`,
/// which is `free`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct OutBuffer<'a>(*mut Buffer, PhantomData<&'a mut Buffer>);

impl<'a> OutBuffer<'a> {
    /// No buffer is wanted.
    pub const fn none() -> Self {
        Self(ptr::null_mut(), PhantomData)
    }

    /// A buffer of ours, for calls back into the mechglue.
    pub fn to(buffer: &'a mut Buffer) -> Self {
        Self(buffer, PhantomData)
    }

    /// Whether the caller wants it.
    pub fn is_wanted(self) -> bool {
        !self.0.is_null()
    }

    /// Fills it with a copy of `content`; without memory, false and an empty buffer.
    pub fn fill(self, content: &[u8]) -> bool {
        let Some(buffer) = Buffer::copy_of(content) else {
            self.clear();
            return false;
        };
        if self.0.is_null() {
            buffer.free();
        } else {
            Out(self.0, PhantomData).put(buffer);
        }
        true
    }

    /// Makes it empty without freeing what it held: it held nothing yet.
    pub fn clear(self) {
        Out(self.0, PhantomData).put(Buffer::EMPTY);
    }
}

impl Buffer {
    /// `GSS_C_EMPTY_BUFFER`.
    pub const EMPTY: Self = Self {
        length: 0,
        value: ptr::null_mut(),
    };

    /// A buffer that shows `content` to a callee that only reads it.
    pub fn showing(content: &[u8]) -> Self {
        Self {
            length: content.len(),
            value: content.as_ptr().cast_mut().cast(),
        }
    }

    /// A copy from `malloc`, with a NUL behind it as C's programs hope for.
    fn copy_of(content: &[u8]) -> Option<Self> {
        let size = content.len().checked_add(1)?;
        // SAFETY: malloc may be asked for any size that is not 0.
        let value = unsafe { libc::malloc(size) }.cast::<u8>();
        if value.is_null() {
            return None;
        }
        // SAFETY: `value` is fresh and has room for `content` and one byte more.
        unsafe {
            ptr::copy_nonoverlapping(content.as_ptr(), value, content.len());
            value.add(content.len()).write(0);
        }
        Some(Self {
            length: content.len(),
            value: value.cast(),
        })
    }

    /// What the mechglue filled, taken over and freed.
    pub fn into_bytes(self) -> Vec<u8> {
        // SAFETY: the mechglue filled it, or it is empty.
        let taken = unsafe { bytes(&self) }.to_vec();
        self.free();
        taken
    }

    fn free(self) {
        // SAFETY: `value` came from malloc (here or in the mechglue) or is null; `self` is gone.
        unsafe { libc::free(self.value) }
    }
}

/// # Safety
/// The buffer is filled as RFC 2744 says.
unsafe fn bytes(buffer: &Buffer) -> &[u8] {
    if buffer.value.is_null() || buffer.length == 0 {
        return &[];
    }
    // SAFETY: not null, and by this function's contract `length` bytes long.
    unsafe { slice::from_raw_parts(buffer.value.cast(), buffer.length) }
}

/// `gss_OID` that the caller filled.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InOid<'a>(*const OidDesc, PhantomData<&'a OidDesc>);

impl<'a> InOid<'a> {
    /// `GSS_C_NO_OID`.
    pub const fn none() -> Self {
        Self(ptr::null(), PhantomData)
    }

    /// A description of ours, for calls back into the mechglue.
    pub fn of(desc: &'a OidDesc) -> Self {
        Self(desc, PhantomData)
    }

    /// The identifier's octets; none for `GSS_C_NO_OID`.
    pub fn octets(self) -> Option<&'a [u8]> {
        // SAFETY: the module's invariant: not null, so a filled description that outlives the call.
        (!self.0.is_null()).then(|| unsafe { (*self.0).octets() })
    }

    /// Whether this is that very description and not one that equals it.
    pub fn is(self, desc: &OidDesc) -> bool {
        ptr::eq(self.0, desc)
    }
}

/// `gss_OID` as a result: it points to what lives until the process ends.
pub type StaticOid = InOid<'static>;

impl OidDesc {
    /// A description of octets that the caller keeps alive.
    pub const fn showing(octets: &[u8]) -> Self {
        Self {
            length: octets.len() as Word,
            elements: octets.as_ptr().cast_mut().cast(),
        }
    }

    /// # Safety
    /// `elements` points to `length` octets, or is null.
    unsafe fn octets<'a>(self) -> &'a [u8] {
        if self.elements.is_null() {
            return &[];
        }
        // SAFETY: not null, and by this function's contract `length` octets long.
        unsafe { slice::from_raw_parts(self.elements.cast(), self.length as usize) }
    }
}

// SAFETY: only the descriptions in `crate::oid`'s table are shared between threads; they are never
// written again and their octets live until the process ends.
unsafe impl Send for OidDesc {}
// SAFETY: as above.
unsafe impl Sync for OidDesc {}

/// `gss_OID_set` that the caller filled.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InOidSet<'a>(*const OidSetDesc, PhantomData<&'a OidSetDesc>);

impl<'a> InOidSet<'a> {
    /// A set of ours, for calls back into the mechglue.
    pub fn of(set: &'a OidSetDesc) -> Self {
        Self(set, PhantomData)
    }

    /// The identifiers; none for `GSS_C_NO_OID_SET`.
    pub fn members(self) -> Option<Vec<&'a [u8]>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the module's invariant: not null, so a filled set that outlives the call.
        let set = unsafe { &*self.0 };
        if set.elements.is_null() {
            return Some(Vec::new());
        }
        // SAFETY: a filled set has `count` descriptions.
        let members = unsafe { slice::from_raw_parts(set.elements, set.count) };
        // SAFETY: and each of them is filled.
        Some(
            members
                .iter()
                .map(|desc| unsafe { desc.octets() })
                .collect(),
        )
    }
}

impl OidSetDesc {
    /// A set of descriptions that the caller keeps alive.
    pub fn showing(members: &mut [OidDesc]) -> Self {
        Self {
            count: members.len(),
            elements: members.as_mut_ptr(),
        }
    }
}

/// `gss_OID_set` as a result: made with `malloc` throughout, as `gss_release_oid_set` frees it.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct GivenOidSet(*mut OidSetDesc);

impl GivenOidSet {
    /// `GSS_C_NO_OID_SET`.
    pub const fn none() -> Self {
        Self(ptr::null_mut())
    }

    /// Whether this is `GSS_C_NO_OID_SET`.
    pub fn is_none(self) -> bool {
        self.0.is_null()
    }

    /// A set with these members; none without memory.
    pub fn of<'m>(members: impl ExactSizeIterator<Item = &'m [u8]>) -> Option<Self> {
        let elements = zeroed_array::<OidDesc>(members.len())?;
        let Some(set) = zeroed_array::<OidSetDesc>(1) else {
            // SAFETY: `elements` came from calloc a few lines up and nobody else has it.
            unsafe { libc::free(elements.cast()) };
            return None;
        };
        // SAFETY: `set` is room for one set, and all-zero bytes are a valid (empty) one.
        let filled = unsafe { &mut *set };
        filled.elements = elements;
        for octets in members {
            let Some(copy) = Buffer::copy_of(octets) else {
                Self(set).free();
                return None;
            };
            // SAFETY: `count` is less than the number of elements that calloc was asked for.
            unsafe {
                elements.add(filled.count).write(OidDesc {
                    length: octets.len() as Word,
                    elements: copy.value,
                });
            }
            filled.count += 1;
        }
        Some(Self(set))
    }

    fn free(self) {
        if self.0.is_null() {
            return;
        }
        // SAFETY: made by `of` or by the mechglue, all of it with malloc; `self` is gone after this.
        unsafe {
            let set = &*self.0;
            for index in 0..set.count {
                libc::free((*set.elements.add(index)).elements);
            }
            libc::free(set.elements.cast());
            libc::free(self.0.cast());
        }
    }
}

/// `gss_buffer_set_t` as a result: made with `malloc` throughout, as `gss_release_buffer_set` frees
/// it.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct GivenBufferSet(*mut BufferSetDesc);

impl GivenBufferSet {
    /// `GSS_C_NO_BUFFER_SET`.
    pub const fn none() -> Self {
        Self(ptr::null_mut())
    }

    /// A set with these members; none without memory.
    pub fn of<'m>(members: impl ExactSizeIterator<Item = &'m [u8]>) -> Option<Self> {
        let elements = zeroed_array::<Buffer>(members.len())?;
        let Some(set) = zeroed_array::<BufferSetDesc>(1) else {
            // SAFETY: `elements` came from calloc a few lines up and nobody else has it.
            unsafe { libc::free(elements.cast()) };
            return None;
        };
        // SAFETY: `set` is room for one set, and all-zero bytes are a valid (empty) one.
        let filled = unsafe { &mut *set };
        filled.elements = elements;
        for content in members {
            let Some(copy) = Buffer::copy_of(content) else {
                Self(set).free();
                return None;
            };
            // SAFETY: `count` is less than the number of elements that calloc was asked for.
            unsafe { elements.add(filled.count).write(copy) };
            filled.count += 1;
        }
        Some(Self(set))
    }

    fn free(self) {
        // SAFETY: made by `of`, all of it with malloc; `self` is gone after this.
        unsafe {
            let set = &*self.0;
            for index in 0..set.count {
                (*set.elements.add(index)).free();
            }
            libc::free(set.elements.cast());
            libc::free(self.0.cast());
        }
    }
}

/// Room for `count` values, all zero; for no values still a pointer that `free` takes.
fn zeroed_array<T>(count: usize) -> Option<*mut T> {
    // SAFETY: calloc checks the product itself and may be asked for anything.
    let array = unsafe { libc::calloc(count.max(1), size_of::<T>()) }.cast::<T>();
    (!array.is_null()).then_some(array)
}

/// `gss_channel_bindings_t`.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InBindings<'a>(
    *const ChannelBindingsDesc,
    PhantomData<&'a ChannelBindingsDesc>,
);

/// What channel bindings say.
#[derive(Clone, Copy, Debug)]
pub struct Bindings<'a> {
    /// The kind of the initiator's address.
    pub initiator_kind: Word,
    /// The initiator's address.
    pub initiator: &'a [u8],
    /// The kind of the acceptor's address.
    pub acceptor_kind: Word,
    /// The acceptor's address.
    pub acceptor: &'a [u8],
    /// What the application binds the context to.
    pub application: &'a [u8],
}

impl<'a> InBindings<'a> {
    /// What they say; none for `GSS_C_NO_CHANNEL_BINDINGS`.
    pub fn get(self) -> Option<Bindings<'a>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the module's invariant: not null, so filled bindings that outlive the call.
        let desc = unsafe { &*self.0 };
        // SAFETY: filled bindings have three filled buffers.
        let [initiator, acceptor, application] = [
            unsafe { bytes(&desc.initiator_address) },
            // SAFETY: as above.
            unsafe { bytes(&desc.acceptor_address) },
            // SAFETY: as above.
            unsafe { bytes(&desc.application_data) },
        ];
        Some(Bindings {
            initiator_kind: desc.initiator_addrtype,
            initiator,
            acceptor_kind: desc.acceptor_addrtype,
            acceptor,
            application,
        })
    }
}

/// `gss_const_key_value_set_t`: a credential store.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InStore<'a>(*const KeyValueSet, PhantomData<&'a KeyValueSet>);

impl<'a> InStore<'a> {
    /// `GSS_C_NO_CRED_STORE`.
    pub const fn none() -> Self {
        Self(ptr::null(), PhantomData)
    }

    /// The value of the first element with that key.
    pub fn value(self, key: &str) -> Option<&'a CStr> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the module's invariant: not null, so a filled set that outlives the call.
        let set = unsafe { &*self.0 };
        if set.elements.is_null() {
            return None;
        }
        // SAFETY: a filled set has `count` elements.
        let elements = unsafe { slice::from_raw_parts(set.elements, set.count as usize) };
        elements
            .iter()
            .filter(|element| !element.key.is_null() && !element.value.is_null())
            // SAFETY: keys are C strings that outlive the call.
            .find(|element| unsafe { CStr::from_ptr(element.key) }.to_bytes() == key.as_bytes())
            // SAFETY: and so are values.
            .map(|element| unsafe { CStr::from_ptr(element.value) })
    }
}

impl InBuffer<'_> {
    /// The enctypes of a value of `GSS_KRB5_SET_ALLOWABLE_ENCTYPES`; none when it is none.
    pub fn allowable_enctypes(self) -> Option<Vec<i32>> {
        let content = self.bytes()?;
        if content.len() != size_of::<AllowableEnctypes>() {
            return None;
        }
        // SAFETY: as long as the structure, which may lie unaligned; any bits are a valid one.
        let said = unsafe { ptr::read_unaligned(content.as_ptr().cast::<AllowableEnctypes>()) };
        if said.enctypes.is_null() {
            return (said.count == 0).then(Vec::new);
        }
        // SAFETY: the option's contract: `count` enctypes, which the caller keeps alive.
        Some(unsafe { slice::from_raw_parts(said.enctypes, said.count as usize) }.to_vec())
    }
}

/// The value of `GSS_KRB5_COPY_CCACHE`: a `krb5_ccache`, or null. From C alone, and good for the call.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct InCcache<'a>(*mut c_void, PhantomData<&'a c_void>);

impl InCcache<'_> {
    /// The pointer, for calls of Kerberos' library.
    pub fn pointer(self) -> *mut c_void {
        self.0
    }
}

impl<'a> InBuffer<'a> {
    /// The cache that a value of `GSS_KRB5_COPY_CCACHE` is; none when it is none.
    pub fn ccache(self) -> Option<InCcache<'a>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the module's invariant: not null, so a filled buffer that outlives the call.
        let Buffer { length, value } = unsafe { *self.0 };
        // The pointer stands in the buffer's place for one, and its size in that for a length.
        let is_one = length == size_of::<*mut c_void>() && !value.is_null();
        is_one.then_some(InCcache(value, PhantomData))
    }
}

/// A handle of ours (name, credential, context) that comes back to us, or null.
#[repr(transparent)]
#[derive(Debug)]
pub struct Handle<'a, T>(*mut T, PhantomData<&'a T>);

impl<T> Clone for Handle<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Handle<'_, T> {}

impl<'a, T> Handle<'a, T> {
    /// What stands behind it.
    pub fn get(self) -> Option<&'a T> {
        // SAFETY: the module's invariant: not null, so what `Slot::put` gave away and nobody released;
        // handles are only ever shared, what changes in them stands behind locks.
        unsafe { self.0.as_ref() }
    }
}

/// A place for a handle of ours: `gss_name_t *`, `gss_cred_id_t *`, `gss_ctx_id_t *`.
#[repr(transparent)]
#[derive(Debug)]
pub struct Slot<'a, T>(*mut *mut T, PhantomData<&'a mut T>);

impl<T> Clone for Slot<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Slot<'_, T> {}

impl<'a, T> Slot<'a, T> {
    /// Whether there is a place.
    pub fn is_wanted(self) -> bool {
        !self.0.is_null()
    }

    /// What stands behind the handle in it.
    pub fn get(self) -> Option<&'a T> {
        let handle = InOut(self.0, PhantomData).get()?;
        // SAFETY: as in `Handle::get`.
        unsafe { handle.as_ref() }
    }

    /// Takes the handle out and leaves null.
    pub fn take(self) -> Option<Box<T>> {
        let handle = InOut(self.0, PhantomData).get()?;
        Out(self.0, PhantomData).put(ptr::null_mut());
        // SAFETY: not null, so `put` made it of a box, and the caller gives it back.
        (!handle.is_null()).then(|| unsafe { Box::from_raw(handle) })
    }

    /// Gives a handle away; where no place is, what stands behind it ends here.
    pub fn put(self, value: Box<T>) {
        if self.is_wanted() {
            Out(self.0, PhantomData).put(Box::into_raw(value));
        }
    }

    /// Leaves null, whatever stood there.
    pub fn clear(self) {
        Out(self.0, PhantomData).put(ptr::null_mut());
    }
}

/// `gss_cred_usage_t`.
pub type Usage = c_int;
/// `GSS_C_BOTH`.
pub const USAGE_BOTH: Usage = 0;
/// `GSS_C_INITIATE`.
pub const USAGE_INITIATE: Usage = 1;
/// `GSS_C_ACCEPT`.
pub const USAGE_ACCEPT: Usage = 2;

/// `GSS_C_INDEFINITE`.
pub const INDEFINITE: Word = u32::MAX;
/// `GSS_C_MECH_CODE`.
pub const MECH_CODE: c_int = 2;

/// Major status codes (RFC 2744 5.1, MIT's gssapi.h).
pub mod major {
    use super::Word;

    /// `GSS_S_COMPLETE`.
    pub const COMPLETE: Word = 0;
    /// `GSS_S_CONTINUE_NEEDED`.
    pub const CONTINUE_NEEDED: Word = 1;
    /// `GSS_S_CALL_INACCESSIBLE_READ`.
    pub const INACCESSIBLE_READ: Word = 1 << 24;
    /// `GSS_S_CALL_INACCESSIBLE_WRITE`.
    pub const INACCESSIBLE_WRITE: Word = 2 << 24;
    /// `GSS_S_BAD_MECH`.
    pub const BAD_MECH: Word = 1 << 16;
    /// `GSS_S_BAD_NAME`.
    pub const BAD_NAME: Word = 2 << 16;
    /// `GSS_S_BAD_STATUS`.
    pub const BAD_STATUS: Word = 5 << 16;
    /// `GSS_S_NO_CRED`.
    pub const NO_CRED: Word = 7 << 16;
    /// `GSS_S_NO_CONTEXT`.
    pub const NO_CONTEXT: Word = 8 << 16;
    /// `GSS_S_DEFECTIVE_TOKEN`.
    pub const DEFECTIVE_TOKEN: Word = 9 << 16;
    /// `GSS_S_DEFECTIVE_CREDENTIAL`.
    pub const DEFECTIVE_CREDENTIAL: Word = 10 << 16;
    /// `GSS_S_CONTEXT_EXPIRED`.
    pub const CONTEXT_EXPIRED: Word = 12 << 16;
    /// `GSS_S_FAILURE`.
    pub const FAILURE: Word = 13 << 16;
    /// `GSS_S_UNAVAILABLE`.
    pub const UNAVAILABLE: Word = 16 << 16;

    /// `GSS_ERROR`: calling and routine errors, not supplementary information.
    pub const fn is_error(status: Word) -> bool {
        status & 0xffff_0000 != 0
    }
}
