//! Our identity service, and those who ask Keystone: the openstack command, keystoneauth's plugins, keystonemiddleware.

mod administration;
mod delegation;
mod middleware;
mod moving;
mod plugins;
mod service;
