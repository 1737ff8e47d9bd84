//! What does a decision case say, and what did core decide?
