//! truth
