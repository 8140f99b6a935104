//! What each procedure does.
