//! The decision vectors VX, each a case written by hand and the answer prescribed for it.
//!
//! The case is JSON with `@words` for what an address shows; the answer is the action, then the
//! fields that the vector names. VX15, VX32 and VX52 also stand in the tests of `delivery`, VX43 in
//! `recheck`; VX34 and VX46 are discovery's.

// A test's own faults end it.
#![allow(clippy::panic)]

use requiretls_core::case::{Answer, Case};

/// What an address shows, in short.
const SHOWN: [(&str, &str); 12] = [
    ("@clear", r#"{"starttls":"no"}"#),
    ("@selfsigned+R", r#"{"offers":["REQUIRETLS"]}"#),
    ("@selfsigned", "{}"),
    (
        "@pkix+R",
        r#"{"auth":["pkix_host"],"offers":["REQUIRETLS"]}"#,
    ),
    ("@pkix", r#"{"auth":["pkix_host"]}"#),
    (
        "@domain+R",
        r#"{"auth":["pkix_nh"],"offers":["REQUIRETLS"]}"#,
    ),
    ("@domain", r#"{"auth":["pkix_nh"]}"#),
    ("@dane+R", r#"{"auth":["dane"],"offers":["REQUIRETLS"]}"#),
    ("@dane", r#"{"auth":["dane"]}"#),
    ("@pin+R", r#"{"auth":["site_pin"],"offers":["REQUIRETLS"]}"#),
    ("@down", r#"{"tcp":"fail"}"#),
    ("@554", r#"{"tcp":"5yz"}"#),
];

#[rustfmt::skip]
const VECTORS: &[(&str, &str, &str)] = &[
    ("VX1 P6.9", r#"{"hosts":[{"addrs":[@clear]}]}"#, "go tls=false level=may who=nobody"),
    ("VX2 P6.9", r#"{"hosts":[{"D":"U","addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=recipient"),
    ("VX4 S16", r#"{"sts":"t","hosts":[{"match":false,"addrs":[@selfsigned]}]}"#, "go tls=true level=may"),
    ("VX5 P3 S22", r#"{"sts":"e","hosts":[{"D":"U","match":false,"addrs":[@dane]}]}"#, "go level=secure who=recipient"),
    ("VX5 P3, M=I", r#"{"M":"I","sts":"e","hosts":[{"D":"U","match":false,"addrs":[@dane]}]}"#, "defer 451 4.7.5 row=7 who=recipient"),
    ("VX7 P6.9", r#"{"tag":"LE","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9 who=sender"),
    ("VX7 L8, self-signed", r#"{"tag":"LE","hosts":[{"addrs":[@selfsigned]}]}"#, "go level=encrypt who=sender"),
    ("VX8 R20 P11 (b)", r#"{"tag":"R","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS level=secure"),
    ("VX9 R18 P6.3 P11 (b)", r#"{"tag":"R","M":"I","hosts":[{"addrs":[@pkix+R]}]}"#, "bounce 550 5.7.10 row=3 who=sender"),
    ("VX9 P6.4", r#"{"tag":"R","M":"I","sts":"?","hosts":[{"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=4 who=sender"),
    ("VX10 R18 P4a, e+", r#"{"tag":"R","M":"I","sts":"e","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX10 R18 P4a, t+", r#"{"tag":"R","M":"I","sts":"t","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX10 P6.7, e-", r#"{"tag":"R","M":"I","sts":"e","hosts":[{"match":false,"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=7"),
    ("VX11 R19 P11 (b)", r#"{"tag":"R","M":"N","hosts":[{"addrs":[@domain+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX11 R19, other name", r#"{"tag":"R","M":"N","hosts":[{"addrs":[@selfsigned+R]}]}"#, "bounce 550 5.7.10 row=12"),
    ("VX12 R24 P7 P11 (d)", r#"{"tag":"R","hosts":[{"addrs":[@pkix]},{"addrs":[@pkix+R]}]}"#, "go host=1 sends=REQUIRETLS"),
    ("VX14 R25 R35 E1", r#"{"tag":"R","hosts":[{"addrs":[@pkix]},{"addrs":[@pkix]}]}"#, "bounce 550 5.7.30 row=13 who=sender"),
    ("VX17 R16 R29 P11 (c)", r#"{"tag":"R","null_path":true,"hosts":[{"addrs":[@selfsigned]}]}"#, "go sends=RET=HDRS level=encrypt"),
    ("VX17 R29, no STARTTLS", r#"{"tag":"R","null_path":true,"hosts":[{"addrs":[@clear]}]}"#, "defer 451 4.7.10 row=9 who=sender"),
    ("VX18 P4a", r#"{"tag":"R","M":"A","hosts":[{"addrs":[@pkix+R]}]}"#, "bounce 550 5.7.10 row=3"),
    ("VX18 P8, pinned", r#"{"tag":"R","M":"A","methods":["pin"],"hosts":[{"addrs":[@pin+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX20 P4, FD", r#"{"tag":"FD","hosts":[{"addrs":[@pkix+R]}]}"#, "bounce 550 5.7.10 row=6a"),
    ("VX20 P4, FCD", r#"{"tag":"FCD","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX20 P4 F6 F9, FC+DNSSEC", r#"{"tag":"FC","dnssec":true,"M":"I","hosts":[{"addrs":[@pkix+R]}]}"#, "bounce 550 5.7.5 row=3"),
    ("VX22 R26 P6.1", r#"{"tag":"R","M":"E"}"#, "defer 451 4.4.3 row=1 who=nobody"),
    ("VX22 D2 P6.1, untagged", r#"{"M":"E"}"#, "defer 451 4.4.3 row=1"),
    ("VX22 P6.2 E2", r#"{"tag":"R","M":"Z"}"#, "bounce 556 5.1.10 row=2"),
    ("R17, null MX under every tag", r#"{"tag":"F0","M":"Z"}"#, "bounce 556 5.1.10 row=2"),
    ("R17, no MX: the domain is the host", r#"{"tag":"LE","M":"N","hosts":[{"addrs":[@selfsigned]}]}"#, "go host=0 level=encrypt"),
    ("R17, hosts in the order of MX", r#"{"tag":"R","hosts":[{"addrs":[@down]},{"addrs":[@pkix+R]},{"addrs":[@pkix+R]}]}"#, "go host=1"),
    ("R17, every address of a host first", r#"{"tag":"R","hosts":[{"addrs":[@down,@pkix+R]},{"addrs":[@pkix+R]}]}"#, "go host=0 addr=1"),
    ("R17 VX45, a CNAME at the MX name is followed, the name stays", r#"{"tag":"R","hosts":[{"cname":"sec","addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX24 P6.15 E1", r#"{"tag":"R","tag_readable":false}"#, "defer 451 4.3.0 row=15"),
    ("VX24 P6.11b R23", r#"{"tag":"R","hosts":[{"addrs":[{"tls":"1.1","auth":["pkix_host"],"offers":["REQUIRETLS"]}]}]}"#, "defer 451 4.7.10 row=11b"),
    ("VX25 P8 L4", r#"{"floor":"secure","M":"I","hosts":[{"addrs":[@pkix]}]}"#, "defer 451 4.7.5 row=12 who=site"),
    ("VX25 P8, domain named", r#"{"floor":"secure","M":"I","hosts":[{"addrs":[@domain]}]}"#, "go level=secure who=site"),
    ("VX26 R36 P6.11b", r#"{"tag":"H","floor":"encrypt","hosts":[{"addrs":[{"hs":"fail"}]}]}"#, "defer 451 4.7.5 row=11b who=site"),
    ("VX27 P1", r#"{"tag":"H","floor":"secure","hosts":[{"D":"U","addrs":[@dane]}]}"#, "go level=secure who=site"),
    ("VX27 P6.6", r#"{"tag":"H","floor":"secure","hosts":[{"D":"E","addrs":[@dane]}]}"#, "defer 451 4.7.5 row=6 who=site"),
    ("VX29 P6.7 E1", r#"{"tag":"R","M":"I","sts":"e","hosts":[{"match":false,"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=7"),
    ("VX30 P6.9 E1", r#"{"tag":"R","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9"),
    ("VX31 P2a", r#"{"tag":"R","M":"V","hosts":[{"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=3"),
    ("VX31 P2a, e+", r#"{"tag":"R","M":"V","sts":"e","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX31 P2a, untagged", r#"{"M":"V","hosts":[{"addrs":[@selfsigned]}]}"#, "go level=may"),
    ("VX32 P6.12a", r#"{"tag":"R","hosts":[{"addrs":[{"chain":false,"auth":["pkix_host"],"offers":["REQUIRETLS"]}]}]}"#, "defer 451 4.7.10 row=12a"),
    ("VX33 P12", r#"{"tag":"R","hop":"enforce","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9"),
    ("VX35 P12", r#"{"tag":"R","M":"A","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=3"),
    ("VX35 P12, socket", r#"{"tag":"R","M":"C","hop":"opportunistic","hosts":[{"addrs":[@clear]}]}"#, "go tls=false unmet=starttls"),
    ("VX36 P4 D7", r#"{"tag":"FD","M":"I","hosts":[{"D":"U","addrs":[@dane+R]}]}"#, "bounce 550 5.7.10 row=6a"),
    ("VX36 P4, no MX", r#"{"tag":"FD","M":"N","peer_dialect":"draft","hosts":[{"D":"U","addrs":[@dane+R]}]}"#, "go sends=REQUIRETLS=DANE"),
    ("VX37 F12", r#"{"tag":"FC","dnssec":true,"hosts":[{"addrs":[@pkix+R]}]}"#, "bounce 550 5.7.30 row=13"),
    ("VX37 F12, draft peer", r#"{"tag":"FC","dnssec":true,"peer_dialect":"draft","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS=CHAIN,DNSSEC"),
    ("VX39 P4 L9", r#"{"tag":"LS","hosts":[{"addrs":[@domain]}]}"#, "go level=secure sends="),
    ("VX40 P4", r#"{"tag":"LS","null_path":true,"hosts":[{"addrs":[@selfsigned]}]}"#, "go level=encrypt"),
    ("VX40 P4, F0", r#"{"tag":"F0","null_path":true,"hosts":[{"addrs":[@selfsigned]}]}"#, "go sends=RET=HDRS"),
    ("VX41 P6.14", r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"],"offers":["REQUIRETLS"],"mail":"other"}]}]}"#, "go sends=REQUIRETLS"),
    ("VX44 P2c", r#"{"tag":"R","M":"I","sts":"?","hosts":[{"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=4"),
    ("VX44 P2c, untagged", r#"{"M":"I","sts":"?","hosts":[{"addrs":[@selfsigned]}]}"#, "go level=may"),
    ("VX45 P2", r#"{"tag":"R","hosts":[{"cname":"insec","addrs":[@selfsigned+R]}]}"#, "bounce 550 5.7.10 row=12"),
    ("VX47 P6.6a", r#"{"tag":"FC","dnssec":true,"peer_dialect":"draft","hosts":[{"cname":"insec","addrs":[@pkix+R]},{"addrs":[@pkix+R]}]}"#, "go host=1"),
    ("VX48 P5", r#"{"tag":"LE","hosts":[{"addrs":[@clear,@clear,@clear,@selfsigned]}]}"#, "go host=0 addr=3"),
    ("VX49 P4a", r#"{"tag":"R","M":"C","hosts":[{"addrs":[@pkix]}]}"#, "bounce 550 5.7.30 row=13"),
    ("VX49 P12", r#"{"tag":"R","M":"C","hop":"encrypt","hosts":[{"addrs":[@pkix]}]}"#, "go sends=RET=HDRS unmet=norequiretls"),
    ("VX51 P10", r#"{"tag":"LE","hosts":[{"addrs":[{"tls":"1.1"}]}]}"#, "defer 451 4.7.10 row=11b"),
    ("VX53 P3 P4a", r#"{"tag":"R","discovery":"off","M":"I","sts":"e","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX54 R15 P6.16", r#"{"tag":"H","hosts":[{"addrs":[{"starttls":"no","mail":"530"}]}]}"#, "bounce 530 5.7.0 row=16 who=sender"),
    ("VX55 P6.2, null MX", r#"{"M":"Z","msec":"insec","sts":"e"}"#, "defer 451 4.7.5 row=2 who=recipient"),
    ("VX55 P6.2, NXDOMAIN", r#"{"M":"X","msec":"insec","sts":"e"}"#, "defer 451 4.7.5 row=2 who=recipient"),
    ("VX55 P6.2, null MX, no cache", r#"{"M":"Z","msec":"insec"}"#, "bounce 556 5.1.10 row=2"),
    ("VX55 P6.2, NXDOMAIN, no cache", r#"{"M":"X","msec":"insec"}"#, "bounce 550 5.1.2 row=2"),
    ("VX56 P4", r#"{"tag":"R","hop":"encrypt","M":"I","hosts":[{"addrs":[@selfsigned+R]}]}"#, "go sends=REQUIRETLS level=encrypt"),
    ("VX60 P12", r#"{"tag":"R","hop":"encrypt","M":"I","hosts":[{"addrs":[@selfsigned]}]}"#, "go sends=RET=HDRS unmet=mx,cert,norequiretls"),
    ("VX61 P6.9", r#"{"tag":"R","hop":"encrypt","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9"),
    ("VX62 P5", r#"{"tag":"R","hop":"encrypt","hosts":[{"D":"U","addrs":[@selfsigned+R]}]}"#, "defer 451 4.7.10 row=12 who=recipient"),
    ("VX63 P6.9", r#"{"tag":"R","hop":"opportunistic","hosts":[{"addrs":[@clear]}]}"#, "go tls=false sends=RET=HDRS"),
    ("VX63 P6.9, floor", r#"{"tag":"R","hop":"opportunistic","floor":"encrypt","hosts":[{"addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=site"),
    ("VX64 P12", r#"{"tag":"R","hop":"off","hosts":[{"addrs":[@selfsigned+R]}]}"#, "go sends=RET=HDRS unmet="),
    ("VX66 P12", r#"{"tag":"LS","M":"C","hop":"local","hosts":[{"addrs":[@clear]}]}"#, "go tls=false level=may"),
    ("VX66 P12, carry", r#"{"tag":"LS","M":"C","hop":"local carry","hosts":[{"addrs":[{"starttls":"no","offers":["TLSPOLICY"]}]}]}"#, "go tls=false sends=TLSPOLICY=SECURE"),
    ("P12, LM in clear on a carrying socket", r#"{"tag":"LM","M":"C","hop":"local carry","hosts":[{"addrs":[{"starttls":"no","offers":["TLSPOLICY"]}]}]}"#, "go tls=false sends="),
    ("P12, FD to a socket: path and dialect are void", r#"{"tag":"FD","M":"C","hop":"local","hosts":[{"addrs":[@selfsigned+R]}]}"#, "go sends=REQUIRETLS unmet=cert"),
    ("P12 R23, TLS 1.1 is as no TLS", r#"{"tag":"R","hop":"opportunistic","hosts":[{"addrs":[{"tls":"1.1","auth":["pkix_host"],"offers":["REQUIRETLS"]}]}]}"#, "go tls=true unmet=starttls"),
    ("VX67 P6.15 E1", r#"{"tag":"R","rule_readable":false}"#, "defer 451 4.3.5 row=15"),
    ("VX68 R30 P4", r#"{"tag":"R","null_path":true,"hosts":[{"addrs":[@selfsigned]}]}"#, "go level=encrypt"),
    ("VX68 P4, opportunistic", r#"{"tag":"R","null_path":true,"hop":"opportunistic","hosts":[{"addrs":[@clear]}]}"#, "go tls=false"),
    ("VX69 R21 D12", r#"{"tag":"R","hosts":[{"D":"U","addrs":[@dane+R]}]}"#, "go sends=REQUIRETLS"),
    ("VX70 P5", r#"{"tag":"R","hosts":[{"D":"U","addrs":[@selfsigned+R]},{"D":"U","addrs":[@dane]}]}"#, "defer 451 4.7.10 row=12"),
    ("VX70 P5, both lack it", r#"{"tag":"R","hosts":[{"D":"U","addrs":[@dane]},{"D":"U","addrs":[@dane]}]}"#, "bounce 550 5.7.30 row=13"),
    ("VX71 P5", r#"{"tag":"R","floor":"encrypt","hosts":[{"addrs":[@clear]}]}"#, "defer 451 4.7.10 row=9 who=site"),
    ("VX73 P6.6", r#"{"tag":"H","floor":"encrypt","hosts":[{"D":"E","addrs":[@selfsigned]}]}"#, "go level=encrypt"),
    ("VX73 P6.6, untagged", r#"{"floor":"encrypt","hosts":[{"D":"E","addrs":[@selfsigned]}]}"#, "defer 451 4.7.5 row=6 who=recipient"),
    ("VX74 P6.3", r#"{"floor":"secure","methods":["dane"],"M":"I","hosts":[{"D":"U","addrs":[@dane]}]}"#, "defer 451 4.7.5 row=3 who=site"),
    ("VX74 P6.3, M=S", r#"{"floor":"secure","methods":["dane"],"hosts":[{"D":"U","addrs":[@dane]}]}"#, "go level=secure"),
    ("VX75 P5", r#"{"tag":"R","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=7"),
    ("VX75 P4a, LS", r#"{"tag":"LS","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@pkix]}]}"#, "defer 451 4.7.10 row=12"),
    ("VX75, untagged", r#"{"M":"I","sts":"t","hosts":[{"match":false,"addrs":[@selfsigned]}]}"#, "go"),
    ("VX76 P5", r#"{"tag":"FC","hosts":[{"D":"U","addrs":[@dane+R]}]}"#, "defer 451 4.7.10 row=12"),
    ("VX76 P5, D=0", r#"{"tag":"FC","hosts":[{"addrs":[@selfsigned+R]}]}"#, "bounce 550 5.7.10 row=12"),
    ("VX77 F12", r#"{"tag":"FD","hop":"encrypt","hosts":[{"addrs":[@selfsigned+R]}]}"#, "go sends=REQUIRETLS unmet=mx,cert,downcast"),
    ("VX78 P4", r#"{"tag":"R","null_path":true,"null_path_floor":"secure","M":"I","hosts":[{"addrs":[@pkix+R]}]}"#, "defer 451 4.7.10 row=3"),
    ("VX78 P6.2", r#"{"tag":"H","M":"Z","msec":"insec","sts":"e"}"#, "bounce 556 5.1.10 row=2"),
    ("VX79 P6.2", r#"{"hosts":[{"addr":"none","addrs":[]},{"addr":"none","addrs":[]}]}"#, "bounce 550 5.4.4 row=2"),
    ("VX79 P6.2, live policy", r#"{"M":"I","sts":"e","hosts":[{"addr":"none","addrs":[]}]}"#, "defer 451 4.7.5 row=2"),
    ("VX81 P6.8a", r#"{"tag":"R","hosts":[{"addrs":[@554]},{"addrs":[@pkix]}]}"#, "defer 451 4.3.2 row=8a"),
    ("VX82 R26 P5", r#"{"tag":"R","hosts":[{"addrs":[@down]},{"D":"U","addrs":[@clear]}]}"#, "defer 451 4.7.10 row=9"),
    ("VX83 P5", r#"{"tag":"R","M":"I","hosts":[{"addr":"err","addrs":[]}]}"#, "bounce 550 5.7.10 row=3"),
    ("VX84 P8", r#"{"floor":"secure","methods":["dane","pin"],"M":"I","hosts":[{"D":"U","addrs":[@dane]}]}"#, "defer 451 4.7.5 row=12"),
    ("VX84 P8, pinned", r#"{"floor":"secure","methods":["dane","pin"],"M":"I","hosts":[{"D":"U","addrs":[{"auth":["dane","site_pin"]}]}]}"#, "go level=secure who=site"),
    ("VX85 P2d", r#"{"tag":"H","floor":"encrypt","hosts":[{"D":"U","addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=site"),
    ("VX86 P5", r#"{"tag":"R","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@down]}]}"#, "defer 451 4.7.10 row=7"),
    ("VX86 P5, R, no STARTTLS", r#"{"tag":"R","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@clear]}]}"#, "defer 451 4.7.10 row=7 who=sender"),
    ("VX86 P5, LS", r#"{"tag":"LS","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@clear]}]}"#, "defer 451 4.7.10 row=9"),
    ("VX86 P5, LE", r#"{"tag":"LE","M":"I","sts":"t","hosts":[{"match":false,"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9"),
    ("P2c, T=? is 0 to FC", r#"{"tag":"FC","M":"I","sts":"?","hosts":[{"addrs":[@selfsigned+R]}]}"#, "bounce 550 5.7.10 row=12 who=sender"),
    ("P4a, T=? may heal for LS", r#"{"tag":"LS","M":"I","sts":"?","hosts":[{"addrs":[@selfsigned]}]}"#, "defer 451 4.7.10 row=12 who=sender"),
    ("P10, AUTH not in clear", r#"{"auth_credentials":true,"hosts":[{"addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=nobody"),
    ("P10, AUTH not after a failed handshake", r#"{"auth_credentials":true,"hosts":[{"addrs":[{"hs":"fail"}]}]}"#, "defer 451 4.7.5 row=11b"),
    ("R14, TLS where it can be had", r#"{"tag":"H","hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "go tls=true level=may"),
    ("P6.14, LM", r#"{"tag":"LM","hosts":[{"addrs":[{"offers":["TLSPOLICY"],"mail":"param"}]}]}"#, "go sends="),
    ("P6.14, LE", r#"{"tag":"LE","hosts":[{"addrs":[{"offers":["TLSPOLICY"],"mail":"param"}]}]}"#, "go sends=RET=HDRS"),
    ("P6.14 R27, R", r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"],"offers":["REQUIRETLS"],"mail":"param"}]}]}"#, "bounce 550 5.7.30 row=14"),
    ("P6.14, R under hop encrypt", r#"{"tag":"R","hop":"encrypt","hosts":[{"addrs":[{"offers":["REQUIRETLS"],"mail":"param"}]}]}"#, "go sends=RET=HDRS unmet=cert,refused"),
    ("P6.13, HELO inside TLS", r#"{"tag":"R","hosts":[{"addrs":[{"auth":["pkix_host"],"ehlo2":"5yz","offers":["REQUIRETLS"]}]}]}"#, "bounce 550 5.7.30 row=13"),
    ("P6.10, EHLO inside TLS 4yz, level may", r#"{"hosts":[{"addrs":[{"ehlo2":"4yz"}]}]}"#, "go tls=false"),
    ("P6.10, STARTTLS 4yz", r#"{"tag":"LE","hosts":[{"addrs":[{"starttls":"4yz"}]}]}"#, "defer 451 4.7.10 row=10 who=sender"),
    ("P6.11a, STARTTLS 5yz", r#"{"tag":"LE","hosts":[{"addrs":[{"starttls":"5yz"}]}]}"#, "bounce 550 5.7.10 row=11a"),
    ("P13, draft and R", r#"{"tag":"R","peer_dialect":"draft","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS=CHAIN,DANE"),
    ("F5, F0 by any TLS", r#"{"tag":"F0","hosts":[{"addrs":[@selfsigned+R]}]}"#, "go level=encrypt sends=REQUIRETLS"),
    ("F5, FC by its chain", r#"{"tag":"FC","hosts":[{"addrs":[@pkix+R]}]}"#, "go sends=REQUIRETLS"),
    ("F5, FCD by DANE as well", r#"{"tag":"FCD","hosts":[{"D":"U","addrs":[@dane+R]}]}"#, "go sends=REQUIRETLS"),
    ("F6, the lookup failed", r#"{"tag":"FC","dnssec":true,"M":"E"}"#, "defer 451 4.4.3 row=1"),
    ("F8 F9, F0 without REQUIRETLS", r#"{"tag":"F0","hosts":[{"addrs":[@selfsigned]}]}"#, "bounce 550 5.7.30 row=13 who=sender"),
    ("F9, F0 without TLS", r#"{"tag":"F0","hosts":[{"addrs":[@clear]}]}"#, "bounce 550 5.7.10 row=9 who=sender"),
    ("L3, LS by DANE", r#"{"tag":"LS","hosts":[{"D":"U","addrs":[@dane]}]}"#, "go level=secure"),
    ("L3, LS by PKIX", r#"{"tag":"LS","hosts":[{"addrs":[@pkix]}]}"#, "go level=secure"),
    ("L10, MAY puts DANE aside", r#"{"tag":"LM","hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "go level=may"),
    ("L10, MAY under a floor", r#"{"tag":"LM","floor":"encrypt","hosts":[{"addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=site"),
    ("L10, ENCRYPT beside DANE", r#"{"tag":"LE","hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "defer 451 4.7.10 row=12 who=recipient"),
    ("S23, a host not listed is passed over", r#"{"sts":"e","hosts":[{"match":false,"addrs":[@pkix]},{"addrs":[@pkix]}]}"#, "go host=1 level=secure"),
    ("D2, TLSA failed, next host", r#"{"hosts":[{"D":"E","addrs":[@dane]},{"addrs":[@selfsigned]}]}"#, "go host=1"),
    ("D2, TLSA failed, none left", r#"{"hosts":[{"D":"E","addrs":[@dane]}]}"#, "defer 451 4.7.5 row=6 who=recipient"),
    ("D4, usable, no match", r#"{"hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "defer 451 4.7.5 row=12 who=recipient"),
    ("D4, unusable, in clear", r#"{"hosts":[{"D":"X","addrs":[@clear]}]}"#, "defer 451 4.7.4 row=9 who=recipient"),
    ("D4, unusable, any certificate", r#"{"hosts":[{"D":"X","addrs":[@selfsigned]}]}"#, "go level=encrypt who=recipient"),
    ("D6, a worse host's TLSA moves nothing", r#"{"hosts":[{"addrs":[@selfsigned]},{"D":"U","addrs":[@dane]}]}"#, "go host=0 level=may"),
    ("D7, DANE behind an insecure MX", r#"{"M":"I","hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "defer 451 4.7.5 row=12 who=recipient"),
    ("D7, knob encrypt", r#"{"M":"I","insecure_mx_dane":"encrypt","hosts":[{"D":"U","addrs":[@selfsigned]}]}"#, "go level=encrypt"),
    ("D7, knob may", r#"{"M":"I","insecure_mx_dane":"may","hosts":[{"D":"U","addrs":[@clear]}]}"#, "go level=may"),
    ("D21, no TLSA where DANE is a must", r#"{"floor":"secure","methods":["dane"],"hosts":[{"addrs":[@pkix]}]}"#, "defer 451 4.7.5 row=12 who=site"),
    ("D22, off", r#"{"discovery":"off","hosts":[{"D":"U","addrs":[@clear]}]}"#, "go level=may tls=false"),
    ("D22, audit", r#"{"discovery":"audit","hosts":[{"D":"U","addrs":[@clear]}]}"#, "go level=may tls=false"),
    ("P6.5, no address found", r#"{"hosts":[{"addr":"err","addrs":[]}]}"#, "defer 451 4.4.3 row=5 who=nobody"),
    ("P6.5, next host", r#"{"hosts":[{"addr":"err","addrs":[]},{"addrs":[@selfsigned]}]}"#, "go host=1"),
    ("P6.5a, next host", r#"{"hosts":[{"addr":"none","addrs":[]},{"addrs":[@selfsigned]}]}"#, "go host=1"),
    ("P6.5a, a denial that can be forged", r#"{"M":"I","sts":"e","hosts":[{"addr":"none_insec","addrs":[]}]}"#, "defer 451 4.4.3 row=5"),
    ("P11 (a), untagged", r#"{"M":"I","sts":"e","hosts":[{"addrs":[@selfsigned]}]}"#, "defer 451 4.7.5 row=12 who=recipient"),
    ("P11 (a), R", r#"{"tag":"R","M":"I","sts":"e","hosts":[{"addrs":[@selfsigned+R]}]}"#, "defer 451 4.7.10 row=12 who=recipient"),
];

#[test]
fn vx_vectors() {
    let wrong: Vec<String> = VECTORS
        .iter()
        .filter_map(|(id, case, expected)| {
            let answer = decide(id, case);
            differs(&answer, expected).map(|d| format!("{id}: {d}\n  {answer:?}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_refusal_says_who_and_where() {
    for (id, case, _) in VECTORS {
        let answer = decide(id, case);
        if answer.action != "go" && answer.who != "nobody" {
            let named = answer.sentence.contains("mx")
                || answer.sentence.contains("case.test")
                || answer.sentence.contains("192.0.");
            assert!(
                named,
                "{id}: E6: no host or next hop in: {}",
                answer.sentence
            );
        }
    }
}

fn decide(id: &str, case: &str) -> Answer {
    let mut text = (*case).to_owned();
    for (word, shown) in SHOWN {
        text = text.replace(word, shown);
    }
    Case::parse(&text)
        .unwrap_or_else(|e| panic!("{id}: {e}: {text}"))
        .decide()
}

/// The first token of the expectation that the answer does not meet.
fn differs(answer: &Answer, expected: &str) -> Option<String> {
    let mut words = expected.split(' ').peekable();
    let check = |name: &str, is: &str, want: &str| {
        (is != want).then(|| format!("{name} is {is:?}, not {want:?}"))
    };
    if let Some(d) = check("action", answer.action, words.next()?) {
        return Some(d);
    }
    if words
        .peek()
        .is_some_and(|word| word.bytes().all(|b| b.is_ascii_digit()))
    {
        let code = check("code", &answer.code, words.next()?);
        let enhanced = check("enhanced", &answer.enhanced, words.next()?);
        if code.is_some() || enhanced.is_some() {
            return code.or(enhanced);
        }
    }
    words.find_map(|word| {
        let (name, want) = word.split_once('=').unwrap_or((word, ""));
        let is = match name {
            "addr" => answer.addr.map_or_else(String::new, |a| a.to_string()),
            "host" => answer.host.map_or_else(String::new, |h| h.to_string()),
            "level" => answer.level.to_owned(),
            "row" => answer.row.to_owned(),
            "sends" => answer.sends.clone(),
            "tls" => answer.tls.map_or_else(String::new, |t| t.to_string()),
            "unmet" => answer.unmet.join(","),
            "who" => answer.who.to_owned(),
            other => panic!("no such field: {other}"),
        };
        check(name, &is, want)
    })
}
