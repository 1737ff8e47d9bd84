//! Which cells do the tables have?
//!
//! Every string is a list of axes, `name=word,word`. A cell is the product of the axes of its
//! table, its column and its row; a later word for an axis replaces an earlier one.

/// One table of the statements, or a part of it.
pub(crate) struct Table {
    /// The table's name, and what this part of it shows.
    pub(crate) title: &'static str,
    /// What holds in every cell.
    pub(crate) base: &'static str,
    /// What each row says, and its axes.
    pub(crate) rows: &'static [(&'static str, &'static str)],
    /// What each column says, and its axes.
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

/// The methods that a connection may prove, for P3 and P4a.
macro_rules! proofs {
    ($more:literal) => {
        concat!($more, " auth=-,dane,pkix_host,pkix_nh,dane+pkix_host")
    };
}

const P3_ROWS: &[(&str, &str)] = &[
    ("0", "D=0 M=S,N,N.insec,N.unk,C,I,V"),
    ("U, M = S N C", "D=U M=S,N,N.insec,N.unk,C"),
    ("U, M = I", "D=U M=I"),
    ("X", "D=X M=S,N,N.insec,N.unk,C,I"),
    ("E", "D=E M=S,N,N.insec,N.unk,C,I"),
    ("P2b: D is 0 at V", "D=U,X,E M=V"),
    ("P2b, P2c: D and T are 0 at A", "D=0,U,X,E M=A"),
];
const P3_COLUMNS: &[(&str, &str)] = &[
    ("T=0,?", "T=0,?"),
    ("T=t", "T=t+,t-"),
    ("T=e+", "T=e+"),
    ("T=e-", "T=e-"),
];
const ANY_T: &[(&str, &str)] = &[("any T", "T=0,?,t+,t-,e+,e-")];

const P4_COLUMNS: &[(&str, &str)] = &[
    (
        "demand",
        "M=S D=0 starttls=no,yes tls=1.1,1.2,1.3 auth=-,all",
    ),
    (
        "accepted",
        "M=S,N,N.insec,N.unk,C,I,V,A D=0,U,X,E auth=-,dane,pkix_host,pkix_nh peer_dialect=draft",
    ),
    (
        "CNAME",
        "M=S D=U cname=no,sec,insec,unk auth=all peer_dialect=draft",
    ),
    ("sends", "M=S D=U auth=all offers=-,REQUIRETLS,TLSPOLICY"),
    (
        "sends, draft",
        "M=S D=U auth=all offers=REQUIRETLS peer_dialect=draft",
    ),
    ("in clear", "M=S D=0 starttls=no"),
];

const P4_WEAKER_COLUMNS: &[(&str, &str)] = &[
    ("demand", "M=S D=0 starttls=no,yes tls=1.1,1.2,1.3 auth=-"),
    (
        "accepted",
        "M=S,I,A D=0,U auth=-,dane,pkix_host peer_dialect=draft",
    ),
    ("sends", "M=S D=U auth=all offers=-,REQUIRETLS,TLSPOLICY"),
    ("in clear", "M=S D=0 starttls=no dsn=true,false"),
];

const P4A_ROWS: &[(&str, &str)] = &[
    ("S", "M=S T=0,?,t+,t-"),
    ("N", "M=N,N.insec,N.unk T=0,?,t+,t-"),
    ("C", "M=C T=0,?,t+,t-"),
    ("S N C, T = e (dest also holds)", "M=S,N,C T=e+,e-"),
    ("I, V with T=e+", "M=I,V T=e+"),
    ("I, V with T=t+", "M=I,V T=t+"),
    ("I, T = e-, t-", "M=I T=e-,t-"),
    ("I, T=0", "M=I T=0"),
    ("I, T=?", "M=I T=?"),
    ("V, T = e-, t-, 0, ?", "M=V T=e-,t-,0,?"),
    ("A", "M=A T=0"),
];
const P4A_COLUMNS: &[(&str, &str)] = &[("D=U", "D=U"), ("D=0,X", "D=0,X"), ("D=E", "D=E")];

pub(crate) const TABLES: &[Table] = &[
    Table {
        title: "P3 untagged",
        base: proofs!("tag=none"),
        rows: P3_ROWS,
        columns: P3_COLUMNS,
    },
    Table {
        title: "P3 downgrade tags: nothing is required",
        base: proofs!("tag=H,LM"),
        rows: P3_ROWS,
        columns: ANY_T,
    },
    Table {
        title: "P3 discovery=off|audit: dest = may",
        base: proofs!("tag=none discovery=off,audit"),
        rows: P3_ROWS,
        columns: ANY_T,
    },
    Table {
        title: "P3 under every hop mode",
        base: proofs!("tag=LE hop=encrypt,opportunistic,off dsn=false"),
        rows: P3_ROWS,
        columns: P3_COLUMNS,
    },
    Table {
        title: "P3 on the null path",
        base: proofs!("tag=LE null_path=true dsn=false"),
        rows: P3_ROWS,
        columns: P3_COLUMNS,
    },
    Table {
        title: "P3 with the knob insecure_mx_dane (P2b)",
        base: proofs!("tag=none M=I D=0,U,X,E"),
        rows: &[
            ("encrypt", "insecure_mx_dane=encrypt"),
            ("may", "insecure_mx_dane=may"),
        ],
        columns: P3_COLUMNS,
    },
    Table {
        title: "P4",
        base: "T=0 offers=REQUIRETLS+TLSPOLICY",
        rows: &[
            ("none", "tag=none"),
            ("H, LM", "tag=H,LM"),
            ("LE", "tag=LE"),
            ("F0", "tag=F0"),
            ("FC", "tag=FC"),
            ("FD", "tag=FD"),
            ("FCD", "tag=FCD"),
            ("+DNSSEC", "tag=F0+DNSSEC,FC+DNSSEC,FD+DNSSEC,FCD+DNSSEC"),
            ("LS", "tag=LS"),
            ("R", "tag=R"),
        ],
        columns: P4_COLUMNS,
    },
    Table {
        title: "P4 under a weaker hop mode and on the null path",
        base: "T=0 offers=REQUIRETLS+TLSPOLICY",
        rows: &[
            ("requiring, hop=encrypt", "tag=LE,R,FCD+DNSSEC hop=encrypt"),
            (
                "requiring, hop=opportunistic",
                "tag=LE,R,FCD+DNSSEC hop=opportunistic",
            ),
            ("requiring, hop=off", "tag=LE,R,FCD+DNSSEC hop=off"),
            (
                "requiring, null path, null_path_floor=encrypt",
                "tag=LE,R,FD null_path=true",
            ),
            (
                "requiring, null path, null_path_floor=may",
                "tag=LE,R,FD null_path=true null_path_floor=may",
            ),
            (
                "requiring, null path, null_path_floor=secure",
                "tag=LE,R,FD null_path=true null_path_floor=secure",
            ),
            (
                "requiring, null path, the lowest of three",
                "tag=LE,R null_path=true hop=encrypt,opportunistic \
                 null_path_floor=secure",
            ),
        ],
        columns: P4_WEAKER_COLUMNS,
    },
    Table {
        title: "P4a R",
        base: proofs!("tag=R offers=REQUIRETLS"),
        rows: P4A_ROWS,
        columns: P4A_COLUMNS,
    },
    Table {
        title: "P4a R, discovery=off|audit",
        base: proofs!("tag=R offers=REQUIRETLS discovery=off,audit"),
        rows: P4A_ROWS,
        columns: P4A_COLUMNS,
    },
    Table {
        title: "P4a LS",
        base: proofs!("tag=LS"),
        rows: P4A_ROWS,
        columns: P4A_COLUMNS,
    },
    Table {
        title: "P4a with a site method pkix or pin",
        base: "tag=R,LS offers=REQUIRETLS methods=pkix,pin \
               auth=-,dane,pkix_host,site_pkix,site_pin",
        rows: P4A_ROWS,
        columns: P4A_COLUMNS,
    },
    P6,
    Table {
        title: "P6 FD and +DNSSEC",
        base: "tag=FD,FC+DNSSEC M=S D=0 T=0 auth=all offers=REQUIRETLS peer_dialect=draft",
        rows: &[
            ("3 path refused", "M=I,V,A,N.insec,N.unk"),
            ("6 TLSA lookup failed", "D=E discovery=on,off"),
            ("6a FD's path", "tag=FD M=S,I,V D=0,U,X"),
            ("6a CNAME at the host", "D=0,U cname=sec,insec,unk"),
            ("7 STS names other hosts", "D=0,U T=e-"),
            ("9 no STARTTLS offered", "D=0,U starttls=no"),
            ("12 nothing satisfies", "D=0,U auth=-"),
            ("12a chain not supplied", "D=0,U chain=false"),
            (
                "13 F12 cannot express the tag",
                "D=0,U peer_dialect=rfc8689",
            ),
        ],
        columns: &[
            ("tags", "hop=enforce"),
            ("hop=encrypt", "hop=encrypt"),
            ("hop=opportunistic/off", "hop=opportunistic,off"),
            ("null path", "null_path=true"),
            ("null path secure", "null_path=true null_path_floor=secure"),
        ],
    },
    Table {
        title: "P12",
        base: "tag=LE,LS,R,F0,FD,FC+DNSSEC auth=all offers=REQUIRETLS+TLSPOLICY M=S D=0 T=0",
        rows: &[
            ("path rule", "M=I,V cname=no,insec"),
            ("methods", "auth=-,dane,pkix_host"),
            ("parameter, not offered", "offers=-"),
            ("parameter, offered", "peer_dialect=rfc8689,draft"),
            ("parameter refused", "mail=param"),
            ("clear text", "starttls=no"),
            ("TLS 1.1", "tls=1.1"),
            ("no discovery", "M=C D=E T=0,e-"),
            ("dest stays", "tag=LE,R D=U auth=-,dane starttls=yes,no"),
            (
                "site floor stays",
                "tag=LE,R M=C floor=encrypt,secure auth=-,pkix_host starttls=yes,no",
            ),
            (
                "none, H, LM are not touched",
                "tag=none,H,LM M=C starttls=yes,no auth=-",
            ),
        ],
        columns: &[
            ("enforce", "hop=enforce"),
            ("encrypt", "hop=encrypt"),
            ("opportunistic", "hop=opportunistic"),
            ("off", "hop=off"),
            ("local", "hop=local M=C"),
            ("local carry", "hop=local-carry M=C"),
        ],
    },
];

const P6: Table = Table {
    title: "P6",
    base: "M=S D=0 T=0 auth=all offers=REQUIRETLS+TLSPOLICY",
    rows: &[
        ("1 MX lookup failed or bogus", "M=E"),
        ("2 NXDOMAIN", "M=X,X.insec,X.unk"),
        ("2 null MX", "M=Z,Z.insec,Z.unk"),
        ("2, 5a all unusable", "M=S,I,V addr=none,none_insec"),
        ("3 path refused", "M=I,V,A"),
        ("4 T=?", "M=I,V T=?"),
        ("5 no address, a family failed", "addr=err"),
        ("6 TLSA lookup failed", "D=E discovery=on,off"),
        ("7 STS names other hosts", "M=S,I,V T=e-"),
        ("7 STS names other hosts, testing", "M=I,V T=t-"),
        ("8 TCP failed, 4yz greeting", "tcp=fail,4yz"),
        ("8a 5yz greeting", "tcp=5yz"),
        ("9 no STARTTLS offered", "starttls=no"),
        ("9 no STARTTLS offered, M=V", "M=V starttls=no"),
        ("10 STARTTLS 4yz", "starttls=4yz"),
        ("10 EHLO inside TLS 4yz", "ehlo2=4yz"),
        ("11a STARTTLS 5yz", "starttls=5yz"),
        ("11b handshake failed", "hs=fail"),
        ("11b below TLS 1.2", "tls=1.1"),
        ("12 nothing satisfies", "auth=-"),
        ("12 nothing satisfies, M=V", "M=V auth=-"),
        ("12a chain not supplied", "chain=false"),
        ("13 EHLO inside TLS lacks it", "offers=-"),
        ("13 EHLO inside TLS refused 5yz", "ehlo2=5yz"),
        ("14 MAIL's parameter refused", "mail=param"),
        ("15 tag unreadable", "tag_readable=false"),
        ("15 site rule unreadable", "rule_readable=false"),
        ("16 in clear, MAIL answered 530", "starttls=no mail=530"),
    ],
    columns: &[
        ("untagged/H", "tag=none,H,LM"),
        ("dest DANE", "tag=none D=U,X"),
        ("dest STS", "tag=none T=e+"),
        ("site encrypt", "tag=none,H floor=encrypt"),
        ("site secure", "tag=none,H floor=secure methods=-,dane,pin"),
        ("tags", "tag=LE,LS,R,F0,FC,FCD"),
        ("tags committed", "tag=LE,LS,R,F0,FC,FCD D=U"),
        ("tags site", "tag=LE,LS,R,F0,FC,FCD floor=encrypt"),
        ("hop=encrypt", "tag=LE,LS,R,FC hop=encrypt"),
        ("hop=encrypt committed", "tag=LE,LS,R,FC hop=encrypt D=U"),
        ("hop=opportunistic/off", "tag=LE,R,FC hop=opportunistic,off"),
        ("null path", "tag=LE,R,FC null_path=true"),
        (
            "null path secure",
            "tag=LE,LS,R,FC null_path=true null_path_floor=secure",
        ),
    ],
};
