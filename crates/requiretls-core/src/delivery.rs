//! Over all hosts tried, what becomes of the message?
