//! The section `[gateway.rates]`: how often one client may come, and fail.
