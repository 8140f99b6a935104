//! The derive macro of `kerbstone-xdr`: a wire type is declared once, as a Rust type.
