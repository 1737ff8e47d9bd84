//! What does the peer offer, and what do we?
