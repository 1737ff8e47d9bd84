//! How much memory does a message take, and a connection?
