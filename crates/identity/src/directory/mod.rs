//! The store of what the service knows, and the one copy of it in memory that answers questions.
