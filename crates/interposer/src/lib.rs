//! The plugin of MIT's mechglue that sends GSS calls to a proxy, in place of `proxymech.so`.
