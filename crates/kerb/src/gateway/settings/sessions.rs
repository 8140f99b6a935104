//! The section `[gateway.sessions]`: the cookie that stands for a proof, and its keys.
