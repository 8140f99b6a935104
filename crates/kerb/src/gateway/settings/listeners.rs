//! The sections `[[gateway.listener]]`: where the gateway is reached, and with which TLS.
