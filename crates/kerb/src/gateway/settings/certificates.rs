//! What is known of clients' certificates: who issued them, and whom they stand for.
