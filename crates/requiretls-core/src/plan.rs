//! Which hosts may be tried, and what must each of them prove?
