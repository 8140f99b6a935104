//! XDR (RFC 4506), and ONC RPC's records and headers (RFC 5531), as values.
