//! Messages in established contexts: always the work of this process, whoever established them.

use std::ffi::c_int;

use super::{enter, given};
use crate::abi::{GivenBufferSet, Handle, InBuffer, InOid, InOut, IovBuffer, Out, OutBuffer, Word};
use crate::context::Context;
use crate::mechglue::{local, mechglue};

macro_rules! in_this_process {
    ($($(#[$doc:meta])* $entry:ident => $function:ident($($argument:ident: $type:ty),*);)*) => {$(
        $(#[$doc])*
        #[unsafe(no_mangle)]
        pub extern "C" fn $entry(minor: Out<'_, Word>, context: Handle<'_, Context>, $($argument: $type),*) -> Word {
            enter(minor, || {
                let context = given(context)?.local()?;
                let glue = mechglue()?;
                local(|minor| (glue.$function)(minor, context.raw(), $($argument),*))
            })
        }
    )*};
}

in_this_process! {
    /// Seals a message.
    gssi_wrap => gss_wrap(
        conf: c_int, qop: Word, message: InBuffer<'_>, is_conf: Out<'_, c_int>, token: OutBuffer<'_>
    );
    /// How long a message may be for its token to fit.
    gssi_wrap_size_limit => gss_wrap_size_limit(conf: c_int, qop: Word, size: Word, limit: Out<'_, Word>);
    /// Seals a message that lies in pieces.
    gssi_wrap_iov => gss_wrap_iov(
        conf: c_int, qop: Word, is_conf: Out<'_, c_int>, pieces: InOut<'_, IovBuffer>, count: c_int
    );
    /// How long the pieces around a message will be.
    gssi_wrap_iov_length => gss_wrap_iov_length(
        conf: c_int, qop: Word, is_conf: Out<'_, c_int>, pieces: InOut<'_, IovBuffer>, count: c_int
    );
    /// Seals a message together with something that stays readable.
    gssi_wrap_aead => gss_wrap_aead(
        conf: c_int, qop: Word, beside: InBuffer<'_>, message: InBuffer<'_>, is_conf: Out<'_, c_int>, token: OutBuffer<'_>
    );
    /// Opens a sealed message.
    gssi_unwrap => gss_unwrap(token: InBuffer<'_>, message: OutBuffer<'_>, is_conf: Out<'_, c_int>, qop: Out<'_, Word>);
    /// Opens a sealed message that lies in pieces.
    gssi_unwrap_iov => gss_unwrap_iov(
        is_conf: Out<'_, c_int>, qop: Out<'_, Word>, pieces: InOut<'_, IovBuffer>, count: c_int
    );
    /// Opens a message that was sealed together with something readable.
    gssi_unwrap_aead => gss_unwrap_aead(
        token: InBuffer<'_>, beside: InBuffer<'_>, message: OutBuffer<'_>, is_conf: Out<'_, c_int>, qop: Out<'_, Word>
    );
    /// Signs a message.
    gssi_get_mic => gss_get_mic(qop: Word, message: InBuffer<'_>, token: OutBuffer<'_>);
    /// Signs a message that lies in pieces.
    gssi_get_mic_iov => gss_get_mic_iov(qop: Word, pieces: InOut<'_, IovBuffer>, count: c_int);
    /// How long the signature will be.
    gssi_get_mic_iov_length => gss_get_mic_iov_length(qop: Word, pieces: InOut<'_, IovBuffer>, count: c_int);
    /// Checks a signature.
    gssi_verify_mic => gss_verify_mic(message: InBuffer<'_>, token: InBuffer<'_>, qop: Out<'_, Word>);
    /// Checks the signature of a message that lies in pieces.
    gssi_verify_mic_iov => gss_verify_mic_iov(qop: Out<'_, Word>, pieces: InOut<'_, IovBuffer>, count: c_int);
    /// Makes bytes that both ends can make (RFC 4401).
    gssi_pseudo_random => gss_pseudo_random(key: c_int, input: InBuffer<'_>, length: isize, output: OutBuffer<'_>);
    /// Takes a token that came besides messages.
    gssi_process_context_token => gss_process_context_token(token: InBuffer<'_>);
    /// What only this mechanism's contexts can tell: session keys, ticket flags, authorization data.
    gssi_inquire_sec_context_by_oid => gss_inquire_sec_context_by_oid(object: InOid<'_>, data: Out<'_, GivenBufferSet>);
}
