//! What do the MAIL FROM parameters ask for?
