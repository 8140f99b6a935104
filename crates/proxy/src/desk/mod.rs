//! The credentials of the services: keys, caches and sealed handles, kept until they change.
