//! The list of tokens.

use super::{Described, Token, Values};

/// Every token, in the order in which they stand in a line.
pub const TOKENS: [Described; 28] = [
    Described {
        token: Token::Connection,
        name: "connection",
        meaning: "Which connection of a mail server it was that hands mail over",
        values: Values::Text("a number, counted from the start of the program"),
        when: "`requiretls lmtp`, when it ends",
    },
    Described {
        token: Token::Message,
        name: "message",
        meaning: "Which message it was: the connection, and which one on it",
        values: Values::Text("two numbers with a dot between them"),
        when: "`requiretls lmtp`, for each next hop and for each recipient",
    },
    Described {
        token: Token::Listener,
        name: "listener",
        meaning: "Where the mail server came in",
        values: Values::Text("`pipe`, `unix:/path` or an address with a port"),
        when: "`requiretls lmtp`, when a connection ends",
    },
    Described {
        token: Token::From,
        name: "from",
        meaning: "The return path",
        values: Values::Text("an address in angle brackets"),
        when: "`requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::To,
        name: "to",
        meaning: "The recipient",
        values: Values::Text("an address in angle brackets"),
        when: "`requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::Octets,
        name: "octets",
        meaning: "The size of the message as it came",
        values: Values::Text("a number"),
        when: "`requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::Messages,
        name: "messages",
        meaning: "How many messages came whole on the connection",
        values: Values::Text("a number"),
        when: "`requiretls lmtp`, when a connection ends",
    },
    Described {
        token: Token::Ended,
        name: "ended",
        meaning: "How the connection ended: `closed`, as it should; `drained`, because the program is to end; `lost`, the client is gone; `timed_out`, it said nothing for too long",
        values: Values::Word(&["closed", "drained", "lost", "timed_out"]),
        when: "`requiretls lmtp`, when a connection ends",
    },
    Described {
        token: Token::Action,
        name: "action",
        meaning: "What is to be done with the message, or with this host",
        values: Values::Word(&["defer", "go", "next_host", "bounce"]),
        when: "every line of a decision but `case`",
    },
    Described {
        token: Token::NextHop,
        name: "next_hop",
        meaning: "The next hop as routed",
        values: Values::Text("a domain, an address literal or `unix:/path`"),
        when: "every line of a plan that could be made",
    },
    Described {
        token: Token::Host,
        name: "host",
        meaning: "The host that gets the message",
        values: Values::Text("a name, an address literal or `unix:/path`"),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Mx,
        name: "mx",
        meaning: "How the host was found, and what DNSSEC says of the MX records (P2a); `none`: \
                  there is no MX record, and the domain is the host",
        values: Values::Word(&[
            "secure",
            "insecure",
            "unknown",
            "none",
            "configured",
            "literal",
        ]),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Level,
        name: "level",
        meaning: "The TLS level that was in force",
        values: Values::Word(&["may", "encrypt", "secure"]),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Floor,
        name: "floor",
        meaning: "The site's floor for this next hop",
        values: Values::Word(&["encrypt", "secure"]),
        when: "where the site has one above may",
    },
    Described {
        token: Token::Row,
        name: "row",
        meaning: "The row of the failure table (P6) that decided",
        values: Values::Word(&[
            "1", "2", "3", "4", "5", "5a", "6", "6a", "7", "8", "8a", "9", "10", "11a", "11b",
            "12", "12a", "13", "14", "15", "16",
        ]),
        when: "a host or next hop was refused",
    },
    Described {
        token: Token::Who,
        name: "who",
        meaning: "Who imposed the level, or the refusal",
        values: Values::Word(&["nobody", "recipient", "sender", "site"]),
        when: "where the gate before MAIL FROM was open, and refusals",
    },
    Described {
        token: Token::Hop,
        name: "hop",
        meaning: "How strictly the site has tags passed on to this next hop (P12)",
        values: Values::Word(&[
            "enforce",
            "encrypt",
            "opportunistic",
            "off",
            "local",
            "local-carry",
        ]),
        when: "the tag requires something",
    },
    Described {
        token: Token::Rule,
        name: "rule",
        meaning: "The key of the site's rule that holds for this next hop",
        values: Values::Text("`example.com`, `.example.com`, `*`, a literal or `unix:/path`"),
        when: "where there is such a rule",
    },
    Described {
        token: Token::Tag,
        name: "tag",
        meaning: "What the sender asked",
        values: Values::Text(
            "`none`, `H`, `LM`, `LE`, `LS`, `R`, `F0`, `FC`, `FD`, `FCD`, the last four also with \
             `+DNSSEC` behind them, or a merged tag as it is kept",
        ),
        when: "every line of a plan that could be made",
    },
    Described {
        token: Token::Tls,
        name: "tls",
        meaning: "What was negotiated; `weak`: less than TLS 1.2, or a cipher that does not \
                  encrypt; `none`: the message goes in clear text",
        values: Values::Word(&["1.3", "1.2", "weak", "none"]),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Auth,
        name: "auth",
        meaning: "The methods that authenticate the peer on this connection, whether or not they \
                  were asked for: a TLSA record, a trusted certificate for the host, one for the \
                  next hop's domain, one for the site's own names, the site's pinned key",
        values: Values::Words(&[
            "dane",
            "pkix",
            "pkix-domain",
            "site-pkix",
            "site-pin",
            "none",
        ]),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Unmet,
        name: "unmet",
        meaning: "What the tag asks by itself and this hop lacks; empty: under hop mode enforce \
                  the message would have gone as well. `mx`: nothing vouches for the way to the \
                  host; `starttls`: no TLS; `cert`: the peer is not authenticated; \
                  `norequiretls`: REQUIRETLS is not offered; `downcast`: the parameter says less \
                  than was asked; `refused`: the peer refused the parameter",
        values: Values::Words(&[
            "mx",
            "starttls",
            "cert",
            "norequiretls",
            "downcast",
            "refused",
        ]),
        when: "where the gate before MAIL FROM was open, and the hop mode or an empty return path asks less \
               than a requiring tag does",
    },
    Described {
        token: Token::Sent,
        name: "sent",
        meaning: "The MAIL FROM parameter that is sent, else `RET=HDRS` where the server is to \
                  send that",
        values: Values::Text(
            "`REQUIRETLS`, `REQUIRETLS=CHAIN,DANE` and the like, `TLSPOLICY=SECURE` and the like, \
             `RET=HDRS`, or empty",
        ),
        when: "where the gate before MAIL FROM was open",
    },
    Described {
        token: Token::Lost,
        name: "lost",
        meaning: "What the next hop is not told of the tag (F12, L13). `all`: no parameter is \
                  sent; `level`: that encrypt would do, the peer will ask for secure; `chain`, \
                  `dane`, `dnssec`: these options; `path`: that the MX must be vouched for",
        values: Values::Words(&["all", "level", "chain", "dane", "dnssec", "path"]),
        when: "where the gate before MAIL FROM was open, and there is something",
    },
    Described {
        token: Token::Code,
        name: "code",
        meaning: "The SMTP code, if this were the end",
        values: Values::Text("three digits"),
        when: "every line of a decision but `action=go` and `case`; `requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::Enhanced,
        name: "enhanced",
        meaning: "The enhanced status code",
        values: Values::Text("as in RFC 3463"),
        when: "every line of a decision but `action=go` and `case`; `requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::Reason,
        name: "reason",
        meaning: "Host, cause, and who imposed it",
        values: Values::Text("a sentence in quotes"),
        when: "every line of a decision but `action=go` and `case`; `requiretls lmtp`, for each recipient",
    },
    Described {
        token: Token::Case,
        name: "case",
        meaning: "The decision as a case for `requiretls explain`, which decides the same",
        values: Values::Text("a JSON object"),
        when: "alone in a line of level debug, behind the line of each verdict and of each \
               message that goes",
    },
];
