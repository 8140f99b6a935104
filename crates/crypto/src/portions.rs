//! Messages that do not lie in one piece.

use zeroize::Zeroizing;

/// A piece of a message between its header and its trailer.
#[derive(Debug)]
pub enum Portion<'a> {
    /// To be encrypted or decrypted where it lies.
    Encrypted(&'a mut [u8]),
    /// Protected against changes in its place among the others, and left as it is.
    SignOnly(&'a [u8]),
}

/// The header and what is encrypted after it, in one piece.
pub(crate) fn gather(header: &[u8], portions: &[Portion<'_>]) -> Zeroizing<Vec<u8>> {
    let length = portions.iter().fold(header.len(), |sum, portion| {
        sum.saturating_add(match portion {
            Portion::Encrypted(bytes) => bytes.len(),
            Portion::SignOnly(_) => 0,
        })
    });
    let mut body = Zeroizing::new(Vec::with_capacity(length));
    body.extend_from_slice(header);
    for portion in portions {
        if let Portion::Encrypted(bytes) = portion {
            body.extend_from_slice(bytes);
        }
    }
    body
}

/// Puts everything back to where it came from.
pub(crate) fn scatter(body: &[u8], header: &mut [u8], portions: &mut [Portion<'_>]) {
    let (own, mut rest) = body.split_at(header.len());
    header.copy_from_slice(own);
    for portion in portions {
        if let Portion::Encrypted(bytes) = portion {
            let (own, behind) = rest.split_at(bytes.len());
            bytes.copy_from_slice(own);
            rest = behind;
        }
    }
}
