//! The types of program 400112, version 1.
