//! Does this connection satisfy everybody, and if not, who refuses and may it heal?
