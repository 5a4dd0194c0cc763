//! End-to-end tests of Podgate against real servers.
