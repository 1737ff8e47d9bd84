//! What has an open connection proved?
