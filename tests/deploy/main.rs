//! Tests of everything that a user installs: packages, images and manifests. They build releases, and download
//! Debian packages and cargo tools, so only `make test-deploy` runs them.

mod packages;
