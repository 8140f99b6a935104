//! `gssproxy.conf` and its services, and which of them a caller meets.
