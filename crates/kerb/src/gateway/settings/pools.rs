//! The sections `[[gateway.pool]]`: back ends, and how requests are spread over them.
